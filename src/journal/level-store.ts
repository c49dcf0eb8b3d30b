// An open LevelDB that can be closed and opened again: after a failed write only a reopened one tells what is there.
import { type Clock, delay } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Store } from './snapshot-store.ts';

/** Opens the database; called again after each incident. */
export type OpenStore = () => Promise<Store>;

export interface Reopening {
  /** How often an incident tries to reopen before it gives up. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const defaultReopening: Reopening = { attempts: 10, firstDelayMs: 10, longestDelayMs: 5_000 };

export class LevelStore {
  readonly #open: OpenStore;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #reopening: Reopening;
  #db: Store | undefined;

  constructor(open: OpenStore, clock: Clock, telemetry: Telemetry, reopening: Reopening) {
    this.#open = open;
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.#reopening = reopening;
  }

  get db(): Store {
    if (this.#db === undefined) throw new HoldfastError('JOURNAL_CLOSED');
    return this.#db;
  }

  async open(): Promise<void> {
    this.#db = await this.#open();
  }

  async close(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    await db?.close();
  }

  /** Closes and opens until it works; throws `JOURNAL_UNAVAILABLE` once the attempts are used up. */
  async reopen(cause: Error): Promise<void> {
    const { attempts, firstDelayMs, longestDelayMs } = this.#reopening;
    let problem = cause;
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (attempt > 0) await delay(this.#clock, Math.min(firstDelayMs * 2 ** (attempt - 1), longestDelayMs));
      try {
        await this.#db?.close();
        this.#db = await this.#open();
        this.#telemetry('journal.reopened', { attempt: attempt + 1 });
        return;
      } catch (error) {
        problem = toError(error);
        this.#telemetry('journal.reopenFailed', { attempt: attempt + 1, problem: problem.message });
      }
    }
    throw new HoldfastError('JOURNAL_UNAVAILABLE', { problem: problem.message }, { cause: problem });
  }
}
