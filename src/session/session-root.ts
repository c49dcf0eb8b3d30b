// The tree that a session belongs to.
import type { SessionState } from '../domain/session/session-state.ts';

/** The session at the root of its tree: itself, where it was opened under none. */
export const rootOf = ({ sessionId, profile }: Pick<SessionState, 'sessionId' | 'profile'>): string =>
  profile.tree?.rootSessionId ?? sessionId;
