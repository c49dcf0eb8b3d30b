// The parked events of all sessions that have some: known without a wait, kept across restarts, and in memory for those sessions
// alone. A start reads the heads of their streams, and the streams of those that have any.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import {
  type ParkedCommand,
  type ParkedData,
  type ParkedEvent,
  type ParkedState,
  parkedLaw,
  parkedStream,
} from '../../domain/recovery/parked-law.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import { Entity } from '../../entity/entity.ts';
import type { EntityOptions } from '../../entity/entity-options.ts';
import { hydrate } from '../../entity/hydrate.ts';
import { answerFromRecord, receiptKey, receiptWindow } from '../../entity/receipts.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Parkings } from '../../journal/replay-guard.ts';
import { type ReadableParkings, readParkings } from './readable-parkings.ts';

export interface ParkedEventsOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Events of a session's list became durable. */
  readonly tell: (sessionId: string, events: readonly StoredEvent[]) => void;
}

/** What is wrong with the list of a session: nobody can say what is to be left out of its replay. */
export interface DamagedParkings {
  readonly sessionId: string;
  readonly error: HoldfastError;
}

interface Known {
  readonly events: readonly ParkedEvent[];
  readonly parkings: Parkings;
}

const prefix = parkedStream('');
const sessions = sessionStream('');

export const parkingsOf = (events: readonly ParkedData[]): Parkings =>
  new Map([...events].sort((a, b) => a.seq - b.seq).map((event) => [event.seq, event]));

export class ParkedEvents {
  readonly #options: ParkedEventsOptions;
  readonly #known = new Map<string, Known>();
  /** What cannot be read may have said anything: nobody folds these. */
  readonly #damaged = new Map<string, HoldfastError>();
  /** Of these the end is gone, and what is left of them reads as if it were all. */
  readonly #lost = new Set<string>();

