// Decided commands on their way to the disk. Of one stream one batch flies at a time; what is decided meanwhile goes next.
import type { Append, EventDraft, Receipt } from '../journal/journal.ts';
import type { Answer } from './command-meta.ts';
import type { DecidedEvent } from './decide.ts';
import type { Job } from './mailbox.ts';

/** An append that has reached what it waited for. */
export type Landed = Extract<Append, { readonly ok: true }>;

/** A decided command: its events, and what its caller hears once they are durable. */
export interface Flight<State, C> {
  readonly command: string;
  /** None when the answer says that nothing had to be done, or refuses: it then waits for what it was decided on. */
  readonly events: readonly DecidedEvent<State>[];
  readonly receipts: readonly Receipt[];
  /** Who waits for it; nobody for a deadline. */
  readonly job: Job<C> | undefined;
  readonly answer: Answer | Error;
}

/** False for an answer that only waits for others: whatever becomes of them, it changed nothing. */
export function isWritten({ events, receipts }: Flight<unknown, unknown>): boolean {
  return events.length + receipts.length > 0;
}

/** What a batch brings to the disk, and the state after it, if it changes any. */
export function loadOf<State>(batch: readonly Flight<State, unknown>[]): {
  readonly drafts: readonly EventDraft[];
  readonly receipts: readonly Receipt[];
  readonly state: State | undefined;
} {
  const drafts: EventDraft[] = [];
  const receipts: Receipt[] = [];
  let state: State | undefined;
  for (const flight of batch) {
    for (const event of flight.events) {
      drafts.push(event.draft);
      state = event.state;
    }
    for (const receipt of flight.receipts) receipts.push(receipt);
  }
  return { drafts, receipts, state };
}

export class Flights<State, C> {
  #outgoing: Flight<State, C>[] | undefined;
  #flying: Flight<State, C>[] | undefined;

  get isFlying(): boolean {
    return this.#flying !== undefined;
  }

  get hasOutgoing(): boolean {
    return this.#outgoing !== undefined;
  }

  add(flight: Flight<State, C>): void {
    if (this.#outgoing === undefined) this.#outgoing = [flight];
    else this.#outgoing.push(flight);
  }

  /** Lets an answer without events follow what was decided before it; false when all of that is durable. */
  follow(flight: Flight<State, C>): boolean {
    const ahead = this.#outgoing ?? this.#flying;
    ahead?.push(flight);
    return ahead !== undefined;
  }

  /** Takes as much as one batch of `limitBytes` holds, at least one flight. Receipts and head fit in the slack left. */
  depart(limitBytes: number): readonly Flight<State, C>[] {
    const outgoing = this.#outgoing ?? [];
    const count = fitting(outgoing, limitBytes / 2);
    const isAll = count === outgoing.length;
    this.#flying = isAll ? outgoing : outgoing.splice(0, count);
    this.#outgoing = isAll ? undefined : outgoing;
    return this.#flying;
  }

  land(): void {
    this.#flying = undefined;
  }

  /** Takes out what has not departed. */
  cancel(): readonly Flight<State, C>[] {
    const outgoing = this.#outgoing ?? [];
    this.#outgoing = undefined;
    return outgoing;
  }
}

/** How many of them have at most so many bytes together, and one in any case. */
function fitting(flights: readonly Flight<unknown, unknown>[], limitBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const { events } of flights) {
    for (const { draft } of events) bytes += draft.payload.length * 2 + 1024;
    if (count > 0 && bytes > limitBytes) break;
    count += 1;
  }
  return count;
}
