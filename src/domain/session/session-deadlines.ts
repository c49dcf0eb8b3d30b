// When a session changes by itself: quiet deadlines make it idle and dormant, hard ones end it. All are data of the state.
import type { Json } from '../../base/json.ts';
import { allParked } from '../agent/agent-runs.ts';
import { dueStep } from '../agent/agent-step-deadlines.ts';
import type { StateSummary } from '../law.ts';
import type { SessionCommand } from './session-commands.ts';
import type { SessionStatus } from './session-lifecycle.ts';
import { contextOf, isAtWork, type SessionState, statusOf } from './session-state.ts';

/** The earlier of two times, of those that are set. */
const earlier = (a: number | null, b: number | null): number | null =>
  a === null || (b !== null && b < a) ? b : a;

const after = (at: number, ms: number | null): number | null => (ms === null ? null : at + ms);

const isOpen = (status: SessionStatus): boolean =>
  status === 'active' || status === 'idle' || status === 'paused' || status === 'dormant';

/** When the session is to be ended with the reason `timeout`, or null. */
function endOf(state: SessionState): number | null {
  if (!isOpen(statusOf(state))) return null;
  const { config } = state.profile;
  const { openedAt, lastActivityAt } = contextOf(state);
  const endAt = earlier(config.expiresAt, after(openedAt ?? lastActivityAt, config.endAfterMs));
  return isAtWork(state) ? endAt : earlier(endAt, after(lastActivityAt, config.endAfterQuietMs));
}

/** The next quiet edge and when it falls due, or undefined. */
function quietEdgeOf(state: SessionState): { to: 'idle' | 'dormant'; at: number } | undefined {
  if (isAtWork(state)) return undefined;
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

/** Timers and deadlines of agents go off in an active session; in another one they wait, and go off late. */
const timersDueAt = (state: SessionState): number | null =>
  statusOf(state) === 'active' ? state.agents.dueAt : null;

/** When an offer that nobody has answered ends. */
export const offerDueAt = (state: SessionState): number | null =>
  isOpen(statusOf(state)) ? (state.ownership?.offer?.deadlineAt ?? null) : null;

/** The command of the earliest deadline that has passed: unfinished endings first, then ends, then quiet edges. */
export function dueCommand(state: SessionState, now: number, time = now): SessionCommand | undefined {
  if (statusOf(state) === 'terminating')
    return state.agents.open.size === 0 || finishAt(state) <= now
      ? { type: 'session.finishTermination' }
      : undefined;
  const end = endOf(state);
  const step = timersDueAt(state);
  if (step !== null && step <= now && (end === null || step <= end)) return dueStep(state.agents, now);
  const offer = offerDueAt(state);
  const isFirst = end === null || end > now || (offer !== null && offer <= end);
  if (offer !== null && offer <= time && isFirst) return { type: 'handoff.expire' };
  const quiet = quietEdgeOf(state);
  if (quiet !== undefined && quiet.at <= now && (end === null || quiet.at < end)) {
    return { type: 'session.fallQuiet', to: quiet.to, at: quiet.at };
  }
  return end !== null && end <= now ? { type: 'session.expire' } : undefined;
}

/**
 * When an ending is finished at the latest: at once, or when its agents have had twice their time. Whoever stops them says
 * earlier that they have ended; this is for a process that died meanwhile.
 */
function finishAt({ agents, profile, lifecycle }: SessionState): number {
  const { updatedAt } = lifecycle.context;
  return agents.open.size === 0 ? updatedAt : updatedAt + 2 * profile.config.agentShutdownMs;
}

/** What wakes a session that is in memory. */
function hardDeadlineOf(state: SessionState): number | null {
  const status = statusOf(state);
  if (status === 'terminating') return finishAt(state);
  return status === 'deleted' ? contextOf(state).updatedAt : endOf(state);
}

/** The deadline that ends the session or its ending, when it lies before `before`; null when none does. */
export function lateDeadline(state: SessionState, before: number): number | null {
  const dueAt = hardDeadlineOf(state);
  return dueAt !== null && dueAt < before && statusOf(state) !== 'deleted' ? dueAt : null;
}

/**
 * What of the deadlines must survive in the head: quiet ones are made good when the session is next in memory. Agents that
 * were at work go on at once, but for those that are parked.
 */
function dueAtOf(state: SessionState): number | null {
  if (!isAtWork(state)) return earlier(hardDeadlineOf(state), offerDueAt(state));
  if (!allParked(state.agents)) return contextOf(state).updatedAt;
  return earlier(earlier(hardDeadlineOf(state), offerDueAt(state)), timersDueAt(state));
}

export function nextDeadlineOf(state: SessionState): number | null {
  const own = earlier(hardDeadlineOf(state), offerDueAt(state));
  return earlier(earlier(own, quietEdgeOf(state)?.at ?? null), timersDueAt(state));
}

/**
 * Raised by hand when {@link summarizeSession} tells more than before, or otherwise: heads of another version lack it, and
 * what was made of them is made good from their streams. Version 1 added `entries` and `agents`; before it there was no `v`.
 */
export const summaryVersion = 1;

/** What the list of sessions shows; {@link statusAt} derives the quiet statuses from it and the clock. */
export function summarizeSession(state: SessionState): StateSummary {
  const { createdAt, lastActivityAt, messages, entries } = contextOf(state);
  const { name, agent, parentSessionId, config } = state.profile;
  const summary = {
    v: summaryVersion,
    createdAt,
    activeAt: lastActivityAt,
    idleAfterMs: config.idleAfterMs,
    dormantAfterMs: config.dormantAfterMs,
    messages,
    agents: state.agents.open.size,
    entries,
    name,
    agent,
    parentSessionId,
  };
  return { status: statusOf(state), dueAt: dueAtOf(state), summary };
}

export type SessionSummary = ReturnType<typeof summarizeSession>['summary'];

/** As JSON makes it, put together by hand: it is written with every event, and only its names may need escaping. */
export function summaryText(of: Json): string {
  const summary = of as SessionSummary;
  const { v, createdAt, activeAt, idleAfterMs, dormantAfterMs, messages, agents, entries } = summary;
  return (
    `{"v":${v},"createdAt":${createdAt},"activeAt":${activeAt},"idleAfterMs":${idleAfterMs},` +
    `"dormantAfterMs":${dormantAfterMs},"messages":${messages},"agents":${agents},"entries":${entries},` +
    `"name":${textOrNull(summary.name)},"agent":${textOrNull(summary.agent)},` +
    `"parentSessionId":${textOrNull(summary.parentSessionId)}}`
  );
}

const textOrNull = (text: Json | undefined): string =>
  typeof text === 'string' ? JSON.stringify(text) : 'null';

/** The status that a session has at `now`, whether or not its quiet edges were appended yet. */
export function statusAt(
  status: SessionStatus,
  quiet: {
    readonly activeAt: number;
    readonly idleAfterMs: number | null;
    readonly dormantAfterMs: number | null;
    /** Open agent runs: while there are any, an active session is not quiet. */
    readonly agents: number;
  },
  now: number,
): SessionStatus {
  if (status !== 'active' && status !== 'idle') return status;
  if (status === 'active' && quiet.agents > 0) return status;
  const dormantAt = after(quiet.activeAt, quiet.dormantAfterMs);
  if (dormantAt !== null && dormantAt <= now) return 'dormant';
  const idleAt = after(quiet.activeAt, quiet.idleAfterMs);
  return status === 'active' && idleAt !== null && idleAt <= now ? 'idle' : status;
}
