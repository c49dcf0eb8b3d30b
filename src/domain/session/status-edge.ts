// The events of edges, as decisions propose them. Whether an edge is lawful is the machine's to say.
import type { Decision, Proposal, Refusal } from '../law.ts';
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

export const notLawful = (state: SessionState, to: SessionStatus): Decision => ({
  refusal: edgeRefusal(state.sessionId, statusOf(state), to),
});

export function edgeRefusal(sessionId: string, from: SessionStatus, to: SessionStatus): Refusal {
  return { code: 'INVALID_TRANSITION', details: { sessionId, from, to, hint: hintFor(from, to) } };
}

/** What leads on from where the session stands. */
function hintFor(from: SessionStatus, to: SessionStatus): string {
  if (from === 'initializing') return 'it is not open yet';
  if (from === 'terminating') return 'wait until it has ended';
  if (from === 'terminated' || from === 'archived')
    return 'it has ended, and only sessions.restore of a saved copy opens it again';
  if (from === 'deleted') return 'it is gone';
  if (to === 'archived' || to === 'deleted') return 'end it with sessions.terminate first';
  if (from === 'paused') return 'take it up with sessions.resume first';
  if (from === 'dormant') return 'wake it with sessions.wake first';
  return 'no step leads from the one to the other';
}
