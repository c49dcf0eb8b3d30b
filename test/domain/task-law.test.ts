// The edges of a task as one table, and what the law of tasks refuses, propagates, bounds and forgets.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { transition } from 'xstate';
import { failurePolicies, type NewTask, type Task } from '../../src/domain/task/task.ts';
import { decideTasks } from '../../src/domain/task/task-decisions.ts';
import { taskEventTypes } from '../../src/domain/task/task-events.ts';
import { inOrder } from '../../src/domain/task/task-graph.ts';
import { tasksLaw } from '../../src/domain/task/task-law.ts';
import {
  advanceTask,
  statusAfter,
  type TaskEdge,
  type TaskStatus,
  taskIn,
  taskMachine,
  taskStatuses,
} from '../../src/domain/task/task-machine.ts';
import { listTasks, taskLimits, withTask } from '../../src/domain/task/task-state.ts';
import { create, newTask, TaskLife } from '../support/task-life.ts';

/** Where each event leads; `.` where it is not lawful, `=` where the status stays. */
const table = `
                        | blocked   | pending     | in_progress | validating | paused    | completed | failed  | cancelled
task.updated            | =         | =           | =           | =          | =         | .         | .       | .
task.assigned           | =         | =           | .           | .          | =         | .         | .       | .
task.dependencyAdded    | =         | =           | .           | .          | =         | .         | .       | .
task.dependencyRemoved  | =         | =           | .           | .          | =         | .         | .       | .
task.blocked            | .         | blocked     | .           | .          | .         | .         | .       | .
task.unblocked          | pending   | .           | .           | .          | .         | .         | .       | .
task.started            | .         | in_progress | .           | .          | .         | .         | .       | .
task.dispatched         | .         | .           | =           | .          | .         | .         | .       | .
task.progressed         | .         | .           | =           | .          | .         | .         | .       | .
task.offered            | .         | .           | =           | .          | .         | .         | .       | .
task.handedOver         | .         | .           | =           | .          | .         | .         | .       | .
task.offerEnded         | .         | .           | =           | .          | .         | .         | .       | .
task.submitted          | .         | .           | validating  | .          | .         | .         | .       | .
task.completed          | .         | .           | completed   | completed  | .         | .         | .       | .
task.requeued           | .         | .           | pending     | pending    | .         | .         | .       | .
task.readied            | .         | =           | .           | .          | .         | .         | .       | .
task.failed             | failed    | failed      | failed      | failed     | failed    | .         | .       | .
task.cancelled          | cancelled | cancelled   | cancelled   | cancelled  | cancelled | .         | .       | .
task.paused             | paused    | paused      | paused      | .          | .         | .         | .       | .
task.resumed to pending | .         | .           | .           | .          | pending   | .         | .       | .
task.resumed to blocked | .         | .           | .           | .          | blocked   | .         | .       | .
task.resumed to failed  | .         | .           | .           | .          | .         | .         | .       | .
task.retried to pending | .         | .           | .           | .          | .         | .         | pending | pending
task.retried to blocked | .         | .           | .           | .          | .         | .         | blocked | blocked
`;
const [columns = [], ...rows] = table
  .trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

const edge = (type: string, to?: string): TaskEdge =>
  ({ stream: 's', seq: 1, at: 1, type, typeVersion: 1, data: to === undefined ? {} : { to } }) as TaskEdge;

describe('an event of a task', () => {
  test.each(rows)('%s', (name = '', ...cells) => {
    const [type = '', to] = name.split(' to ');
    const found = taskStatuses.map((status) => {
      const next = statusAfter(status, edge(type, to));
      return next === undefined ? '.' : next === status ? '=' : next;
    });
    expect(found).toEqual(cells);
  });

  test('is in the table, and so is every status', () => {
    const named = new Set(rows.map(([name = '']) => name.split(' to ')[0]));
    const known = Object.keys(taskEventTypes).filter(
      (type) => !['task.created', 'tasks.resumed'].includes(type),
    );
    expect([...named].toSorted()).toEqual(known.toSorted());
    expect(columns.slice(1)).toEqual([...taskStatuses]);
  });

  test('leads where XState says', () => {
    for (const status of taskStatuses)
      for (const type of Object.keys(taskEventTypes))
        for (const to of [undefined, ...taskStatuses]) {
          const [theirs] = transition(taskMachine, taskIn(status), edge(type, to));
          expect(advanceTask(taskIn(status), edge(type, to)).value).toBe(theirs.value);
        }
  });
});

