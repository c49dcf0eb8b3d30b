// Follows the feed for what one session's life means for others, from a stored position: whatever it had not carried out when the
// process died it carries out again, and each of those who hear of it knows what it has heard. It is begun with the first thing that needs it.
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { Follower } from '../entity/follower.ts';
import type { Cursor, FeedEntry, Journal, StoredEvent } from '../journal/journal.ts';

type EventPlace = Pick<StoredEvent, 'stream' | 'seq'>;

/** One who acts on what the feed tells. Jobs of one lane are done in order, lanes beside each other. */
export interface RelayRoute {
  /** What has to be done about an event; undefined for nothing. */
  on(event: StoredEvent): RelayJob | undefined;
  /** The same for one that was removed with its stream. */
  onForgotten?(place: EventPlace): RelayJob | undefined;
}

export interface RelayJob {
  readonly lane: string;
  /** A fault that may pass is thrown: all is carried out again. */
  run(): Promise<void>;
}

export interface RelayOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly onGrowth: (wake: () => void) => () => void;
  readonly routes: readonly RelayRoute[];
}

const positionKey = 'relay/position';
/** Entries that mean nothing are read again after a kill, and no more than so many. */
const notedEvery = 1_000;

export class Relay {
  readonly #options: RelayOptions;
  #follower: Follower | undefined;
  #beginning: Promise<void> | undefined;
  #unnoted = 0;
  #isOver = false;

  constructor(options: RelayOptions) {
    this.#options = options;
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

  /** Resolves when all is carried out that the feed holds by now. */
  async catchUp(): Promise<void> {
    await this.#follower?.catchUp();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#follower?.stop();
  }

  async #begin(): Promise<void> {
    if (this.#follower !== undefined) return;
    const { journal } = this.#options;
    const position = journal.feedEnd();
    if ((await this.#stored()) === undefined) await journal.kv.batch([{ key: positionKey, value: position }]);
    if (!this.#isOver) this.#follow();
  }

  async #stored(): Promise<Cursor | undefined> {
    return (await this.#options.journal.kv.get(positionKey)) as Cursor | undefined;
  }

  #follow(): void {
    this.#follower ??= new Follower({
      ...this.#options,
      name: 'relay',
      load: async () => (await this.#stored()) ?? null,
      handle: (entries, position) => this.#handle(entries, position),
    });
  }

  async #handle(entries: readonly FeedEntry[], position: Cursor): Promise<void> {
    const lanes = new Map<string, RelayJob[]>();
    for (const job of entries.flatMap((entry) => this.#jobsOf(entry)))
      lanes.set(job.lane, [...(lanes.get(job.lane) ?? []), job]);
    const outcomes = await Promise.allSettled([...lanes.values()].map((jobs) => this.#runAll(jobs)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    this.#unnoted += entries.length;
    if (lanes.size === 0 && this.#unnoted < notedEvery) return;
    await this.#options.journal.kv.batch([{ key: positionKey, value: position }]);
    this.#unnoted = 0;
  }

  #jobsOf({ events, forgotten = [] }: FeedEntry): RelayJob[] {
    const { routes } = this.#options;
    return [
      ...events.flatMap((event) => routes.flatMap((route) => route.on(event) ?? [])),
      ...forgotten.flatMap((place) => routes.flatMap((route) => route.onForgotten?.(place) ?? [])),
    ];
  }

  /** What is refused for good is told, and holds up nothing. */
  async #runAll(jobs: readonly RelayJob[]): Promise<void> {
    for (const job of jobs) {
      try {
        await job.run();
      } catch (error) {
        if (!HoldfastError.is(error) || error.retryable) throw error;
        this.#options.telemetry('relay.refused', {
          lane: job.lane,
          code: error.code,
          problem: error.message,
        });
      }
    }
  }
}
