// An attempt begins when the agent of whichever attempt came before it has ended, however many a process died in between.
import { expect, test } from 'vitest';
import { executeTask, stopLeft } from '../../src/collaboration/tasks/task-execution.ts';
import type { Invoke } from '../../src/operations/bind.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

/** The first attempt has started an agent, and those behind it were taken by processes that died at once. */
function world(epoch: number) {
  const calls: string[] = [];
  const task = { taskId: 't', seq: 1, epoch, runId: null, title: 't', role: null };
  const invoke = (async (operation: string, { runId = 'new' }: { readonly runId?: string }) => {
    calls.push(`${operation} ${runId}`);
    return { runId, status: 'completed', result: null };
  }) as Invoke;
  const journal = {
    receipt: async (_: string, key: string) =>
      key === 'op:task/t:1:1' ? { reply: { runId: 'first' } } : undefined,
  };
  const tasks = { journal, get: async () => task, inputOf: async () => null, send: async () => ({ seq: 1 }) };
  const options = { tasks, invoke, clock: manualClock() } as unknown as Parameters<typeof executeTask>[0];
  const hold = { abort: new AbortController(), agent: 'a', epoch, runId: null, operationId: null };
  return { calls, task, options, attempt: { sessionId: 's', taskId: 't', agent: 'a', hold } };
}

test.each([2, 3, 5])('attempt %i ends the agent of the first before it starts its own', async (epoch) => {
  const { calls, options, attempt } = world(epoch);
  await executeTask(options, attempt);
  expect(calls).toEqual(['agents.stop first', 'agents.start new', 'agents.wait new']);
});

test('of a task that rests the agent that is left is ended, whichever attempt has started it', async () => {
  const { calls, options, task } = world(3);
  await stopLeft(options, { sessionId: 's', task, epoch: 3 }, new AbortController().signal);
  expect(calls).toEqual(['agents.stop first']);
});
