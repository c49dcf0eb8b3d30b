// Tasks that have ended elsewhere are taken over once, however long ago that was.
import { expect, test } from 'vitest';
import type { Proposal } from '../../src/domain/law.ts';
import type { AdoptedTask, AdoptTasks } from '../../src/domain/task/task-commands.ts';
import { tasksLaw, tasksStream } from '../../src/domain/task/task-law.ts';
import { type TasksState, taskLimits } from '../../src/domain/task/task-state.ts';

const ended = (n: number): AdoptedTask => ({
  task: {
    ...{ taskId: `t${n}`, title: 't', description: null, priority: 0, agent: null, role: null },
    ...{ metadata: {}, input: null, dependencies: [], timeoutMs: null, deadlineAt: null },
    ...{ retry: { maxAttempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 }, gates: [], level: null },
  },
  ...{ origin: { sessionId: 'branch', taskId: `t${n}` }, seq: n, status: 'completed', result: n },
  ...{ error: { name: 'Error', message: 'none' }, reason: null },
});

function send(state: TasksState, tasks: readonly AdoptedTask[]): [TasksState, events: number] {
  const command: AdoptTasks = { type: 'task.adopt', from: 'branch', tasks, durability: 'fsync' };
  const decided = tasksLaw.decide(state, command, 1, 0);
  if ('refusal' in decided) throw new Error(decided.refusal.code);
  const next = decided.events.reduce((now: TasksState, { type, data }: Proposal, i) => {
    const event = { stream: tasksStream('main'), seq: i + 1, at: 1, type, typeVersion: 1, data };
    const after = tasksLaw.evolve(now, event);
    if (after === undefined) throw new Error(`${type} is not lawful`);
    return after;
  }, state);
  return [next, decided.events.length];
}

test('also those that the session has forgotten since are known, over a snapshot too', () => {
  const many = Array.from({ length: taskLimits.endedTasks + 5 }, (_, n) => ended(n + 1));
  const [state, events] = send(tasksLaw.initial(tasksStream('main')), many);
  expect(events).toBe(3 * many.length);
  expect(state.tasks.has('t1')).toBe(false);
  const again = tasksLaw.decode(tasksLaw.encode(state));
  expect(tasksLaw.encode(again)).toBe(tasksLaw.encode(state));
  expect(send(again, many)).toEqual([again, 0]);
  expect(send(again, [ended(many.length + 1)])[1]).toBe(3);
});
