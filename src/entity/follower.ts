// Reads the feed from a position that somebody keeps, entry by entry, and hands them on. Pub/sub only wakes it, so that
// nothing is lost between remember and tell; a handler that fails is given the same entries again.
import { type Clock, delay } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Cursor, FeedEntry, Journal } from '../journal/journal.ts';

export interface FollowerOptions {
  readonly name: string;
  readonly journal: Pick<Journal, 'readAll' | 'feedEnd'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Where to go on: the position that was stored last, null for the beginning. */
  readonly from: Cursor | null;
  /** Takes the entries and stores the position with what it made of them, in one step. */
  readonly handle: (entries: readonly FeedEntry[], position: Cursor) => Promise<void> | void;
  /** Calls back whenever the feed has grown; returns how to end that. */
  readonly onGrowth: (wake: () => void) => () => void;
  readonly pageSize?: number;
}

const longestRetryMs = 5_000;

export class Follower {
  readonly #options: FollowerOptions;
  readonly #stopListening: () => void;
  #position: Cursor | null;
  #running: Promise<void> | undefined;
  #stopped = false;
  /** Set when the feed grew while it was being read: a wake-up is never lost. */
  #grown = false;
  #endBackOff: () => void = () => {};
  #waiters: (() => void)[] = [];

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#position = options.from;
    this.#stopListening = options.onGrowth(() => this.#wake());
    this.#wake();
  }

  get position(): Cursor | null {
    return this.#position;
  }

  /** Resolves once everything is handled that the feed held when this was called. */
  async catchUp(): Promise<void> {
    const end = this.#options.journal.feedEnd();
    while (!this.#stopped && this.#isBehind(end)) {
      this.#wake();
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Stops after the entries that are being handled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopListening();
    this.#endBackOff();
    await this.#running;
    this.#release();
  }

  // Cursors are opaque but to the journal: "nothing after my position" is the same as being at the end.
  #isBehind(end: Cursor): boolean {
    return (
      this.#position !== end &&
      (this.#running !== undefined || this.#options.journal.feedEnd() !== this.#position)
    );
  }

  #wake(): void {
    this.#grown = true;
    if (this.#stopped || this.#running !== undefined) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.#release();
    });
  }

  async #run(): Promise<void> {
    const { journal, pageSize } = this.#options;
    for (let failures = 0; !this.#stopped; ) {
      try {
        this.#grown = false;
        const entries = await journal.readAll(this.#position, pageSize);
        const last = entries.at(-1);
        if (last === undefined && !this.#grown) return;
        if (last === undefined) continue;
        await this.#options.handle(entries, last.cursor);
        this.#position = last.cursor;
        failures = 0;
        this.#release();
      } catch (error) {
        failures += 1;
        await this.#backOff(toError(error), failures);
      }
    }
  }

  async #backOff(error: Error, failures: number): Promise<void> {
    const { name, telemetry, clock } = this.#options;
    telemetry('follower.failed', { name, failures, problem: error.message });
    if (this.#stopped) return;
    const waited = delay(clock, Math.min(10 * 2 ** failures, longestRetryMs));
    await Promise.race([waited, new Promise<void>((resolve) => (this.#endBackOff = resolve))]);
  }

  #release(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
