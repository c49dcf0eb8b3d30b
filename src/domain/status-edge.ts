// The events of edges, as decisions propose them. Whether an edge is lawful is the machine's to say.
import { type Decision, type Proposal, refuse } from './law.ts';
import type { SessionStatus, StatusChange } from './session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';

/** Where waking leads. */
export const wakesTo = (state: SessionState): 'active' | 'paused' =>
  statusOf(state) === 'dormant' ? contextOf(state).resumeTo : 'active';

/** From where the session stands. */
export function edge(
  state: SessionState,
  to: SessionStatus,
  reason: string,
  cause: string,
  more: Partial<StatusChange> = {},
): Proposal {
  return changed({ from: statusOf(state), to, reason, cause, ...more });
}

/** An edge from a status that the session has not reached yet. */
export function laterEdge(from: SessionStatus, to: SessionStatus, reason: string, cause: string): Proposal {
  return changed({ from, to, reason, cause });
}

const changed = (data: StatusChange): Proposal => ({ type: 'session.statusChanged', data });

export function notLawful(state: SessionState, to: SessionStatus): Decision {
  return refuse('INVALID_TRANSITION', { sessionId: state.sessionId, from: statusOf(state), to });
}
