// A session whose actors could not be started: it goes from `initializing` straight to `terminated`, with the error. Decided
// without actors, for these are what failed.

import type { SessionCommand } from '../domain/session/session-commands.ts';
import type { SessionProfile } from '../domain/session/session-events.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import type { SessionState } from '../domain/session/session-state.ts';
import { Entity } from '../entity/entity.ts';
import type { SessionActorOptions } from './session-actor.ts';

export async function recordFailedStart(
  options: SessionActorOptions,
  sessionId: string,
  profile: SessionProfile,
  error: Error,
): Promise<void> {
  const stream = sessionStream(sessionId);
  const entity = await Entity.hydrate<SessionState, SessionCommand>({
    ...options,
    stream,
    incarnation: 0,
    become: () => {},
    tell: (events, state) => options.tell({ sessionId, stream }, events, state),
    crash: () => {},
  });
  if (entity.seq > 0) return;
  await entity.send({ type: 'session.create', profile, startError: error.message });
  options.telemetry('session.startFailed', { sessionId, problem: error.message });
}
