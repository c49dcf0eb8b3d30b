// What is wrong with sessions, as their supervision finds it: a crash shows as recovering at once, one crash too many as
// quarantined. What cannot be recorded is told to operators, and shown all the same.
import type { ServiceStatus } from '../actor/service-lifecycle.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import type { Condition } from '../recovery/conditions/condition.ts';
import type { Conditions } from '../recovery/conditions/conditions.ts';

export class SessionHealth {
  readonly #conditions: Conditions;
  readonly #telemetry: Telemetry;

  constructor(conditions: Conditions, telemetry: Telemetry) {
    this.#conditions = conditions;
    this.#telemetry = telemetry;
  }

  condition(sessionId: string): Condition | undefined {
    return this.#conditions.find(sessionId);
  }

  /** Why a session is quarantined, or undefined. */
  quarantine(sessionId: string): string | undefined {
    const known = this.condition(sessionId);
    if (known?.condition !== 'quarantined') return undefined;
    return `${known.reason}: ${known.error?.message ?? 'unknown'}`;
  }

  /** What a command to a quarantined session hears; undefined when it may be sent. */
  refusalOf(sessionId: string): HoldfastError | undefined {
    const problem = this.quarantine(sessionId);
    return problem === undefined
      ? undefined
      : new HoldfastError('SESSION_QUARANTINED', { sessionId, problem });
  }

  /** Who waited for an actor hears what became of it, in the words of the house. */
  startFailure(sessionId: string, cause: Error, status: ServiceStatus): HoldfastError {
    const problem = this.quarantine(sessionId);
    if (problem !== undefined)
      return new HoldfastError('SESSION_QUARANTINED', { sessionId, problem }, { cause });
    if (HoldfastError.is(cause)) return cause;
    if (status !== 'serving') return new HoldfastError('SYSTEM_NOT_SERVING', { status }, { cause });
    return new HoldfastError('SESSION_START_FAILED', { sessionId, problem: cause.message }, { cause });
  }

  crashed(sessionId: string, error: Error): void {
    const wanted = { condition: 'recovering', reason: 'its actors crashed', error } as const;
    this.#record(sessionId, this.#conditions.set(sessionId, wanted));
  }

  restarted(sessionId: string): void {
    this.#recovered(sessionId, 'its actors were restarted');
  }

  /** Its actors were stopped before they could be restarted: as any stored session it is well. */
  stopped(sessionId: string): void {
    if (this.condition(sessionId)?.condition === 'recovering')
      this.#recovered(sessionId, 'its actors were stopped');
  }

  /** What was recovering when the process ended is as well as any stored session now. */
  booted(): void {
    for (const { sessionId } of this.#conditions.list('recovering'))
      this.#recovered(sessionId, 'the process was restarted');
  }

  /** Of a session that was not journaled nothing is left when its process has ended, but its condition is. */
  async forgetMissing(isStored: (sessionId: string) => Promise<boolean>): Promise<void> {
    for (const { sessionId, error } of this.#conditions.list()) {
      // Of what was lost wholly the condition is all that is left.
      if (error?.code === 'HISTORY_LOST') continue;
      try {
        if (!(await isStored(sessionId))) await this.#conditions.forget(sessionId);
      } catch (thrown) {
        this.#telemetry('condition.notRecorded', { sessionId, problem: toError(thrown).message });
      }
    }
  }

  givenUp(sessionId: string, reason: string, error: Error, restarts: number): void {
    this.#telemetry('session.quarantined', { sessionId, reason, restarts, problem: error.message });
    const wanted = { condition: 'quarantined', reason, error, restarts } as const;
    this.#record(sessionId, this.#conditions.set(sessionId, wanted));
  }

  retried(sessionId: string, sessionSeq: number, meta: CommandMeta): Promise<Answer> {
    const cleared = { condition: 'quarantined', reason: 'retried', sessionSeq } as const;
    return this.#conditions.clear(sessionId, cleared, meta);
  }

  /** It was brought back by a recovery; of one that was well nothing is written. */
  recovered(sessionId: string): Promise<Answer> {
    return this.#conditions.clear(sessionId, { condition: 'quarantined', reason: 'recovered' });
  }

  /** Of a deleted session nothing is left. */
  async forget(sessionId: string): Promise<void> {
    if (this.condition(sessionId) !== undefined) await this.#conditions.forget(sessionId);
  }

  #recovered(sessionId: string, reason: string): void {
    this.#record(sessionId, this.#conditions.clear(sessionId, { condition: 'recovering', reason }));
  }

  #record(sessionId: string, outcome: Promise<unknown>): void {
    outcome.catch((thrown: unknown) =>
      this.#telemetry('condition.notRecorded', { sessionId, problem: toError(thrown).message }),
    );
  }
}
