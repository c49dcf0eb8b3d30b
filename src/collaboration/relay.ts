// Follows the feed for what one session's life means for others, from a stored position: whatever it had not carried out when the
// process died it carries out again, and each of those who hear of it knows what it has heard. It is begun with the first thing that needs it.
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { Follower } from '../entity/follower.ts';
import type { Cursor, FeedEntry, Journal, StoredEvent } from '../journal/journal.ts';
import { JobLanes, type LaneJob } from './job-lanes.ts';

type EventPlace = Pick<StoredEvent, 'stream' | 'seq'>;

/** One who acts on what the feed tells. Jobs of one lane are done in order, lanes beside each other. */
export interface RelayRoute {
  /** What has to be done about an event; undefined for nothing. */
  on(event: StoredEvent): RelayJob | undefined;
  /** The same for one that was removed with its stream. */
  onForgotten?(place: EventPlace): RelayJob | undefined;
}

export type RelayJob = LaneJob;

export interface RelayOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly onGrowth: (wake: () => void) => () => void;
  readonly routes: readonly RelayRoute[];
}

/** An entry of the feed that was read, and what of it is still to be done. */
interface Reading {
  readonly cursor: Cursor;
  readonly isNoted: boolean;
  left: number;
}

const positionKey = 'relay/position';
/** Entries that mean nothing are read again after a kill, and no more than so many. */
const notedEvery = 1_000;
/** With so many jobs in hand nothing more is read. */
const capacity = 1_000;
const noteAgainMs = 1_000;

const isCause = ({ imported }: StoredEvent): boolean => imported === undefined;

export class Relay {
  readonly #options: RelayOptions;
  readonly #lanes: JobLanes;
  /** What was read and does not lie before the position, in the order of the feed. */
  readonly #readings: Reading[] = [];
  #follower: Follower | undefined;
  #beginning: Promise<void> | undefined;
  /** How far it was read in this process. */
  #read: Cursor | undefined;
  /** All up to here is done, and that is to be stored. */
  #done: Cursor | undefined;
  #noting: Promise<void> | undefined;
  #endWait: () => void = () => {};
  #unnoted = 0;
  #isOver = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#lanes = new JobLanes({ ...options, name: 'relay', capacity });
  }

  /** Goes on where the process before has come to; where nothing was ever relayed nothing is followed. */
  async start(): Promise<void> {
    const stored = await this.#stored();
    if (stored !== undefined && !this.#isOver) this.#follow();
  }

  /** From the call on what happens is relayed: that is durable when this resolves. */
  begin(): Promise<void> {
    this.#beginning ??= this.#begin().catch((error: unknown) => {
      this.#beginning = undefined;
      throw error;
    });
    return this.#beginning;
  }

  /** Resolves when all is carried out that the feed holds by now: in all lanes, or in those that are asked for. */
  async catchUp(concerns?: (lane: string) => boolean): Promise<void> {
    await this.#follower?.catchUp();
    await this.#lanes.passed(concerns);
  }

  /** Waits for no job: what is not done the next process does. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#lanes.close();
    await this.#follower?.stop();
    await this.#noting;
    this.#endWait();
  }

  async #begin(): Promise<void> {
    if (this.#follower !== undefined) return;
    const { journal } = this.#options;
    const position = journal.feedEnd();
    if ((await this.#stored()) === undefined) await journal.kv.batch([{ key: positionKey, value: position }]);
    if (!this.#isOver) this.#follow();
  }

  /** One that is damaged is the beginning: who has heard of what is relayed again knows it. */
  async #stored(): Promise<Cursor | undefined> {
    const { journal, telemetry } = this.#options;
    try {
      return (await journal.kv.get(positionKey)) as Cursor | undefined;
    } catch (error) {
      if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
      telemetry('follower.failed', { name: 'relay', failures: 1, problem: error.message });
      return '0' as Cursor;
    }
  }

  #follow(): void {
    this.#follower ??= new Follower({
      ...this.#options,
      name: 'relay',
      passesDamage: true,
      // What was read is in hand, and not read again.
      load: async () => this.#read ?? (await this.#stored()) ?? null,
      handle: (entries) => this.#take(entries),
    });
  }

  async #take(entries: readonly FeedEntry[]): Promise<void> {
    for (const entry of entries) {
      await this.#lanes.room();
      if (this.#isOver) return;
      this.#begun(entry);
    }
    this.#advance();
  }

  #begun(entry: FeedEntry): void {
    const jobs = this.#jobsOf(entry);
    const reading: Reading = { cursor: entry.cursor, isNoted: jobs.length > 0, left: jobs.length };
    this.#readings.push(reading);
    this.#read = entry.cursor;
    for (const job of jobs)
      this.#lanes.add(job, () => {
        reading.left -= 1;
        if (reading === this.#readings[0]) this.#advance();
      });
  }

  /** The position goes to the entry before the oldest job that is not done, and no further. */
  #advance(): void {
    const { length } = this.#readings;
    const first = this.#readings.findIndex(({ left }) => left > 0);
    const passed = this.#readings.splice(0, first === -1 ? length : first);
    const last = passed.at(-1);
    if (last === undefined) return;
    this.#done = last.cursor;
    this.#unnoted += passed.some(({ isNoted }) => isNoted) ? notedEvery : passed.length;
    if (this.#unnoted >= notedEvery) this.#noting ??= this.#note();
  }

  /** One write at a time, of what is done by then. */
  async #note(): Promise<void> {
    const { journal, clock, telemetry } = this.#options;
    for (let noted: Cursor | undefined; noted !== this.#done; ) {
      const value = this.#done as Cursor;
      this.#unnoted = 0;
      try {
        await journal.kv.batch([{ key: positionKey, value }]);
        noted = value;
      } catch (error) {
        telemetry('follower.failed', { name: 'relay', failures: 1, problem: toError(error).message });
        if (!this.#isOver) this.#endWait = clock.schedule(noteAgainMs, () => (this.#noting ??= this.#note()));
        break;
      }
    }
    this.#noting = undefined;
  }

  #jobsOf({ events, forgotten = [] }: FeedEntry): RelayJob[] {
    const { routes } = this.#options;
    return [
      ...events.filter(isCause).flatMap((event) => routes.flatMap((route) => route.on(event) ?? [])),
      ...forgotten.flatMap((place) => routes.flatMap((route) => route.onForgotten?.(place) ?? [])),
    ];
  }
}
