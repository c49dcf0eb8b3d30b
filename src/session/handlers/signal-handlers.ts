// Operations on what agents wait for.
import { openRuns, workOf } from '../../domain/agent/agent-runs.ts';
import type { Handlers } from '../../operations/bind.ts';
import type { WaitInfo } from '../../operations/views/signal-views.ts';
import { type HandlerContext, sendCommand } from './handler-context.ts';

export type SignalOperation = `agents.${'signal' | 'waits'}`;

export function signalHandlers(context: HandlerContext): Handlers<SignalOperation> {
  return {
    'agents.signal': ({ sessionId, ...signal }, call) =>
      sendCommand(context, sessionId, { type: 'run.signal', ...signal }, call),
    'agents.waits': ({ sessionId, runId }) => listWaits(context, sessionId, runId),
  };
}

async function listWaits(
  { manager }: HandlerContext,
  sessionId: string,
  runId: string | undefined,
): Promise<WaitInfo[]> {
  const { agents } = (await manager.read(sessionId)).state;
  const found = openRuns(agents)
    .filter((run) => runId === undefined || run.runId === runId)
    .flatMap(({ runId: of, agent }) => {
      const { timers, waits } = workOf(agents, of);
      const who = { runId: of, agent };
      return [
        ...timers.map(({ step, dueAt, seq }) => ({
          seq,
          info: { ...who, kind: 'timer' as const, name: null, step, since: null, dueAt },
        })),
        ...waits.map(({ step, signal, since, deadlineAt, seq }) => ({
          seq,
          info: { ...who, kind: 'signal' as const, name: signal, step, since, dueAt: deadlineAt },
        })),
      ];
    });
  return found.sort((a, b) => a.seq - b.seq).map(({ info }) => info);
}
