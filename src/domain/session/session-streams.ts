// Which streams are a session's: its own, and those that stand beside it because it could not keep them itself.
import { sessionStream } from './session-law.ts';

/** The kinds of streams that belong to a session, its own first: a cursor names their places in this order. */
const sessionStreamKinds = ['session', 'condition', 'recovery', 'parked', 'tasks', 'memories'] as const;

export const streamsOf = (sessionId: string): readonly string[] =>
  sessionStreamKinds.map((kind) => `${kind}/${sessionId}`);

/** The session that a stream belongs to; undefined when it belongs to none. */
export function sessionOf(stream: string): string | undefined {
  const slash = stream.indexOf('/');
  const isKind = (sessionStreamKinds as readonly string[]).includes(stream.slice(0, slash));
  return isKind ? stream.slice(slash + 1) : undefined;
}

/** True for the stream whose seqs are the session's. */
export const isOwnStream = (stream: string, sessionId: string): boolean =>
  stream === sessionStream(sessionId);
