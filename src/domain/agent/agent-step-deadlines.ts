// Which timer or deadline of an agent is due: the earliest first, so that late ones go off in the order in which they were to.
import type { AgentRuns } from './agent-runs.ts';
import type { StepCommand } from './agent-step-events.ts';

type Due = StepCommand & { readonly type: 'timer.fire' | 'wait.expire' };

export function dueStep({ work }: AgentRuns, now: number): Due | undefined {
  let first: { readonly at: number; readonly seq: number; readonly command: Due } | undefined;
  const offer = (at: number, seq: number, command: Due): void => {
    if (at > now || (first !== undefined && (first.at < at || (first.at === at && first.seq < seq)))) return;
    first = { at, seq, command };
  };
  for (const [runId, { timers, waits }] of work.entries()) {
    for (const { step, dueAt, seq } of timers)
      offer(dueAt, seq, { type: 'timer.fire', runId, step, dueAt, lateMs: now - dueAt });
    for (const { step, signal, deadlineAt, seq } of waits) {
      if (deadlineAt === null) continue;
      const lateMs = now - deadlineAt;
      offer(deadlineAt, seq, { type: 'wait.expire', runId, step, signal, deadlineAt, lateMs });
    }
  }
  return first?.command;
}