const on = (...ids: readonly string[]): Pick<NewTask, 'dependencies'> => ({
  dependencies: ids.map((taskId) => ({ taskId, onFailure: 'block' })),
});

const statuses = (life: TaskLife): Record<string, TaskStatus> =>
  Object.fromEntries(listTasks(life.state).map(({ taskId, status }) => [taskId, status]));

describe('many tasks at once', () => {
  test('are all created, or none: a cycle, an unknown id and an id that is taken refuse them', () => {
    const life = new TaskLife();
    life.send(create(newTask('known')), 0);
    const before = life.state;
    expect(life.send(create(newTask('a', on('b')), newTask('b', on('c')), newTask('c', on('a'))), 0)).toBe(
      'TASK_CYCLE',
    );
    expect(life.send(create(newTask('a'), newTask('b', on('nobody'))), 0)).toBe('TASK_NOT_FOUND');
    expect(life.send(create(newTask('a'), newTask('known')), 0)).toBe('TASK_EXISTS');
    expect(life.send(create(newTask('a'), newTask('a')), 0)).toBe('TASK_EXISTS');
    expect(life.state).toBe(before);
  });

  test('beyond the limits are refused, each with its own reason', () => {
    const life = new TaskLife();
    const limits = { ...taskLimits, openTasks: 2, bytes: 2_000, dependencies: 1 };
    const codeOf = (...tasks: readonly NewTask[]) => {
      const decision = decideTasks(
        life.state,
        { type: 'task.create', tasks, durability: 'fsync' },
        0,
        limits,
      );
      return 'refusal' in decision ? [decision.refusal.code, decision.refusal.details.what] : 'ok';
    };
    expect(codeOf(newTask('a'), newTask('b'))).toBe('ok');
    expect(codeOf(newTask('a'), newTask('b'), newTask('c'))).toEqual(['AT_CAPACITY', 'list of open tasks']);
    expect(codeOf(newTask('a', { metadata: 'x'.repeat(3_000) }))).toEqual([
      'AT_CAPACITY',
      'text of all tasks',
    ]);
    life.send(create(newTask('x'), newTask('y')), 0);
    expect(codeOf(newTask('a', on('x', 'y')))).toEqual(['AT_CAPACITY', 'dependencies of task a']);
  });
});

describe('the failure of a task', () => {
  test.each(failurePolicies)('with the policy %s', (onFailure) => {
    const life = new TaskLife();
    const dependencies = [{ taskId: 'first', onFailure }];
    life.send(
      create(newTask('first'), newTask('second', { dependencies }), newTask('third', on('second'))),
      0,
    );
    life.send({ type: 'task.cancel', taskId: 'first', reason: 'r' }, 0);
    const wanted = {
      block: { first: 'cancelled', second: 'blocked', third: 'blocked' },
      cancel: { first: 'cancelled', second: 'cancelled', third: 'blocked' },
      ignore: { first: 'cancelled', second: 'pending', third: 'blocked' },
    };
    expect(statuses(life)).toEqual(wanted[onFailure]);
    const later = newTask('later', { dependencies });
    life.send(create(later), 0);
    expect(statuses(life).later).toBe(wanted[onFailure].second);
  });
});

