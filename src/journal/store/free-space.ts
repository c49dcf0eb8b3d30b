// How much of the disk is free, looked at now and then, and the mark below which nothing new is begun.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';

/** So long what was seen is taken for what is. */
const freshMs = 2_000;

export class FreeSpace {
  readonly minFreeBytes: number;
  readonly #ask: () => Promise<number | undefined>;
  readonly #clock: Clock;
  #free: number | undefined;
  #askedAt: number | undefined;
  #asking: Promise<void> | undefined;

  constructor(ask: () => Promise<number | undefined>, clock: Clock, minFreeBytes: number) {
    this.#ask = ask;
    this.#clock = clock;
    this.minFreeBytes = minFreeBytes;
  }

  /** Bytes, as of now; null where nobody knows. */
  async now(): Promise<number | null> {
    await this.#look();
    return this.#free ?? null;
  }

  /**
   * Throws `STORAGE_LOW` below the mark, by what was seen last. It never waits, so that what is sent after a session was asked for comes after it:
   * what is old is looked at behind the caller, for the next one.
   */
  admit(): void {
    if (this.minFreeBytes === 0) return;
    const isFresh = this.#askedAt !== undefined && Math.abs(this.#clock.now() - this.#askedAt) < freshMs;
    if (!isFresh) void this.#look();
    this.#judge();
  }

  get #isLow(): boolean {
    return this.#free !== undefined && this.#free < this.minFreeBytes;
  }

  #judge(): void {
    const { minFreeBytes } = this;
    if (this.#isLow) throw new HoldfastError('STORAGE_LOW', { freeBytes: this.#free, minFreeBytes });
  }

  #look(): Promise<void> {
    this.#asking ??= this.#ask().then((free) => {
      this.#free = free;
      this.#askedAt = this.#clock.now();
      this.#asking = undefined;
    });
    return this.#asking;
  }
}
