// What agents stream, for who comes late or comes again.
import { HoldfastError } from '../../base/errors.ts';
import { findRun } from '../../domain/agent/agent-runs.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type { StreamedPage } from '../../operations/views/signal-views.ts';
import { AgentWaits } from '../agents/agent-waits.ts';
import type { HandlerContext } from './handler-context.ts';

export type StreamOperation = 'agents.stream';

export function streamHandlers(context: HandlerContext): Handlers<StreamOperation> {
  const waits = new AgentWaits(context.manager, context.pubsub);
  return { 'agents.stream': (input, call) => readStream(context, waits, input, call) };
}

/** Waits until there is something behind the cursor, or the run has ended. */
async function readStream(
  { manager, agents }: HandlerContext,
  waits: AgentWaits,
  { sessionId, runId, cursor }: ParsedInputOf<'agents.stream'>,
  { signal }: Call,
): Promise<StreamedPage> {
  const from = placeOf(cursor);
  return await waits.until(sessionId, signal, async () => {
    const run = findRun((await manager.read(sessionId)).state.agents, runId);
    if (run === undefined) throw new HoldfastError('AGENT_NOT_FOUND', { sessionId, runId });
    const page = agents.streams.read(sessionId, runId, from);
    const ended = 'endedAt' in run;
    if (!ended && (page?.chunks.length ?? 0) === 0) {
      const refusal = manager.health.refusalOf(sessionId);
      if (refusal !== undefined) throw refusal;
      return undefined;
    }
    const { incarnation = run.incarnation, chunks = [], missed = 0, last = 0 } = page ?? {};
    return { incarnation, chunks, missed, ended, cursor: `${incarnation}.${last}` };
  });
}

function placeOf(cursor: string | undefined): { incarnation: number; index: number } {
  if (cursor === undefined) return { incarnation: 0, index: 0 };
  const [, incarnation, index] = /^(\d{1,9})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (incarnation === undefined) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  return { incarnation: Number(incarnation), index: Number(index) };
}
