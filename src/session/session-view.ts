// What a reader is shown of a living session.
import { type SessionState, statusOf } from '../domain/session/session-state.ts';
import type { Journal } from '../journal/journal.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { SessionActor } from './session-actor.ts';

/** The durable state of a session, and the seq of its last event. */
export interface SessionView {
  readonly state: SessionState;
  readonly seq: number;
}

/** Nothing of one that was never opened, or is deleted. */
export function viewOf({ seq, state }: SessionActor): SessionView | undefined {
  return seq === 0 || statusOf(state) === 'deleted' ? undefined : { state, seq };
}

/**
 * Who does not know whether it was done looks: that waits until what the disk holds was read back, or until an outage is declared.
 */
export async function viewReadBack(
  live: Pick<LiveSessions, 'find'>,
  { outageDeclared }: Pick<Journal, 'outageDeclared'>,
  sessionId: string,
): Promise<SessionView | undefined> {
  const child = live.find(sessionId);
  if (child === undefined) return undefined;
  const read = child.whenRead();
  await Promise.race([read, outageDeclared ?? read]);
  const now = live.find(sessionId);
  return now && viewOf(now);
}
