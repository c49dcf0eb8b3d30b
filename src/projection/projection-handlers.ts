// Operations that are answered from projections, each once it has caught up with all that was acknowledged before, and
// those that look after the projections themselves.
import type { Clock } from '../base/clock.ts';
import type { Journal } from '../journal/journal.ts';
import { KeptAnswers } from '../journal/kept-answers.ts';
import type { Handlers } from '../operations/bind.ts';
import type { SessionInfo } from '../operations/views/views.ts';
import type { Projections } from './projections.ts';
import type { RunningProjection } from './running-projection.ts';
import type { ListedSession, SessionList } from './session-list.ts';
import type { SessionQuery } from './session-query.ts';

export interface ProjectionContext {
  readonly projections: Projections;
  readonly sessions: RunningProjection<SessionList>;
  readonly journal: Pick<Journal, 'kv'>;
  readonly clock: Clock;
}

export type ProjectionOperation =
  | 'sessions.list'
  | 'sessions.count'
  | 'projections.list'
  | 'projections.rebuild';

export function projectionHandlers(context: ProjectionContext): Handlers<ProjectionOperation> {
  const { projections, sessions, clock, journal } = context;
  const answers = new KeptAnswers(journal.kv, 'projections');
  return {
    'sessions.list': async (input) => {
      const list = await sessions.caughtUp();
      const { sessions: found, cursor, total } = list.list(input as SessionQuery, clock.now());
      return {
        items: found.map(infoOf),
        ...(cursor !== undefined && { cursor }),
        ...(total !== undefined && { total }),
      };
    },
    'sessions.count': async (input) => {
      const list = await sessions.caughtUp();
      return list.count(input as Pick<SessionQuery, 'agent' | 'parentSessionId'>, clock.now());
    },
    'projections.list': () => projections.list(),
    'projections.rebuild': ({ name }, call) => answers.once(call, () => projections.rebuild(name)),
  };
}

function infoOf({ activeAt, idleAfterMs, dormantAfterMs, ...row }: ListedSession): SessionInfo {
  return { ...row, lastActivityAt: activeAt };
}
