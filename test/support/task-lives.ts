// Random lives of tasks that the law and its model lead together, and what must hold of every state on the way.
import { deepEqual, equal, ok } from 'node:assert/strict';
import fc from 'fast-check';
import { deadlineOf, failurePolicies, isEnded, spanOf } from '../../src/domain/task/task.ts';
import type { TaskCommand } from '../../src/domain/task/task-commands.ts';
import { inOrder, standingOf, statusIn } from '../../src/domain/task/task-graph.ts';
import { tasksLaw } from '../../src/domain/task/task-law.ts';
import { taskStatuses } from '../../src/domain/task/task-machine.ts';
import { listTasks } from '../../src/domain/task/task-state.ts';
import { create, newTask, TaskLife } from './task-life.ts';
import { type ModelCommand, TaskModel } from './task-model.ts';

const id = fc.constantFrom('a', 'b', 'c');
const policy = fc.constantFrom(...failurePolicies);
const epoch = fc.integer({ min: 1, max: 3 });
const leaseMs = fc.option(fc.constantFrom(5, 20));

const command: fc.Arbitrary<ModelCommand> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      ...{ id, deps: fc.uniqueArray(fc.tuple(id, policy), { maxLength: 3, selector: ([on]) => on }) },
      ...{
        maxAttempts: fc.integer({ min: 1, max: 3 }),
        deadline: fc.option(fc.constantFrom(7, 30), { freq: 5 }),
      },
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('start' as const), id, leaseMs }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('complete' as const, 'fail' as const, 'release' as const),
      id,
      epoch,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('pause' as const, 'resume' as const, 'cancel' as const, 'retry' as const),
      id,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('link' as const, 'unlink' as const), id, on: id, policy }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 6, 25) }) },
);

function lawful(step: Exclude<ModelCommand, { do: 'wait' }>, now: number): TaskCommand {
  const { id: taskId } = step;
  switch (step.do) {
    case 'create': {
      const { deps, maxAttempts, deadline } = step;
      const retry = { maxAttempts, backoffMs: 0, factor: 1, maxBackoffMs: 0 };
      const dependencies = deps.map(([on, onFailure]) => ({ taskId: on, onFailure }));
      return create(
        newTask(taskId, { dependencies, retry, deadlineAt: deadline === null ? null : now + deadline }),
      );
    }
    case 'start':
      return { type: 'task.start', taskId, owner: 'x', leaseMs: step.leaseMs };
    case 'complete':
      return { type: 'task.complete', taskId, epoch: step.epoch, result: null };
    case 'fail':
      return {
        type: 'task.fail',
        taskId,
        epoch: step.epoch,
        error: { name: 'E', message: '' },
        retryable: true,
      };
    case 'release':
      return { type: 'task.release', taskId, epoch: step.epoch };
    case 'link':
      return { type: 'task.addDependency', taskId, dependency: { taskId: step.on, onFailure: step.policy } };
    case 'unlink':
      return { type: 'task.removeDependency', taskId, dependsOn: step.on };
    default:
      return { type: `task.${step.do}`, taskId, reason: 'r' };
  }
}

function assertSound({ state, events }: TaskLife): void {
  const tasks = listTasks(state);
  deepEqual(inOrder(tasks).rest, []);
  for (const { status, dependencies, taskId } of tasks) {
    const { stands } = standingOf(dependencies, statusIn(state));
    if (status === 'pending') deepEqual([taskId, stands], [taskId, 'settled']);
    if (status === 'blocked') deepEqual([taskId, stands], [taskId, 'open']);
    for (const { taskId: on } of dependencies) ok(state.dependents.get(on)?.includes(taskId));
  }
  for (const status of taskStatuses)
    equal(state.counts[status], tasks.filter((task) => task.status === status).length);
  const ended = tasks.filter(isEnded).map(({ taskId }) => taskId);
  deepEqual(state.ended.toSorted(), ended.toSorted());
  const dues = tasks.flatMap((task) => [deadlineOf(task), spanOf(task)]).filter((at) => at !== null);
  equal(tasksLaw.nextDeadline(state), dues.length === 0 ? null : Math.min(...dues));
  const text = tasksLaw.encode(state);
  equal(tasksLaw.encode(tasksLaw.decode(text)), text);
  const replayed = events.reduce(
    (before, event) => tasksLaw.evolve(before, event) ?? before,
    tasksLaw.initial('tasks/a'),
  );
  equal(tasksLaw.encode(replayed), text);
}

const shown = (task: { taskId: string; status: string; epoch: number; failures: number }): string =>
  [task.taskId, task.status, task.epoch, task.failures].join(' ');

export const taskSteps = fc.array(command, { minLength: 4, maxLength: 40, size: 'max' });

/** Throws where they come to different things. */
export function liveTasks(steps: readonly ModelCommand[]): void {
  const life = new TaskLife();
  const model = new TaskModel();
  for (const step of steps) {
    if (step.do === 'wait') {
      model.run(step);
      life.passTime(model.now);
    } else {
      const answer = life.send(lawful(step, model.now), model.now);
      equal(typeof answer === 'string' ? answer : 'ok', model.run(step));
    }
    const found = listTasks(life.state).map(shown);
    const wanted = [...model.tasks].map(([taskId, task]) => shown({ taskId, ...task }));
    equal(found.join(), wanted.join());
  }
  assertSound(life);
}
