// Operations that are answered from projections, each once it has caught up with all that was acknowledged before, and
// those that look after the projections themselves.
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Journal } from '../journal/journal.ts';
import type { Call, Handlers } from '../operations/bind.ts';
import type { ProjectionInfo, Repeatable, SessionInfo } from '../operations/views.ts';
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
  const { projections, sessions, clock } = context;
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
    'projections.rebuild': ({ name }, call) => rebuildOnce(context, name, call),
  };
}

function infoOf({ activeAt, idleAfterMs, dormantAfterMs, ...row }: ListedSession): SessionInfo {
  return { ...row, lastActivityAt: activeAt };
}

/** With a key a repeat is answered from the record of the first, and builds nothing. */
async function rebuildOnce(
  { projections, journal: { kv } }: ProjectionContext,
  name: string,
  { operationId, digest = '' }: Call,
): Promise<ProjectionInfo & Repeatable> {
  if (operationId === undefined) return projections.rebuild(name);
  const key = `answers/projections/${operationId}`;
  const kept = (await kv.get(key)) as { digest: string; answer: ProjectionInfo } | undefined;
  if (kept !== undefined && kept.digest !== digest)
    throw new HoldfastError('IDEMPOTENCY_KEY_REUSED', { key: operationId });
  if (kept !== undefined) return { ...kept.answer, repeated: true };
  const answer = await projections.rebuild(name);
  await kv.batch([{ key, value: { digest, answer } as unknown as Json }]);
  return answer;
}
