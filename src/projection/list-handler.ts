// The operation that lists sessions: read from the projection once it has caught up with all that was acknowledged before.
import type { Clock } from '../base/clock.ts';
import type { Handlers } from '../operations/bind.ts';
import type { SessionInfo } from '../operations/views.ts';
import type { SessionList, SessionQuery } from './session-list.ts';
import type { SessionRow } from './session-row.ts';

export interface ListContext {
  readonly list: SessionList;
  readonly follower: { catchUp(): Promise<void> };
  readonly clock: Clock;
  readonly quarantine: (sessionId: string) => string | undefined;
}

export function listHandler({ list, follower, clock, quarantine }: ListContext): Handlers<'sessions.list'> {
  const info = ({
    sessionId,
    status,
    name,
    agent,
    parentSessionId,
    createdAt,
    updatedAt,
    messages,
  }: SessionRow): SessionInfo => ({
    sessionId,
    status: quarantine(sessionId) === undefined ? status : 'quarantined',
    name,
    agent,
    parentSessionId,
    createdAt,
    updatedAt,
    messages,
  });
  return {
    'sessions.list': async (input) => {
      await follower.catchUp();
      const { sessions, cursor, total } = list.list(input as SessionQuery, clock.now());
      return {
        items: sessions.map(info),
        ...(cursor !== undefined && { cursor }),
        ...(total !== undefined && { total }),
      };
    },
  };
}
