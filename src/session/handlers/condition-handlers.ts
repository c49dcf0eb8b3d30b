// Operations on what is wrong with sessions.
import { conditionStream } from '../../domain/recovery/condition-law.ts';
import type { Answer } from '../../entity/command-meta.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { ConditionInfo } from '../../operations/views/views.ts';
import type { Condition } from '../../recovery/conditions/condition.ts';
import { type HandlerContext, isAnswered } from './handler-context.ts';

export type ConditionOperation = 'sessions.retry' | 'sessions.conditions';

export function conditionHandlers(context: HandlerContext): Handlers<ConditionOperation> {
  return {
    'sessions.conditions': ({ condition }) => context.conditions.list(condition).map(conditionInfo),
    'sessions.retry': (input, call) => retrySession(context, input, call),
  };
}

/** Its actors are started first: only a session that comes up is told to be well. */
async function retrySession(
  context: HandlerContext,
  { sessionId, agents }: ParsedInputOf<'sessions.retry'>,
  call: Call,
): Promise<OutputOf<'sessions.retry'>> {
  const { manager } = context;
  const isWell = (seq: number): Promise<Answer> => manager.health.retried(sessionId, seq, call);
  context.recovery.replay.keeper.reconsider(sessionId);
  await context.recovery.replay.parked.reconsider(sessionId);
  const before = await isAnswered(context, conditionStream(sessionId), call);
  if (manager.health.quarantine(sessionId) !== undefined) context.recovery.recoveries.reviving(sessionId);
  // What is on record is not decided again: it has the seq of then.
  const answer = await (before
    ? isWell(0)
    : manager.revive(sessionId, agents, async () => isWell((await manager.read(sessionId)).seq)));
  const { sessionSeq: seq = answer.seq, ...rest } = answer as Answer & { readonly sessionSeq?: number };
  return { ...rest, seq } as unknown as OutputOf<'sessions.retry'>;
}

export function conditionInfo({ seq: _, ...info }: Condition): ConditionInfo {
  return info;
}