  static async load(options: ParkedEventsOptions): Promise<ParkedEvents> {
    const parked = new ParkedEvents(options);
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await options.journal.list({ prefix, ...(after !== undefined && { after }) });
      for (const { stream, status } of page.heads)
        if (status === 'parked') await parked.#read(stream.slice(prefix.length));
      for (const stream of page.damaged)
        parked.#damaged.set(stream.slice(prefix.length), damagedHead(stream));
      after = page.next;
    }
    return parked;
  }

  private constructor(options: ParkedEventsOptions) {
    this.#options = options;
  }

  /** Sessions that have parked events. */
  get size(): number {
    return this.#known.size;
  }

  /** What a replay of a session's own stream does with its events; undefined for nothing. */
  find(stream: string): Parkings | undefined {
    if (this.#known.size === 0 && this.#damaged.size === 0) return undefined;
    if (!stream.startsWith(sessions)) return undefined;
    const sessionId = stream.slice(sessions.length);
    const damaged = this.#damaged.get(sessionId);
    if (damaged !== undefined) throw damaged;
    return this.#known.get(sessionId)?.parkings;
  }

  get damaged(): readonly DamagedParkings[] {
    return [...this.#damaged].map(([sessionId, error]) => ({ sessionId, error }));
  }

  damageOf(sessionId: string): HoldfastError | undefined {
    return this.#damaged.get(sessionId);
  }

  isLost(sessionId: string): boolean {
    return this.#lost.has(sessionId);
  }

  /** The end of a list is known to be gone, by whoever has seen it: what can be read of it is not all. */
  lost(sessionId: string, problem: string): void {
    this.#lost.add(sessionId);
    const details = { stream: parkedStream(sessionId), seq: 'end', problem };
    this.#damaged.set(sessionId, new HoldfastError('JOURNAL_CORRUPT', details));
  }

  /** Somebody has reason to think that a damaged list can be read again. What is lost does not come back by reading. */
  async reconsider(sessionId: string): Promise<void> {
    if (!this.#damaged.has(sessionId) || this.#lost.has(sessionId)) return;
    try {
      const head = await this.#options.journal.head(parkedStream(sessionId));
      if (head === undefined) return;
      this.#damaged.delete(sessionId);
      await this.#read(sessionId);
    } catch (error) {
      if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    }
  }

  /** What can be read of a damaged list. Throws where not even its head can be. */
  async readable(sessionId: string): Promise<ReadableParkings> {
    return readParkings(this.#options.journal, sessionId, this.#lost.has(sessionId));
  }

  /** The list goes on with what could be read of it; the damaged records stay where they are. */
  async recover(
    sessionId: string,
    { state, head, unreadable }: ReadableParkings,
    by: string | null,
  ): Promise<void> {
    const found = { state, head, lastAt: head?.updatedAt ?? 0, snapshotSeq: 0, snapshotBytes: 0 };
    const options = this.#entityOptions(sessionId);
    const entity = new Entity<ParkedState, ParkedCommand>(options, options, found);
    try {
      const askedAt = this.#options.clock.now();
      const data = { parked: state.parked, unreadable, by };
      await entity.send({ type: 'parked.recover', found: data, askedAt }, {});
      this.#damaged.delete(sessionId);
      this.#lost.delete(sessionId);
      this.#learn(sessionId, entity.durable);
    } finally {
      entity.abandon(new Error('it is not needed any more'));
    }
  }

  list(sessionId: string): readonly ParkedEvent[] {
    return this.#known.get(sessionId)?.events ?? [];
  }

  /** Durable when it answers. Whoever asks has tried that the session can be folded so. */
  async send(sessionId: string, command: ParkedCommand, meta: CommandMeta = {}): Promise<Answer> {
    const entity = await this.#open(sessionId);
    try {
      const answer = await entity.send(command, meta);
      this.#learn(sessionId, entity.durable);
      return answer;
    } finally {
      entity.abandon(new Error('it is not needed any more'));
    }
  }

  /** The answer that is on record under the key of a call, if there is one. */
  async repeat(sessionId: string, meta: CommandMeta): Promise<Answer | undefined> {
    const { journal, clock } = this.#options;
    const key = receiptKey(meta);
    const stored = key === undefined ? undefined : await journal.receipt(parkedStream(sessionId), key);
    if (stored === undefined) return undefined;
    const { operations = 0 } = (await journal.head(parkedStream(sessionId))) ?? {};
    return answerFromRecord(stored, meta, clock.now(), operations, receiptWindow);
  }

  /** Removes what is kept of a session that was deleted. */
  async forget(sessionId: string): Promise<void> {
    const { journal } = this.#options;
    this.#known.delete(sessionId);
    this.#damaged.delete(sessionId);
    this.#lost.delete(sessionId);
    const head = await journal.head(parkedStream(sessionId));
    if (head !== undefined && head.firstSeq <= head.seq) await journal.remove(head.stream, head.version);
  }

  async #read(sessionId: string): Promise<void> {
    const { journal, telemetry } = this.#options;
    try {
      const { state } = await hydrate(parkedLaw, parkedStream(sessionId), journal, telemetry);
      this.#learn(sessionId, state);
    } catch (error) {
      if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
      this.#damaged.set(sessionId, error);
    }
  }

  #learn(sessionId: string, { parked: events }: ParkedState): void {
    if (events.length === 0) this.#known.delete(sessionId);
    else this.#known.set(sessionId, { events, parkings: parkingsOf(events) });
  }

  #open(sessionId: string): Promise<Entity<ParkedState, ParkedCommand>> {
    return Entity.hydrate(this.#entityOptions(sessionId));
  }

  #entityOptions(sessionId: string): EntityOptions<ParkedState, ParkedCommand> {
    return {
      ...this.#options,
      law: parkedLaw,
      stream: parkedStream(sessionId),
      mailboxSize: 16,
      incarnation: 1,
      become: () => {},
      tell: (events) => this.#options.tell(sessionId, events),
      crash: () => {},
    };
  }
}

const damagedHead = (stream: string): HoldfastError =>
  new HoldfastError('JOURNAL_CORRUPT', { stream, seq: 'head', problem: 'it does not match its checksum' });
