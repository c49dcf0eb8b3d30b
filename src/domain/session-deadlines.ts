// When a session changes by itself: quiet deadlines make it idle and dormant, hard ones end it. All are data of the state.
import type { StateSummary } from './law.ts';
import type { SessionCommand } from './session-commands.ts';
import type { SessionStatus } from './session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';

/** The earliest of the times that are set. */
const earliest = (...times: (number | null)[]): number | null =>
  times.reduce((first, time) => (first === null || (time !== null && time < first) ? time : first), null);

const after = (at: number, ms: number | null): number | null => (ms === null ? null : at + ms);

const open: ReadonlySet<SessionStatus> = new Set(['active', 'idle', 'paused', 'dormant']);

/** When the session is to be ended with the reason `timeout`, or null. */
function endOf(state: SessionState): number | null {
  if (!open.has(statusOf(state))) return null;
  const { config } = state.profile;
  const { openedAt, lastActivityAt } = contextOf(state);
  return earliest(
    config.expiresAt,
    after(openedAt ?? lastActivityAt, config.endAfterMs),
    after(lastActivityAt, config.endAfterQuietMs),
  );
}

/** The next quiet edge and when it falls due, or undefined. */
function quietEdgeOf(state: SessionState): { to: 'idle' | 'dormant'; at: number } | undefined {
  const status = statusOf(state);
  const { lastActivityAt } = contextOf(state);
  const { idleAfterMs, dormantAfterMs } = state.profile.config;
  const dormantAt = after(lastActivityAt, dormantAfterMs);
  const idleAt = after(lastActivityAt, idleAfterMs);
  if (status === 'active' && idleAt !== null && (dormantAt === null || idleAt <= dormantAt))
    return { to: 'idle', at: idleAt };
  if ((status === 'active' || status === 'idle') && dormantAt !== null)
    return { to: 'dormant', at: dormantAt };
  return undefined;
}

/** The command of the earliest deadline that has passed: unfinished endings first, then ends, then quiet edges. */
export function dueCommand(state: SessionState, now: number): SessionCommand | undefined {
  if (statusOf(state) === 'terminating') return { type: 'session.finishTermination' };
  const quiet = quietEdgeOf(state);
  const end = endOf(state);
  if (quiet !== undefined && quiet.at <= now && (end === null || quiet.at < end)) {
    return { type: 'session.fallQuiet', to: quiet.to, at: quiet.at };
  }
  return end !== null && end <= now ? { type: 'session.expire' } : undefined;
}

/** What of the deadlines must survive in the head: quiet ones are made good when the session is next in memory. */
function dueAtOf(state: SessionState): number | null {
  const status = statusOf(state);
  if (status === 'terminating' || status === 'deleted') return contextOf(state).updatedAt;
  return endOf(state);
}

export function nextDeadlineOf(state: SessionState): number | null {
  return earliest(dueAtOf(state), quietEdgeOf(state)?.at ?? null);
}

/** What the list of sessions shows; {@link statusAt} derives the quiet statuses from it and the clock. */
export function summarizeSession(state: SessionState): StateSummary {
  const { createdAt, lastActivityAt, messages } = contextOf(state);
  const { name, agent, parentSessionId, config } = state.profile;
  const summary = {
    createdAt,
    activeAt: lastActivityAt,
    idleAfterMs: config.idleAfterMs,
    dormantAfterMs: config.dormantAfterMs,
    messages,
    name,
    agent,
    parentSessionId,
  };
  return { status: statusOf(state), dueAt: dueAtOf(state), summary };
}

export type SessionSummary = ReturnType<typeof summarizeSession>['summary'];

/** The status that a session has at `now`, whether or not its quiet edges were appended yet. */
export function statusAt(
  status: SessionStatus,
  quiet: {
    readonly activeAt: number;
    readonly idleAfterMs: number | null;
    readonly dormantAfterMs: number | null;
  },
  now: number,
): SessionStatus {
  if (status !== 'active' && status !== 'idle') return status;
  const dormantAt = after(quiet.activeAt, quiet.dormantAfterMs);
  if (dormantAt !== null && dormantAt <= now) return 'dormant';
  const idleAt = after(quiet.activeAt, quiet.idleAfterMs);
  return status === 'active' && idleAt !== null && idleAt <= now ? 'idle' : status;
}
