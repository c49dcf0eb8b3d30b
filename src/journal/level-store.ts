// An open LevelDB that can be closed and opened again: after a failed write only a reopened one tells what is there. While
// that cannot be done, what is open goes on being read, and is never written.
import type { AbstractLevel } from 'abstract-level';
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { readFault } from './journal-errors.ts';
import { StorageOutage } from './outage.ts';
import {
  type BackOff,
  backOffMs,
  canHeal,
  healthyStorage,
  type StorageEvent,
  type StorageState,
  stepStorage,
  storageFault,
} from './store/storage-health.ts';
import type { StorePlace } from './store/store-place.ts';

export type Store = AbstractLevel<string | Buffer | Uint8Array, string, string>;

/** Opens the database; called again after each incident. */
export interface OpenStore {
  (): Promise<Store>;
  /** Makes durable what was written without a sync, for a store that has log files or a model of them. */
  readonly syncWritten?: () => Promise<void>;
}

export interface Reopening extends BackOff {
  /** A wait that is longer than this is an outage: who wants to write is refused instead of being kept waiting. */
  readonly patienceMs: number;
}

export const defaultReopening: Reopening = {
  firstDelayMs: 10,
  longestDelayMs: 30_000,
  longestBlindMs: 5_000,
  patienceMs: 1_000,
};

export interface LevelStoreOptions {
  readonly open: OpenStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly reopening: Reopening;
  readonly place: StorePlace | undefined;
  /** From 0 to 1: spreads the attempts. */
  readonly chance: () => number;
}

export interface HealthReport extends StorageState {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly problem: string | null;
}

export class LevelStore {
  /** Resolves with what was wrong, once nothing can be read or written any more, nor ever will be. */
  readonly lost: Promise<HoldfastError>;
  #lose: (failure: HoldfastError) => void = () => {};
  readonly #options: LevelStoreOptions;
  #db: Store | undefined;
  #state = healthyStorage;
  #since: number;
  #problem: Error | undefined;
  #outage: StorageOutage | undefined;
  #incident: Promise<void> | undefined;
  #declared: Promise<void> = Promise.resolve();
  #declare = (): void => {};
  #failure: HoldfastError | undefined;
  #closing = false;
  #endPause = (): void => {};
  #readers: (() => void)[] = [];

  constructor(options: LevelStoreOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
  }

