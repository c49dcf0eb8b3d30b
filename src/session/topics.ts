// The topics of pub/sub: one for each session, and one that hears of every session.
import { sessionStream } from '../domain/session/session-law.ts';

export const globalTopic = 'sessions';

/** The name of its stream: whoever tells of a session has that at hand, and builds no text for each event. */
export const sessionTopic = sessionStream;