test('in any graph, in whatever order tasks are completed, none is started too early and each is unblocked exactly once', () => {
  const graphs = fc.array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 30, size: 'max' });
  fc.assert(
    fc.property(graphs, fc.infiniteStream(fc.nat()), (graph, choices) => {
      const life = new TaskLife();
      const tasks = graph.map((deps, i) =>
        newTask(`t${i}`, on(...new Set(i === 0 ? [] : deps.map((dep) => `t${dep % i}`)))),
      );
      life.send(create(...tasks.toReversed()), 0);
      const done: string[] = [];
      for (;;) {
        const ready = listTasks(life.state).filter(({ status }) => status === 'pending');
        if (ready.length === 0) break;
        const { taskId } = ready[choices.next().value % ready.length] ?? { taskId: '' };
        life.send({ type: 'task.start', taskId, owner: 'x', leaseMs: null }, 0);
        life.send({ type: 'task.complete', taskId, epoch: 1, result: null }, 0);
        done.push(taskId);
      }
      expect(done.toSorted()).toEqual(tasks.map(({ taskId }) => taskId).toSorted());
      for (const { taskId, dependencies } of tasks)
        for (const { taskId: first } of dependencies)
          expect(done.indexOf(first)).toBeLessThan(done.indexOf(taskId));
      const unblocked = life.events.filter(({ type }) => type === 'task.unblocked');
      const waited = tasks.filter(({ dependencies }) => dependencies.length > 0);
      expect(unblocked.map(({ data }) => (data as { taskId: string }).taskId).toSorted()).toEqual(
        waited.map(({ taskId }) => taskId).toSorted(),
      );
    }),
    { numRuns: 100 },
  );
});

test('an order that is asked for has each task behind all that it waits for, and names what stands in a cycle', () => {
  const node = (taskId: string, seq: number, ...ids: readonly string[]) => ({
    taskId,
    seq,
    priority: 0,
    ...on(...ids),
  });
  const { order, rest } = inOrder([
    node('c', 1, 'b'),
    node('b', 2, 'a'),
    node('a', 3),
    node('x', 4, 'y'),
    node('y', 5, 'x'),
  ]);
  expect(order.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'c']);
  expect(rest.map(({ taskId }) => taskId)).toEqual(['x', 'y']);
});

test('ended tasks beyond the limit are forgotten, oldest first, but for those that an open one waits for', () => {
  const life = new TaskLife();
  life.send(
    create(
      newTask('kept'),
      newTask('never'),
      newTask('waits', on('kept', 'never')),
      newTask('a'),
      newTask('b'),
    ),
    0,
  );
  let { state } = life;
  for (const taskId of ['kept', 'a', 'b']) {
    const task = state.tasks.get(taskId);
    if (task !== undefined)
      state = withTask(state, { ...task, status: 'completed' }, { ...taskLimits, endedTasks: 1 });
  }
  expect(listTasks(state).map(({ taskId }) => taskId)).toEqual(['kept', 'never', 'waits']);
  expect(state.forgotten.completed).toBe(2);
  expect(state.counts.completed).toBe(1);
});

test('who depends on a task that is forgotten depends on the next of its id, as after a snapshot', () => {
  const life = new TaskLife();
  life.send(create(newTask('first'), newTask('after', on('first'))), 0);
  for (const taskId of ['first', 'after']) life.send({ type: 'task.cancel', taskId, reason: 'r' }, 0);
  const first = life.state.tasks.get('first');
  const other = { ...life.state.tasks.get('after'), taskId: 'other', dependencies: [] } as Task;
  const limits = { ...taskLimits, endedTasks: 2 };
  const state = first && withTask(life.state, { ...other, status: 'cancelled' }, limits);
  expect(state?.tasks.has('first')).toBe(false);
  expect(state?.dependents.get('first')).toEqual(['after']);
  const read = tasksLaw.decode(tasksLaw.encode(state ?? life.state));
  expect([...read.dependents.entries()]).toEqual([...(state?.dependents.entries() ?? [])]);
});

