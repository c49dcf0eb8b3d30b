// An open LevelDB that can be closed and opened again: after a failed write only a reopened one tells what is there.
import type { AbstractLevel } from 'abstract-level';
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { readFault } from './journal-errors.ts';

export type Store = AbstractLevel<string | Buffer | Uint8Array, string, string>;

/** Opens the database; called again after each incident. */
export interface OpenStore {
  (): Promise<Store>;
  /** Makes durable what was written without a sync, for a store that has log files or a model of them. */
  readonly syncWritten?: () => Promise<void>;
}

export interface Reopening {
  /** How often an incident tries to reopen before it gives up. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const defaultReopening: Reopening = { attempts: 10, firstDelayMs: 10, longestDelayMs: 5_000 };

export class LevelStore {
  /** Resolves with what was wrong, once reopening was given up: nothing can be written any more. */
  readonly lost: Promise<HoldfastError>;
  #lose: (failure: HoldfastError) => void = () => {};
  readonly #open: OpenStore;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #reopening: Reopening;
  #db: Store | undefined;
  #incident: Promise<void> | undefined;
  #failure: HoldfastError | undefined;
  #closing = false;
  #endPause = (): void => {};

  constructor(open: OpenStore, clock: Clock, telemetry: Telemetry, reopening: Reopening) {
    this.#open = open;
    this.#clock = clock;
    this.#telemetry = telemetry;
    this.#reopening = reopening;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  get db(): Store {
    if (this.#db === undefined) throw new HoldfastError('JOURNAL_CLOSED');
    return this.#db;
  }

  /** Settles with the incident; undefined when there is none. */
  get incident(): Promise<void> | undefined {
    return this.#incident;
  }

  /** Why nothing can be written now, or undefined. */
  get refusal(): Error | undefined {
    if (this.#closing) return new HoldfastError('JOURNAL_CLOSED');
    if (this.#incident === undefined) return undefined;
    return this.#failure ?? new Error('the journal is being reopened');
  }

  async open(): Promise<void> {
    this.#db = await this.#open();
  }

  /** Waits out an incident; throws `JOURNAL_UNAVAILABLE` when reopening was given up, and `JOURNAL_CLOSED`. */
  async ready(): Promise<Store> {
    while (this.#incident !== undefined && !this.#closing) await this.#incident;
    if (this.#closing) throw new HoldfastError('JOURNAL_CLOSED');
    return this.db;
  }

  /** Runs a read; one that an incident cuts off runs again on the reopened database. `stream` and `seq` name what is read. */
  async read<T>(stream: string, seq: number | string, job: (db: Store) => Promise<T>): Promise<T> {
    for (;;) {
      const db = await this.ready();
      try {
        return await job(db);
      } catch (error) {
        const cutOff = db.status !== 'open' && (this.#incident !== undefined || this.#closing);
        if (!cutOff) throw readFault(error, stream, seq);
      }
    }
  }

  /** Only while there is no incident. */
  readSync(stream: string, seq: number | string, key: string): string | undefined {
    const { db } = this;
    try {
      return db.getSync(key);
    } catch (error) {
      throw readFault(error, stream, seq);
    }
  }

  /**
   * Begins an incident: closes and opens until it works and `learn` has read what is there, then calls `resume`.
   * Once the attempts are used up, the incident stays and rejects with `JOURNAL_UNAVAILABLE`.
   */
  reopen(cause: Error, learn: (db: Store) => Promise<void>, resume: () => void): void {
    this.#incident = this.#reopen(cause, learn).then(() => {
      this.#incident = undefined;
      resume();
    });
    this.#incident.catch(() => undefined);
  }

  /** From now on nothing is read, and an incident ends without further attempts. */
  beginClose(): void {
    this.#closing = true;
    this.#endPause();
  }

  async close(): Promise<void> {
    await this.#incident?.catch(() => undefined);
    const db = this.#db;
    this.#db = undefined;
    await db?.close();
  }

  async #reopen(cause: Error, learn: (db: Store) => Promise<void>): Promise<void> {
    let problem = cause;
    for (let attempt = 1; attempt <= this.#reopening.attempts; attempt++) {
      if (attempt > 1 && !this.#closing) await this.#pause(attempt);
      if (this.#closing) throw new HoldfastError('JOURNAL_CLOSED');
      try {
        await this.#db?.close();
        this.#db = await this.#open();
        await learn(this.#db);
        this.#telemetry('journal.reopened', { attempt });
        return;
      } catch (error) {
        problem = toError(error);
        this.#telemetry('journal.reopenFailed', { attempt, problem: problem.message });
      }
    }
    this.#failure = new HoldfastError(
      'JOURNAL_UNAVAILABLE',
      { problem: problem.message },
      { cause: problem },
    );
    this.#lose(this.#failure);
    throw this.#failure;
  }

  /** Ends early when the journal is closed. */
  #pause(attempt: number): Promise<void> {
    const { firstDelayMs, longestDelayMs } = this.#reopening;
    const delayMs = Math.min(firstDelayMs * 2 ** (attempt - 2), longestDelayMs);
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(delayMs, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }
}
