// Follows the feed for what one session's life means for others, from a stored position: whatever it had not carried out when the
// process died it carries out again, and each of those who hear of it knows what it has heard. It is begun with the first thing that needs it.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { Follower, readPastDamage } from '../../entity/follower.ts';
import { cursorAt, positionAt } from '../../journal/feed.ts';
import type { Cursor, FeedEntry, Journal, StoredEvent } from '../../journal/journal.ts';
import { type CarryOut, JobLanes, type LaneJob, type Queued } from './job-lanes.ts';

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

/** An entry of the feed of which something is in hand. */
interface Reading {
  readonly place: number;
  left: number;
}

const name = 'relay';
const positionKey = 'relay/position';
/** Entries that mean nothing are read again after a kill, and no more than so many. */
const notedEvery = 1_000;
/** With so many jobs in hand nothing more is read, but no lane keeps more than its share, and none holds up the others for longer. */
const capacity = 1_000;
const laneCapacity = 250;
const deafAfterMs = 5_000;
const noteAgainMs = 1_000;

const isCause = ({ imported }: StoredEvent): boolean => imported === undefined;

export class Relay {
  readonly #options: RelayOptions;
  readonly #lanes: JobLanes;
  /** In the order of the feed. */
  readonly #inHand = new Set<Reading>();
  /** By lane that reads for itself how far it has come. */
  readonly #behind = new Map<string, number>();
  #follower: Follower | undefined;
  #beginning: Promise<void> | undefined;
  /** How far it was read in this process. */
  #read: number | undefined;
  /** All up to here is done, and that is to be stored. */
  #done = -1;
  /** Something was done since that was stored. */
  #hasDone = false;
  #noting: Promise<void> | undefined;
  #endWait: () => void = () => {};
  #unnoted = 0;
  #isOver = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#lanes = new JobLanes({
      ...{ ...options, name, capacity, laneCapacity, deafAfterMs },
      gaveUp: (...given) => this.#leave(...given),
      fetch: (...fetching) => this.#fetch(...fetching),
    });
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
      telemetry('follower.failed', { name, failures: 1, problem: error.message });
      return '0' as Cursor;
    }
  }

  #follow(): void {
    this.#follower ??= new Follower({
      ...this.#options,
      name,
      passesDamage: true,
      // What was read is in hand, and not read again.
      load: async () => (this.#read === undefined ? ((await this.#stored()) ?? null) : cursorAt(this.#read)),
      handle: (entries) => this.#take(entries),
    });
  }

  async #take(entries: readonly FeedEntry[]): Promise<void> {
    for (const entry of entries) {
      await this.#lanes.room();
      if (this.#isOver) return;
      this.#begun(entry);
    }
  }

  #begun(entry: FeedEntry): void {
    const place = positionAt(entry.cursor);
    this.#read = place;
    // It counts itself until all of it is in hand.
    const reading: Reading = { place, left: 1 };
    this.#inHand.add(reading);
    const release = (): void => {
      reading.left -= 1;
      if (reading.left > 0) return;
      this.#inHand.delete(reading);
      this.#advance();
    };
    const done = (): void => {
      this.#hasDone = true;
      release();
    };
    for (const job of this.#jobsOf(entry)) {
      // It comes to it by itself.
      if (this.#behind.has(job.lane)) continue;
      reading.left += 1;
      this.#lanes.add({ job, place, done });
    }
    release();
  }

  /** A lane reads for itself from the first on that it has not carried out. */
  #leave(lane: string, left: readonly Queued[]): void {
    const from = left.reduce((least, { place }) => Math.min(least, place - 1), this.#read ?? 0);
    this.#behind.set(lane, from);
    for (const { done } of left) done();
  }

  /** As far as the others have read. Whoever stands in the lane by then stands behind that. */
  async #fetch(lane: string, carryOut: CarryOut): Promise<void> {
    for (let at = this.#behind.get(lane) ?? 0; at < (this.#read ?? 0); at = this.#behind.get(lane) ?? 0) {
      const entries = await readPastDamage({ ...this.#options, name }, cursorAt(at));
      for (const entry of entries) {
        const place = positionAt(entry.cursor);
        if (place > (this.#read ?? 0)) break;
        for (const job of this.#jobsOf(entry)) if (job.lane === lane && !(await carryOut(job))) return;
        this.#behind.set(lane, place);
        this.#hasDone = true;
        this.#advance();
      }
    }
    this.#behind.delete(lane);
    this.#advance();
  }

  /** The position goes to the entry before the oldest of which something is not done, and no further. */
  #advance(): void {
    if (this.#read === undefined) return;
    const [oldest] = this.#inHand;
    let done = oldest === undefined ? this.#read : oldest.place - 1;
    for (const place of this.#behind.values()) done = Math.min(done, place);
    if (done <= this.#done) return;
    this.#unnoted += this.#done < 0 ? 1 : done - this.#done;
    this.#done = done;
    if (this.#hasDone || this.#unnoted >= notedEvery) this.#noting ??= this.#note();
  }

  /** One write at a time, of what is done by then. */
  async #note(): Promise<void> {
    const { journal, clock, telemetry } = this.#options;
    for (let noted = -1; noted !== this.#done; ) {
      const done = this.#done;
      [this.#unnoted, this.#hasDone] = [0, false];
      try {
        await journal.kv.batch([{ key: positionKey, value: cursorAt(done) }]);
        noted = done;
      } catch (error) {
        telemetry('follower.failed', { name, failures: 1, problem: toError(error).message });
        this.#endWait();
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