test('an attempt that fails is tried again behind a growing back-off, until it has failed for good', () => {
  const life = new TaskLife();
  const retry = { maxAttempts: 4, backoffMs: 100, factor: 10, maxBackoffMs: 5_000 };
  life.send(create(newTask('a', { retry })), 0);
  const waits: unknown[] = [];
  let now = 0;
  for (let epoch = 1; epoch <= 4; epoch++) {
    life.send({ type: 'task.start', taskId: 'a', owner: 'x', leaseMs: null }, now);
    const error = { name: 'E', message: 'm' };
    const answer = life.send({ type: 'task.fail', taskId: 'a', epoch, error, retryable: true }, now);
    const { notBefore, status } = answer as { notBefore?: number; status: string };
    waits.push(notBefore === undefined ? status : notBefore - now);
    expect(life.send({ type: 'task.start', taskId: 'a', owner: 'x', leaseMs: null }, now)).toMatch(/^TASK_/);
    now = notBefore ?? now;
  }
  expect(waits).toEqual([100, 1_000, 5_000, 'failed']);
});

test.each(['released', 'failed', 'expired'])(
  'an attempt that ends behind the retry of what it was let to ignore waits for that: %s',
  (how) => {
    const life = new TaskLife();
    const dependencies = [{ taskId: 'a', onFailure: 'ignore' as const }];
    const retry = { maxAttempts: 3, backoffMs: 0, factor: 1, maxBackoffMs: 0 };
    life.send(create(newTask('a'), newTask('b', { dependencies, retry })), 0);
    life.send({ type: 'task.cancel', taskId: 'a', reason: 'r' }, 0);
    life.send({ type: 'task.start', taskId: 'b', owner: 'x', leaseMs: 10 }, 0);
    life.send({ type: 'task.retry', taskId: 'a', reason: 'r' }, 0);
    const of = { taskId: 'b', epoch: 1 };
    const error = { name: 'E', message: '' };
    if (how === 'expired') life.passTime(10);
    else if (how === 'released')
      expect(life.send({ type: 'task.release', ...of }, 1)).toMatchObject({ status: 'blocked' });
    else
      expect(life.send({ type: 'task.fail', ...of, error, retryable: true }, 1)).toMatchObject({
        status: 'blocked',
      });
    expect(statuses(life)).toEqual({ a: 'pending', b: 'blocked' });
    life.send({ type: 'task.start', taskId: 'a', owner: 'x', leaseMs: null }, 11);
    life.send({ type: 'task.complete', taskId: 'a', epoch: 1, result: null }, 11);
    expect(statuses(life)).toEqual({ a: 'completed', b: 'pending' });
  },
);

test('of any writers that start, renew, lose and end attempts under leases, only the newest is heard, and none strands the task', () => {
  const step = fc.record({
    writer: fc.nat({ max: 2 }),
    does: fc.constantFrom('start' as const, 'renew' as const, 'complete' as const, 'fail' as const),
    afterMs: fc.constantFrom(0, 4, 11),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      const life = new TaskLife();
      const retry = { maxAttempts: 1_000, backoffMs: 0, factor: 1, maxBackoffMs: 0 };
      life.send(create(newTask('a', { retry })), 0);
      const epochs = new Map<number, number>();
      let now = 0;
      for (const { writer, does, afterMs } of steps) {
        now += afterMs;
        const taskId = 'a';
        const epoch = epochs.get(writer) ?? 1;
        life.passTime(now);
        const before = life.state.tasks.get('a');
        const mine = before?.status === 'in_progress' && before.epoch === epoch && epochs.has(writer);
        if (does === 'start') {
          const answer = life.send({ type: 'task.start', taskId, owner: `w${writer}`, leaseMs: 10 }, now);
          expect(typeof answer === 'string').toBe(before?.status !== 'pending');
          if (typeof answer !== 'string') epochs.set(writer, Number(answer.epoch));
          continue;
        }
        if (!epochs.has(writer)) continue;
        const command =
          does === 'renew'
            ? ({ type: 'task.progress', taskId, epoch, progress: null, leaseMs: 10 } as const)
            : does === 'complete'
              ? ({ type: 'task.complete', taskId, epoch, result: writer } as const)
              : ({
                  type: 'task.fail',
                  taskId,
                  epoch,
                  error: { name: 'E', message: '' },
                  retryable: true,
                } as const);
        expect(typeof life.send(command, now) !== 'string').toBe(mine);
      }
      life.passTime(now + 10);
      expect(['pending', 'completed']).toContain(life.state.tasks.get('a')?.status);
    }),
    { numRuns: 300 },
  );
});
