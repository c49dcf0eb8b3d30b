// Callers who wait for a lock in this process: each hears what became of its wait from the events of the locks. What no event told,
// as behind a failed append, is read once the deadline of the wait is over.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { LockEventData } from '../../domain/lock/lock-events.ts';
import type { LocksState } from '../../domain/lock/lock-state.ts';
import type { StoredEvent } from '../../journal/journal.ts';

export interface AwaitedGrant {
  readonly token: number;
  readonly expiresAt: number;
}

export interface Wait {
  readonly name: string;
  readonly waitId: number;
  readonly deadlineAt: number;
  readonly waitMs: number;
}

interface Waiting {
  readonly wait: Wait;
  readonly settle: (outcome: AwaitedGrant | Error) => void;
}

export interface LockWaitsOptions {
  readonly clock: Clock;
  readonly read: () => Promise<LocksState>;
  /** The time of the locks. */
  readonly now: () => number;
  /** The last caller of a wait waits no more. */
  readonly withdraw: (wait: Wait) => void;
}

/** A wait that should be over is looked after again after so long. */
const lateMs = 1_000;

export class LockWaits {
  readonly #options: LockWaitsOptions;
  readonly #waiting = new Map<number, Set<Waiting>>();

  constructor(options: LockWaitsOptions) {
    this.#options = options;
  }

  /** Throws what the wait ended with, and the reason of `signal`. */
  async wait(wait: Wait, signal: AbortSignal | undefined): Promise<AwaitedGrant> {
    const { promise, one, forget } = this.#register(wait);
    const abort = (): void => one.settle(abortOf(signal));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    const stopLooking = this.#lookLater(one);
    try {
      await this.#look(one);
      return await promise;
    } catch (error) {
      if (signal?.aborted && forget() === 0) this.#options.withdraw(wait);
      throw signal?.aborted ? signal.reason : error;
    } finally {
      forget();
      stopLooking();
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Events of locks became durable. */
  follow(events: readonly StoredEvent[]): void {
    if (this.#waiting.size === 0) return;
    for (const { type, seq, data } of events) {
      if (type === 'lock.granted') {
        const { waitId, expiresAt } = data as LockEventData['lock.granted'];
        if (waitId !== null) this.#settle(waitId, () => ({ token: seq, expiresAt }));
      } else if (type === 'lock.waitEnded') {
        const ended = data as LockEventData['lock.waitEnded'];
        this.#settle(ended.waitId, ({ waitMs }) => endedBy(ended, waitMs));
      }
    }
  }

  close(): void {
    const closed = new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' });
    for (const waitId of [...this.#waiting.keys()]) this.#settle(waitId, () => closed);
  }

  #register(wait: Wait): { promise: Promise<AwaitedGrant>; one: Waiting; forget: () => number } {
    let settle: Waiting['settle'] = () => {};
    const promise = new Promise<AwaitedGrant>((resolve, reject) => {
      settle = (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome));
    });
    promise.catch(() => undefined);
    const one: Waiting = { wait, settle };
    const all = this.#waiting.get(wait.waitId) ?? new Set();
    this.#waiting.set(wait.waitId, all.add(one));
    const forget = (): number => {
      all.delete(one);
      if (all.size === 0 && this.#waiting.get(wait.waitId) === all) this.#waiting.delete(wait.waitId);
      return all.size;
    };
    return { promise, one, forget };
  }

  #settle(waitId: number, outcome: (wait: Wait) => AwaitedGrant | Error): void {
    for (const { wait, settle } of this.#waiting.get(waitId) ?? []) settle(outcome(wait));
  }

  /** It may have been over before anybody listened. */
  async #look({ wait, settle }: Waiting): Promise<void> {
    const { name, waitId, deadlineAt, waitMs } = wait;
    const lock = (await this.#options.read()).locks.get(name);
    if (lock?.grant.waitId === waitId) {
      const { token, expiresAt } = lock.grant;
      settle({ token, expiresAt });
    } else if (!lock?.waiters.some((waiter) => waiter.waitId === waitId)) {
      const isLate = this.#options.now() >= deadlineAt;
      settle(endedBy({ name, waitId, cause: isLate ? 'timedOut' : 'withdrawn' }, waitMs));
    }
  }

  #lookLater(one: Waiting): () => void {
    const { clock, now } = this.#options;
    let cancel = (): void => {};
    const look = (): void => {
      cancel = clock.schedule(lateMs, look);
      this.#look(one).catch(() => undefined);
    };
    cancel = clock.schedule(Math.max(0, one.wait.deadlineAt - now()) + lateMs, look);
    return () => cancel();
  }
}

const abortOf = (signal: AbortSignal | undefined): Error =>
  signal?.reason instanceof Error ? signal.reason : new Error('it was aborted');

function endedBy({ name, cause, cycle }: LockEventData['lock.waitEnded'], waitMs: number): HoldfastError {
  if (cause === 'timedOut') return new HoldfastError('LOCK_TIMEOUT', { name, waitMs });
  if (cause !== 'deadlock') return new HoldfastError('LOCK_WAIT_ENDED', { name, cause });
  const { sessionId = '' } = cycle?.[0] ?? {};
  return new HoldfastError('DEADLOCK', { sessionId, name, cycle: cycle ?? [] });
}
