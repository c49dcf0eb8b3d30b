// What an entity is given: by its kind, and by whoever owns it.
import type { Clock } from '../base/clock.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';
import type { ReceiptWindow } from './receipts.ts';
import type { SnapshotPolicy } from './snapshot-writer.ts';

/** What all entities of a kind share. */
export interface EntityPorts<State, C extends Command> {
  readonly law: Law<State, C>;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Commands that may wait for their answers; one more is refused with `OVERLOADED`. */
  readonly mailboxSize: number;
  readonly snapshots?: SnapshotPolicy;
  readonly receipts?: ReceiptWindow;
}

/** Whose entity it is, and who hears what becomes of it. */
export interface EntityOwner<State> {
  readonly stream: string;
  readonly incarnation: number;
  /** An event has become durable, and `state` is the state after it. */
  become(event: StoredEvent, state: State): void;
  /** Events that became durable together, in order; `state` is the state after the last. */
  tell(events: readonly StoredEvent[], state: State): void;
  /** The law or the journal failed in a way that this incarnation cannot outlive. */
  crash(error: Error): void;
}

export type EntityOptions<State, C extends Command> = EntityPorts<State, C> & EntityOwner<State>;
