// Reads the feed from a position that somebody keeps, entry by entry, and hands them on. Pub/sub only wakes it, so that
// nothing is lost between remember and tell. A handler that fails is given the entries after its stored position again.
import { type Clock, delay } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { cursorAt, positionAt } from '../journal/feed.ts';
import type { Cursor, FeedEntry, Journal } from '../journal/journal.ts';

export interface FollowerOptions {
  readonly name: string;
  readonly journal: Pick<Journal, 'readAll' | 'feedEnd'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /**
   * The position that was stored last, null for the beginning. Asked for at the start, and after each failure: what
   * failed may have been stored after all. A failure of its own is tried again in the same way.
   */
  readonly load: () => Promise<Cursor | null> | Cursor | null;
  /** Takes the entries and stores the position with what it made of them, in one step. */
  readonly handle: (entries: readonly FeedEntry[], position: Cursor) => Promise<void> | void;
  /** Calls back whenever the feed has grown; returns how to end that. */
  readonly onGrowth: (wake: () => void) => () => void;
  readonly pageSize?: number;
  /** Goes on behind an entry that is damaged, which is told, and handed on as `passed`; without it, it waits there. What else cannot be read is tried again. */
  readonly passesDamage?: boolean;
}

const longestRetryMs = 5_000;

/** Somebody who waits until the follower has come as far as `end`. */
interface Waiter {
  readonly end: Cursor;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Follower {
  readonly #options: FollowerOptions;
  readonly #stopListening: () => void;
  /** Undefined until it was loaded. */
  #position: Cursor | null | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  /** Set when the feed grew while it was being read: a wake-up is never lost. */
  #grown = false;
  #endBackOff: () => void = () => {};
  #waiters: Waiter[] = [];

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#stopListening = options.onGrowth(() => this.#wake());
    this.#wake();
  }

  /** How far it has come; null before the first entry. */
  get position(): Cursor | null {
    return this.#position ?? null;
  }

  /**
   * Resolves once everything is handled that the feed held when this was called, however fast it grows. Rejects when the
   * feed cannot be read.
   */
  async catchUp(): Promise<void> {
    const end = this.#options.journal.feedEnd();
    if (this.#stopped || this.#position === end) return;
    const handled = new Promise<void>((resolve, reject) => this.#waiters.push({ end, resolve, reject }));
    this.#wake();
    await handled;
  }

  /** Stops after the entries that are being handled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopListening();
    this.#endBackOff();
    await this.#running;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  #wake(): void {
    this.#grown = true;
    if (this.#stopped || this.#running !== undefined) return;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stopped; ) {
      try {
        this.#grown = false;
        this.#position ??= await this.#options.load();
        const entries = await this.#read();
        const last = entries.at(-1);
        if (last !== undefined) await this.#handle(entries, last.cursor);
        else if (this.#reachedEnd()) return;
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#position = undefined;
        await this.#backOff(toError(error), failures);
      }
    }
  }

  async #read(): Promise<readonly FeedEntry[]> {
    const { journal, pageSize, passesDamage = false } = this.#options;
    try {
      return await (passesDamage
        ? readPastDamage(this.#options, this.position)
        : journal.readAll(this.position, pageSize));
    } catch (error) {
      for (const { reject } of this.#waiters.splice(0)) reject(toError(error));
      throw error;
    }
  }

  async #handle(entries: readonly FeedEntry[], position: Cursor): Promise<void> {
    await this.#options.handle(entries, position);
    this.#position = position;
    const passed = new Set<Cursor>(entries.map(({ cursor }) => cursor));
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ end }) => !passed.has(end));
    for (const { end, resolve } of waiters) if (passed.has(end)) resolve();
  }

  /** Nothing lies behind the position, and nothing came while that was found out. */
  #reachedEnd(): boolean {
    if (this.#grown) return false;
    // At once, not when the promise has settled: a wake-up in between would be lost.
    this.#running = undefined;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
    return true;
  }

  async #backOff(error: Error, failures: number): Promise<void> {
    const { name, telemetry, clock } = this.#options;
    telemetry('follower.failed', { name, failures, problem: error.message });
    if (this.#stopped) return;
    const waited = delay(clock, Math.min(10 * 2 ** failures, longestRetryMs));
    await Promise.race([waited, new Promise<void>((resolve) => (this.#endBackOff = resolve))]);
  }
}

/** What is before a damaged entry first; then an empty one in its place, which is told. */
export async function readPastDamage(
  {
    name,
    journal,
    pageSize,
    telemetry,
  }: Pick<FollowerOptions, 'name' | 'journal' | 'pageSize' | 'telemetry'>,
  position: Cursor | null,
): Promise<readonly FeedEntry[]> {
  const next = positionAt(position) + 1;
  try {
    return await journal.readAll(position, pageSize);
  } catch (error) {
    const at = damagedEntry(error);
    if (at === undefined || at < next) throw error;
    if (at > next) return journal.readAll(position, at - next);
    telemetry('follower.skipped', { name, position: at, problem: toError(error).message });
    return [{ cursor: cursorAt(at), events: [], passed: true }];
  }
}

/** Where the feed is damaged for good. What LevelDB itself cannot read it may read once it was repaired and opened anew. */
function damagedEntry(error: unknown): number | undefined {
  if (!HoldfastError.is(error, 'JOURNAL_CORRUPT') || error.cause !== undefined) return undefined;
  const { stream, seq } = error.details;
  return stream === 'feed' && typeof seq === 'number' ? seq : undefined;
}
