// Random command sequences to the tasks of one session, as the crash matrix wants them: mostly lawful where the tasks stand, and all at
// one time, so that no lease passes between two of them.
import assert from 'node:assert/strict';
import type { TaskCommand } from '../../../src/domain/task/task-commands.ts';
import { inOrder, standingOf, statusIn } from '../../../src/domain/task/task-graph.ts';
import { tasksLaw } from '../../../src/domain/task/task-law.ts';
import { taskStatuses } from '../../../src/domain/task/task-machine.ts';
import { listTasks, type TasksState } from '../../../src/domain/task/task-state.ts';
import type { EntityScenario } from '../../../src/testing/crash-matrix/entity-matrix.ts';
import { create, newTask, TaskLife } from '../../support/task-life.ts';
import { contentsOf } from '../../support/task-reading.ts';
import type { Random } from '../random-moves.ts';

const startedAt = Date.UTC(2026, 0, 1);

export const tasksScenario = (most: number): EntityScenario<TasksState, TaskCommand> => ({
  law: tasksLaw,
  commands: (random) => randomSequence(random, most),
  check: assertWhole,
});

function randomSequence(random: Random, most: number): TaskCommand[] {
  const life = new TaskLife();
  return Array.from({ length: 2 + Math.floor(random() * most) }, () => {
    const command = randomCommand(random, life.state);
    life.send(command, startedAt);
    return command;
  });
}

type Chosen = 'complete' | 'fail' | 'release' | 'progress' | 'offer' | 'take' | 'submit' | 'cancel' | 'retry';

const whileAtWork: readonly Chosen[] = [
  ...(['complete', 'complete', 'fail', 'release', 'progress', 'offer', 'offer', 'cancel'] as const),
];

function randomCommand(random: Random, state: TasksState): TaskCommand {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const task = pick(listTasks(state));
  if (task === undefined || random() < 0.25) return created(random, state);
  const { taskId, status, epoch, offer } = task;
  const reason = 'r';
  // An older attempt speaks now and then.
  const attempt = { taskId, epoch: random() < 0.1 ? epoch - 1 : epoch };
  if (offer !== undefined && random() < 0.7)
    return random() < 0.7
      ? { type: 'task.take', taskId, by: offer.to, leaseMs: 60_000 }
      : (pick<TaskCommand>([
          { type: 'task.decline', taskId, by: offer.to, reason },
          { type: 'task.withdraw', ...attempt, reason },
        ]) ?? { type: 'task.withdraw', ...attempt, reason });
  switch (status) {
    case 'pending':
      return random() < 0.9
        ? { type: 'task.start', taskId, owner: 'anna', leaseMs: random() < 0.5 ? null : 60_000 }
        : { type: 'task.pause', taskId, reason };
    case 'in_progress':
      return ofAttempt(pick(whileAtWork) ?? 'complete', attempt);
    case 'validating':
      return {
        ...{ type: 'task.validate', ...attempt },
        gates: [{ gate: 'looks', ok: random() < 0.6, severity: 'error', problem: null }],
      };
    case 'paused':
      return { type: 'task.resume', taskId, reason };
    case 'failed':
    case 'cancelled':
      return { type: 'task.retry', taskId, reason };
    default:
      return random() < 0.5 ? { type: 'task.cancel', taskId, reason } : created(random, state);
  }
}

function created(random: Random, state: TasksState): TaskCommand {
  const known = listTasks(state).map(({ taskId }) => taskId);
  const onFailure = (['block', 'cancel', 'ignore'] as const)[Math.floor(random() * 3)] ?? 'block';
  const dependencies = known.filter(() => random() < 0.3).map((taskId) => ({ taskId, onFailure }));
  const retry = { maxAttempts: 1 + Math.floor(random() * 3), backoffMs: 0, factor: 1, maxBackoffMs: 0 };
  const gates = random() < 0.3 ? ['looks'] : [];
  const one = newTask(`t${known.length}`, { dependencies, retry, gates });
  return create(...(random() < 0.3 ? [one, newTask(`t${known.length + 1}`)] : [one]));
}

function ofAttempt(what: Chosen, attempt: { readonly taskId: string; readonly epoch: number }): TaskCommand {
  switch (what) {
    case 'fail': {
      const error = { name: 'E', message: 'no' };
      return { type: 'task.fail', ...attempt, error, retryable: true };
    }
    case 'release':
      return { type: 'task.release', ...attempt };
    case 'progress':
      return { type: 'task.progress', ...attempt, progress: { fraction: 0.5, note: null }, leaseMs: 60_000 };
    case 'offer': {
      const terms = { to: 'bert', deadlineMs: 60_000, reason: null, package: contentsOf('half done') };
      return { type: 'task.offer', ...attempt, ...terms };
    }
    case 'cancel':
      return { type: 'task.cancel', taskId: attempt.taskId, reason: 'r' };
    default:
      return { type: 'task.complete', ...attempt, result: `of ${attempt.epoch}` };
  }
}

/** What must hold of every state, whatever it was recovered from. */
function assertWhole(state: TasksState): void {
  const tasks = listTasks(state);
  assert.deepEqual(inOrder(tasks).rest, [], 'a task waits for itself');
  for (const { taskId, status, dependencies, owner, offer } of tasks) {
    const { stands } = standingOf(dependencies, statusIn(state));
    if (status === 'pending') assert.equal(stands, 'settled', `${taskId} is free before what it waits for`);
    if (status === 'blocked') assert.equal(stands, 'open', `${taskId} waits for nothing`);
    assert.equal(
      status === 'in_progress' || status === 'validating',
      owner !== null,
      `${taskId} has ${owner}`,
    );
    assert.ok(offer === undefined || status === 'in_progress', `${taskId} is offered, and ${status}`);
  }
  for (const status of taskStatuses)
    assert.equal(state.counts[status], tasks.filter((task) => task.status === status).length, status);
}