  get db(): Store {
    if (this.#db === undefined) throw new HoldfastError('JOURNAL_CLOSED');
    return this.#db;
  }

  get health(): HealthReport {
    return { ...this.#state, since: this.#since, problem: this.#problem?.message ?? null };
  }

  /** Settles with the incident; undefined when there is none. */
  get incident(): Promise<void> | undefined {
    return this.#incident;
  }

  /** Resolves when the incident that lasts turns out to be an outage, if it does. */
  get outageDeclared(): Promise<void> | undefined {
    return this.#incident && this.#declared;
  }

  /** While ordinary writes are refused. */
  get outage(): StorageOutage | undefined {
    return this.#outage;
  }

  /** Why nothing can be written now, or undefined. */
  get refusal(): Error | undefined {
    if (this.#closing) return new HoldfastError('JOURNAL_CLOSED');
    if (this.#incident === undefined) return undefined;
    return this.#failure ?? this.#outage?.refusal ?? new Error('the journal is being reopened');
  }

  async open(): Promise<void> {
    this.#db = await this.#options.open();
    await this.#options.place?.note();
  }

  /** Waits out an incident; throws what an outage refuses with, and `JOURNAL_CLOSED`. */
  async ready(): Promise<Store> {
    while (this.#incident !== undefined && !this.#closing) {
      if (this.#outage?.total && this.#failure === undefined) throw this.#outage.refusal;
      await Promise.race([this.#incident, this.#declared]);
    }
    if (this.#closing) throw new HoldfastError('JOURNAL_CLOSED');
    return this.db;
  }

  /** Waits until something can be read, which in an outage is what was open before. */
  async readable(): Promise<Store> {
    while (this.#incident !== undefined && !this.#closing) {
      if (this.#outage !== undefined && this.#state.reads) break;
      await Promise.race([this.#incident, this.#changed()]);
    }
    if (this.#closing) throw new HoldfastError('JOURNAL_CLOSED');
    return this.db;
  }

  /** As {@link read}, for a long job that reads here and there: it may hear of an incident when that is long over. */
  async inspect<T>(job: (db: Store) => Promise<T>): Promise<T> {
    for (;;) {
      const db = await this.ready();
      try {
        return await job(db);
      } catch (error) {
        if (db.status === 'open') throw readFault(error, 'store', 'all');
      }
    }
  }

  /** Runs a read; one that an incident cuts off runs again on the reopened database. `stream` and `seq` name what is read. */
  async read<T>(stream: string, seq: number | string, job: (db: Store) => Promise<T>): Promise<T> {
    for (;;) {
      const db = await this.readable();
      try {
        return await job(db);
      } catch (error) {
        const cutOff =
          db.status !== 'open' && (this.#incident !== undefined || this.#closing || db !== this.#db);
        if (!cutOff) throw readFault(error, stream, seq);
      }
    }
  }

  /** Only while something can be read. */
  readSync(stream: string, seq: number | string, key: string): string | undefined {
    const { db } = this;
    try {
      return db.getSync(key);
    } catch (error) {
      throw readFault(error, stream, seq);
    }
  }

  /**
   * Begins an incident: closes and opens until it works and `learn` has read what is there, then calls `resume`. It goes on
   * for as long as that may help; what cannot heal is given up, and then the incident ends with the journal.
   */
  reopen(cause: Error, learn: (db: Store) => Promise<void>, resume: () => void): void {
    if (this.#incident !== undefined) return;
    this.#declared = new Promise((resolve) => {
      this.#declare = resolve;
    });
    this.#step({ type: 'failed', fault: storageFault(cause) }, cause);
    this.#incident = this.#heal(learn).then(() => {
      this.#incident = undefined;
      resume();
    });
    this.#incident.catch(() => undefined);
  }

  /** Whether there is space again was looked at, and will be in so long: if there is, all writes are taken. */
  ease(hasSpace: boolean, againMs: number): void {
    if (this.#state.writes !== 'urgent') return;
    if (hasSpace) this.#step({ type: 'eased' });
    else this.#outage?.again(againMs);
  }

  /** From now on nothing is read, and an incident ends without further attempts. */
  beginClose(): void {
    this.#closing = true;
    this.#outage?.end();
    this.#outage = undefined;
    this.#endPause();
  }

  async close(): Promise<void> {
    await this.#incident?.catch(() => undefined);
    const db = this.#db;
    this.#db = undefined;
    await db?.close();
  }

  async #heal(learn: (db: Store) => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (attempt > 1 && !this.#closing) await this.#pause();
      if (this.#closing) throw new HoldfastError('JOURNAL_CLOSED');
      const healed = this.#state.health !== 'quarantined' && (await this.#attempt(attempt, learn));
      if (healed) return;
      if (this.#state.health === 'quarantined') await this.#giveUp();
    }
  }

  /** True once it is open anew. What is open is closed only when there is hope: until then it can be read. */
  async #attempt(attempt: number, learn: (db: Store) => Promise<void>): Promise<boolean> {
    const { place, telemetry, open } = this.#options;
    let event: 'probeFailed' | 'openFailed' = 'probeFailed';
    let short = this.#state.fault === 'full';
    try {
      const gone = await place?.look();
      if (gone !== undefined) throw gone;
      if (short) short = (await place?.releaseReserve()) ?? false;
      if (short) telemetry('storage.reserveReleased');
      await place?.probe(this.#state.fault ?? 'io');
      event = 'openFailed';
      this.#step({ type: 'closing' });
      await this.#db?.close();
      try {
        this.#db = await open();
      } finally {
        // Files of it are new ones from here on, also when it is closed again: the next look is not to take them for another's.
        await place?.note();
      }
      await learn(this.#db);
    } catch (thrown) {
      const problem = toError(thrown);
      telemetry('journal.reopenFailed', { attempt, problem: problem.message });
      this.#step({ type: event, fault: storageFault(problem) }, problem);
      return false;
    }
    telemetry('journal.reopened', { attempt });
    this.#step({ type: 'opened', short });
    return true;
  }

  /** What can be read goes on being read until the journal is closed. */
  async #giveUp(): Promise<never> {
    const cause = this.#problem ?? new Error('it cannot be reopened');
    if (this.#state.reads) await this.#wait(undefined);
    if (this.#closing) throw new HoldfastError('JOURNAL_CLOSED');
    this.#failure = HoldfastError.is(cause, 'JOURNAL_GONE')
      ? cause
      : new HoldfastError('JOURNAL_UNAVAILABLE', { problem: cause.message }, { cause });
    this.#lose(this.#failure);
    throw this.#failure;
  }

  /** Ends early when the journal is closed. */
  async #pause(): Promise<void> {
    const { reopening, chance } = this.#options;
    const delayMs = backOffMs(this.#state, reopening, chance());
    this.#outage?.again(delayMs);
    if (this.#outage === undefined && delayMs > reopening.patienceMs) this.#begin().again(delayMs);
    await this.#wait(delayMs);
  }

  #wait(delayMs: number | undefined): Promise<void> {
    // The close has ended what was waiting: it does not come again.
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = delayMs === undefined ? () => {} : this.#options.clock.schedule(delayMs, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }

  #step(event: StorageEvent, problem?: Error): void {
    const before = this.#state;
    this.#state = stepStorage(before, event);
    if (problem !== undefined) this.#problem = problem;
    const { health, reads, writes, fault } = this.#state;
    if (health !== before.health) this.#since = this.#options.clock.now();
    if (health === 'healthy') this.#problem = undefined;
    const isLong = health === 'degraded' || health === 'quarantined';
    const isOther = this.#outage?.total !== (writes === 'none') || !canHeal(fault ?? 'io');
    if (isLong && (this.#outage === undefined || isOther)) this.#begin();
    else if (isLong || writes === 'none') this.#notifyReads(before.reads !== reads);
    else this.#end();
  }

  #begin(): StorageOutage {
    const { clock, telemetry, reopening } = this.#options;
    const { fault, writes, health } = this.#state;
    const before = this.#outage;
    const problem = this.#problem ?? new Error('there is not enough space');
    this.#outage = new StorageOutage(fault ?? 'io', writes === 'none', problem, clock);
    if (canHeal(fault ?? 'io')) this.#outage.again(backOffMs(this.#state, reopening, 0));
    before?.end();
    this.#declare();
    this.#notifyReads(true);
    telemetry('storage.changed', { health, writes, fault, problem: problem.message });
    return this.#outage;
  }

  #end(): void {
    const ended = this.#outage;
    this.#outage = undefined;
    ended?.end();
    this.#notifyReads(true);
    if (ended !== undefined)
      this.#options.telemetry('storage.changed', { health: this.#state.health, writes: 'all' });
  }

  /** Resolves when what can be read may have changed. */
  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#readers.push(resolve);
    });
  }

  #notifyReads(changed: boolean): void {
    if (!changed) return;
    for (const tell of this.#readers.splice(0)) tell();
  }
}
