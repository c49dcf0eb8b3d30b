// The topics of pub/sub: one for each session, and one that hears of every session.

export const globalTopic = 'sessions';
export const sessionTopic = (sessionId: string): string => `session:${sessionId}`;
