// The locks as a part of the system: their one entity, those who wait for them in this process, and what is told of them.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { ConflictPolicy } from '../../domain/lock/conflicts.ts';
import type { AcquireLock, LockCommand } from '../../domain/lock/lock-commands.ts';
import type { LockEventData } from '../../domain/lock/lock-events.ts';
import { locksId, locksLaw, locksStream } from '../../domain/lock/lock-law.ts';
import { endsAt, type LockGrant, type LocksState } from '../../domain/lock/lock-state.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { Call } from '../../operations/bind.ts';
import type { LockNotice } from '../../operations/views/lock-views.ts';
import { EntityHost } from '../entity-host.ts';
import { insist } from '../insistence.ts';
import { LockWaits, type Wait } from './lock-waits.ts';

export interface LocksOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly mailboxSize: number;
  readonly policy: ConflictPolicy;
  /** Tells whoever follows all that becomes durable. */
  readonly publish: (events: readonly StoredEvent[]) => void;
}

/** A grant as whoever asked for it hears of it. */
export interface Acquired {
  readonly answer: Answer;
  readonly outcome: 'granted' | 'held';
  readonly token: number;
  readonly until: number;
}

export class Locks {
  readonly #options: LocksOptions;
  readonly #host: EntityHost<LocksState, LockCommand>;
  readonly #waits: LockWaits;
  /** By token, who wants to hear that a lock is to be given up or is lost. */
  readonly #listening = new Map<number, Set<(notice: LockNotice) => void>>();
  readonly #closing = new AbortController();
  #deadlocksRefused = 0;

