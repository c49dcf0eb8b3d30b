// The tasks of a merge. They stand in a stream of their own, which remembers how far it has come.
import { contextOf, type SessionState } from '../../domain/session/session-state.ts';
import type { Call } from '../../operations/bind.ts';
import type { ReadingContext } from '../handlers/handler-context.ts';

/** What had not ended at the version that is merged stays where it is. */
export function mergeTasks(
  { tasks }: ReadingContext,
  sessionId: string,
  source: SessionState,
  isPast: boolean,
  call: Call,
): Promise<number> {
  const until = isPast ? contextOf(source).updatedAt : null;
  return tasks.adopt({ sessionId, fromSessionId: source.sessionId, until }, call);
}
