// A quarantined session gets its actors back with a clean account, and is let go again when that fails.
import type { ServiceStatus } from '../actor/service-lifecycle.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Answer } from '../entity/command-meta.ts';
import type { Arrivals } from './arrivals.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { SessionActor } from './session-actor.ts';
import type { SessionHealth } from './session-health.ts';

export interface Revival {
  readonly live: LiveSessions;
  readonly health: SessionHealth;
  readonly arrivals: Arrivals;
  readonly isStored: (sessionId: string) => Promise<boolean>;
  readonly status: () => ServiceStatus;
}

/** One that is not quarantined is left alone. Its agents go on, or are stopped, before `isWell` is asked. */
export async function revive(
  sessionId: string,
  agents: 'resume' | 'stop',
  isWell: () => Promise<Answer>,
  { live, health, arrivals, isStored, status }: Revival,
): Promise<Answer> {
  // Of what was lost wholly its condition is all that tells of it, until somebody accepts the loss by a delete.
  if (!(await isStored(sessionId)))
    throw health.refusalOf(sessionId) ?? new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  if (health.quarantine(sessionId) === undefined) return isWell();
  return live.startWithoutAgents(sessionId, async () => {
    const start = (): Promise<SessionActor> => live.start(sessionId);
    try {
      const actor = await arrivals.arrive(sessionId, start, async (started) => started);
      if (agents === 'stop') await actor.send({ type: 'agent.stopAll', reason: 'retried without agents' });
      return await isWell();
    } catch (error) {
      if (health.quarantine(sessionId) !== undefined) await live.leave(sessionId);
      throw health.startFailure(sessionId, toError(error), status());
    }
  });
}
