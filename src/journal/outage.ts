// A time in which ordinary writes are refused, since they would not get through for a while: why, and when to come back.
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Outage } from './journal.ts';
import type { StorageFault } from './store/storage-health.ts';

export class StorageOutage implements Outage {
  /** True when nothing at all can be written; else what is urgent gets through. */
  readonly total: boolean;
  /** Resolves when it is over, or another one has taken its place, or the journal closes. */
  readonly over: Promise<void>;
  readonly #fault: StorageFault;
  readonly #cause: Error;
  readonly #clock: Clock;
  #end: () => void = () => {};
  #retryAt: number | undefined;

  constructor(fault: StorageFault, total: boolean, cause: Error, clock: Clock) {
    this.total = total;
    this.#fault = fault;
    this.#cause = cause;
    this.#clock = clock;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** What a write hears now: it had no effect. */
  get refusal(): HoldfastError {
    const problem = this.#cause.message;
    const options = { cause: this.#cause };
    if (HoldfastError.is(this.#cause, 'JOURNAL_GONE')) return this.#cause;
    if (this.#retryAt === undefined) return new HoldfastError('JOURNAL_UNAVAILABLE', { problem }, options);
    const retryAfterMs = Math.max(1, this.#retryAt - this.#clock.now());
    const code = this.#fault === 'full' ? 'STORAGE_FULL' : 'JOURNAL_UNAVAILABLE';
    return new HoldfastError(code, { problem, retryAfterMs }, options);
  }

  /** It will be looked at again in so long. */
  again(delayMs: number): void {
    this.#retryAt = this.#clock.now() + delayMs;
  }

  end(): void {
    this.#end();
  }
}

const codes: ReadonlySet<string> = new Set(['STORAGE_FULL', 'JOURNAL_GONE', 'JOURNAL_UNAVAILABLE']);

/** True for what a write hears in an outage. */
export const isOutage = (error: unknown): error is HoldfastError =>
  HoldfastError.is(error) && codes.has(error.code);