  constructor(options: LocksOptions) {
    this.#options = options;
    this.#host = new EntityHost({
      ...options,
      law: locksLaw(options.policy),
      tell: (_, events) => this.#tell(events),
    });
    this.#waits = new LockWaits({
      ...options,
      read: () => this.read(),
      now: () => this.#host.timeOf(locksId),
      withdraw: (wait) => this.#withdraw(wait),
    });
  }

  /** Those who hold or wait for anything that is stored; the alarm of the earliest end is set. */
  async begin(): Promise<readonly string[]> {
    const head = await this.#options.journal.head(locksStream);
    if (head === undefined) return [];
    this.#host.adopt(head);
    if (head.status === 'free') return [];
    return [...(await this.read()).bySession.entries()].map(([sessionId]) => sessionId);
  }

  get deadlocksRefused(): number {
    return this.#deadlocksRefused;
  }

  async read(): Promise<LocksState> {
    return (await this.#host.read(locksId)).state;
  }

  /** True for a session that holds or waits for anything, as far as is known without waiting. */
  concerns(sessionId: string): boolean {
    return this.#host.peek(locksId)?.bySession.has(sessionId) ?? false;
  }

  /** The names of the locks that a session holds, as far as is known without waiting. */
  heldBy(sessionId: string): readonly string[] {
    const state = this.#host.peek(locksId);
    const names = state?.bySession.get(sessionId) ?? [];
    return names.filter((name) => state?.locks.get(name)?.grant.sessionId === sessionId);
  }

  send(command: LockCommand, call: Call = {}): Promise<Answer> {
    return this.#host.send(locksId, command, call);
  }

  /** Waits for it where another holds it. What the caller does not wait for any more is given back. */
  async acquire(command: AcquireLock, call: Call): Promise<Acquired> {
    const answer = await this.send(command, call).catch((error: unknown) => {
      if (HoldfastError.is(error, 'DEADLOCK')) this.#refused(command);
      throw error;
    });
    if (answer.outcome !== 'waiting') {
      const { token, until, outcome } = answer as unknown as Acquired;
      return { answer, outcome, token, until };
    }
    const { name, waitMs } = command;
    const wait: Wait = {
      ...{ name, waitMs, waitId: Number(answer.waitId) },
      deadlineAt: Number(answer.deadlineAt),
    };
    const { token, expiresAt } = await this.#waits.wait(wait, call.signal);
    return { answer, outcome: 'granted', token, until: expiresAt };
  }

  /** The session is not there any more, or was not at a time. */
  async endSession(sessionId: string, reason: string, heardUntil?: number): Promise<void> {
    const until = heardUntil === undefined ? {} : { heardUntil };
    await this.send({ type: 'locks.endSession', sessionId, reason, ...until });
  }

  /** What holds under a token now; undefined when nothing does. */
  async heldUnder(name: string, token: number): Promise<LockGrant | undefined> {
    const grant = (await this.read()).locks.get(name)?.grant;
    const isHeld = grant?.token === token && endsAt(grant) > this.#host.timeOf(locksId);
    return isHeld ? grant : undefined;
  }

  async notice(
    name: string,
    token: number,
    sessionId: string,
    signal: AbortSignal | undefined,
  ): Promise<LockNotice> {
    const ends = signal === undefined ? [this.#closing.signal] : [this.#closing.signal, signal];
    const stop = AbortSignal.any(ends);
    let forget = (): void => {};
    try {
      return await new Promise<LockNotice>((resolve, reject) => {
        const all = this.#listening.get(token) ?? new Set();
        this.#listening.set(token, all.add(resolve));
        forget = () => {
          all.delete(resolve);
          if (all.size === 0) this.#listening.delete(token);
        };
        stop.addEventListener('abort', () => reject(stop.reason), { once: true });
        if (stop.aborted) reject(stop.reason);
        this.heldUnder(name, token).then((grant) => {
          if (grant?.sessionId !== sessionId) resolve({ outcome: 'lost', until: null });
          else if (grant.interrupt !== null) resolve({ outcome: 'interrupted', until: endsAt(grant) });
        }, reject);
      });
    } finally {
      forget();
    }
  }

  /** What was sent before is answered; whoever waits hears that nothing is served any more. */
  async close(): Promise<void> {
    this.#closing.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' }));
    this.#waits.close();
    await this.#host.close();
  }

  #tell(events: readonly StoredEvent[]): void {
    this.#options.publish(events);
    this.#waits.follow(events);
    for (const event of events) this.#note(event);
  }

  #note({ type, data }: StoredEvent): void {
    const { telemetry } = this.#options;
    if (type === 'lock.interrupted') {
      const { name, token, by, until } = data as LockEventData['lock.interrupted'];
      telemetry('lock.interrupted', { name, token, by, until });
      this.#notify(token, { outcome: 'interrupted', until });
    } else if (type === 'lock.expired') {
      const { name, token, cause } = data as LockEventData['lock.expired'];
      telemetry('lock.expired', { name, token, cause });
      this.#notify(token, { outcome: 'lost', until: null });
    } else if (type === 'lock.released') {
      this.#notify((data as LockEventData['lock.released']).token, { outcome: 'lost', until: null });
    } else if (type === 'lock.waitEnded') {
      const { name, cause, cycle } = data as LockEventData['lock.waitEnded'];
      if (cause === 'deadlock') telemetry('lock.deadlock', { name, sessionId: cycle?.[0]?.sessionId ?? '' });
    }
  }

  #notify(token: number, notice: LockNotice): void {
    for (const resolve of this.#listening.get(token) ?? []) resolve(notice);
  }

  #refused({ name, sessionId }: AcquireLock): void {
    this.#deadlocksRefused += 1;
    this.#options.telemetry('lock.deadlock', { name, sessionId });
  }

  #withdraw({ name, waitId }: Wait): void {
    const { clock, telemetry } = this.#options;
    const { signal } = this.#closing;
    const withdraw = () => this.send({ type: 'lock.withdraw', name, waitId });
    insist(clock, signal, withdraw).catch((error: unknown) => {
      if (!signal.aborted) telemetry('coordination.failed', { name, problem: toError(error).message });
    });
  }
}
