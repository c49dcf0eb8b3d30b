// A state that was accepted in place of what is stored: the session goes on from it by an event that carries it. Decided
// without actors, for what they would stand on is what was damaged.
import { HoldfastError } from '../base/errors.ts';
import type { RecoveredData } from '../domain/recovery/recovery-vocabulary.ts';
import type { SessionCommand } from '../domain/session/session-commands.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import type { SessionState } from '../domain/session/session-state.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { Entity } from '../entity/entity.ts';
import type { Hydrated } from '../entity/hydrate.ts';
import type { SessionActorOptions } from './session-actor.ts';

export interface Acceptance {
  /** All that could be brought back. */
  readonly recovered: Hydrated<SessionState>;
  /** True when the records lead to it, up to the head: then it gets a checkpoint, to be rolled back to. */
  readonly isProven: boolean;
  /** What is recorded: as much of the state as is wanted. */
  readonly dataOf: (state: SessionState) => RecoveredData;
}

export async function recordRecovered(
  options: SessionActorOptions,
  sessionId: string,
  { recovered, isProven, dataOf }: Acceptance,
  meta: CommandMeta,
): Promise<Answer> {
  const stream = sessionStream(sessionId);
  const owner = {
    stream,
    incarnation: 0,
    become: () => {},
    tell: (events: Parameters<SessionActorOptions['tell']>[1], state: SessionState) =>
      options.tell({ sessionId, stream }, events, state),
    crash: () => {},
  };
  const entity = new Entity<SessionState, SessionCommand>(options, owner, recovered);
  try {
    if (isProven) await keepCheckpoint(entity);
    const answer = await entity.send({ type: 'session.recover', data: dataOf(entity.durable) }, meta);
    await entity.snapshot();
    return answer;
  } finally {
    entity.abandon(new Error('it is not needed any more'));
  }
}

/** What has ended is not rolled back, and needs none. */
async function keepCheckpoint(entity: Entity<SessionState, SessionCommand>): Promise<void> {
  const unnamed = { name: null, description: null, metadata: {} };
  try {
    await entity.send({ type: 'checkpoint.create', reason: 'recovery', ...unnamed });
  } catch (error) {
    if (!HoldfastError.is(error, 'SESSION_NOT_ACTIVE')) throw error;
  }
}
