// Tasks through the Client: created, listed, worked on by hand, and carried out by agents.
import { expect, onTestFinished, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

async function world(options: TestSystemOptions = {}): Promise<TestSystem> {
  const system = await createTestSystem(options);
  onTestFinished(() => system.close());
  await system.client.sessions.create({ sessionId: 'a' });
  return system;
}

const sessionId = 'a';

test('a task is created, started, told of and completed by hand; its dependents go on in order of priority', async () => {
  const { client } = await world();
  const heard: string[] = [];
  await client.events.subscribe('a', ({ type }) => heard.push(type));
  const made = await client.tasks.createMany({
    sessionId,
    tasks: [
      { taskId: 'late', title: 'Late', dependencies: ['first'] },
      { taskId: 'soon', title: 'Soon', priority: 5, dependencies: ['first'] },
      { taskId: 'first', title: 'First', input: { n: 1 } },
    ],
  });
  expect(made.tasks).toEqual([
    { taskId: 'late', status: 'blocked' },
    { taskId: 'soon', status: 'blocked' },
    { taskId: 'first', status: 'pending' },
  ]);
  expect(await codeOf(client.tasks.start({ sessionId, taskId: 'late' }))).toBe('TASK_NOT_READY');
  const { epoch, key } = await client.tasks.start({ sessionId, taskId: 'first' });
  expect({ epoch, key }).toEqual({ epoch: 1, key: 'a/first@3:1' });
  await client.tasks.progress({ sessionId, taskId: 'first', epoch, fraction: 0.5 });
  expect(await client.tasks.complete({ sessionId, taskId: 'first', epoch, result: 'done' })).toMatchObject({
    status: 'completed',
  });
  expect(await client.tasks.get({ sessionId, taskId: 'first' })).toMatchObject({
    ...{ status: 'completed', input: { n: 1 }, result: 'done', version: 3, epoch: 1 },
  });
  const { items } = await client.tasks.list({ sessionId, ready: true, sort: 'priority' });
  expect(items.map(({ taskId }) => taskId)).toEqual(['soon', 'late']);
  expect(heard.filter((type) => type.startsWith('task.'))).toEqual([
    ...['task.created', 'task.created', 'task.created', 'task.started', 'task.progressed'],
    ...['task.completed', 'task.unblocked', 'task.unblocked'],
  ]);
  const history = await client.tasks.history({ sessionId, taskId: 'soon' });
  expect(history.items.map(({ type }) => type)).toEqual(['task.created', 'task.unblocked']);
});

test('agents carry out tasks in the order of their dependencies', async () => {
  const order: string[] = [];
  const { client } = await world({
    agents: {
      worker: async ({ input }) => {
        order.push((input as { taskId: string }).taskId);
        return { did: (input as { input: string }).input };
      },
    },
  });
  await client.tasks.createMany({
    sessionId,
    tasks: [
      { taskId: 'c', title: 'C', agent: 'worker', input: 'c', dependencies: ['b'] },
      { taskId: 'b', title: 'B', agent: 'worker', input: 'b', dependencies: ['a'] },
      { taskId: 'a', title: 'A', agent: 'worker', input: 'a' },
    ],
  });
  await quiet(2_000);
  expect(order).toEqual(['a', 'b', 'c']);
  expect(await client.tasks.get({ sessionId, taskId: 'c' })).toMatchObject({
    ...{ status: 'completed', result: { did: 'c' } },
  });
  expect(await client.tasks.stats({ sessionId })).toMatchObject({ open: 0, byStatus: { completed: 3 } });
});

test('a list is filtered, searched and sorted, and goes on behind its cursor, which is good for no other list', async () => {
  const { client, clock } = await world();
  for (const [n, title] of ['Alpha', 'beta', 'Gamma', 'alphabet', 'Delta'].entries()) {
    await client.tasks.create({
      sessionId,
      taskId: `t${n}`,
      title,
      priority: n % 2,
      role: n > 2 ? 'late' : 'early',
    });
    await clock.advance(10);
  }
  const ids = async (query: object): Promise<string[]> =>
    (await client.tasks.list({ sessionId, ...query })).items.map(({ taskId }) => taskId);
  expect(await ids({})).toEqual(['t4', 't3', 't2', 't1', 't0']);
  expect(await ids({ search: 'ALPHA', sort: 'title', order: 'ascending' })).toEqual(['t0', 't3']);
  expect(await ids({ role: 'late', sort: 'createdAt', order: 'ascending' })).toEqual(['t3', 't4']);
  expect(await ids({ minPriority: 1, status: ['pending'] })).toEqual(['t3', 't1']);
  const sorted = { sort: 'priority', limit: 2 } as const;
  const first = await client.tasks.list({ sessionId, ...sorted });
  expect([first.items.map(({ taskId }) => taskId), first.total]).toEqual([['t3', 't1'], 5]);
  await client.tasks.cancel({ sessionId, taskId: 't3' });
  expect(await ids({ ...sorted, cursor: first.cursor })).toEqual(['t4', 't2']);
  expect(await codeOf(client.tasks.list({ sessionId, cursor: first.cursor ?? '' }))).toBe('INVALID_CURSOR');
});

test('a call under an idempotency key is carried out once, also when the task has gone on and the session has ended', async () => {
  const { client } = await world();
  const keyed = { idempotencyKey: 'k' };
  const made = await client.tasks.create({ sessionId, title: 'T' }, keyed);
  expect(await client.tasks.create({ sessionId, title: 'T' }, keyed)).toMatchObject({
    ...{ taskId: made.taskId, repeated: true },
  });
  const claimed = await client.tasks.claim({ sessionId, owner: 'w' }, { idempotencyKey: 'c' });
  await client.tasks.complete({ sessionId, taskId: made.taskId, epoch: claimed.epoch });
  const again = await client.tasks.claim({ sessionId, owner: 'w' }, { idempotencyKey: 'c' });
  expect(again).toMatchObject({ taskId: made.taskId, epoch: 1, repeated: true });
  await client.sessions.terminate({ sessionId });
  expect(await client.tasks.create({ sessionId, title: 'T' }, keyed)).toMatchObject({ repeated: true });
  expect(await codeOf(client.tasks.create({ sessionId, title: 'T' }))).toBe('SESSION_NOT_ACTIVE');
});

test('a lease, a limit and a deadline are kept late, when the process was not there in time', async () => {
  const system = await world();
  const { client, clock } = system;
  const retry = { backoffMs: 0 };
  await client.tasks.create({ sessionId, taskId: 'leased', title: 'L', retry });
  await client.tasks.create({ sessionId, taskId: 'limited', title: 'T', timeoutMs: 500, retry });
  await client.tasks.create({ sessionId, taskId: 'due', title: 'D', deadlineAt: clock.now() + 2_000 });
  await client.tasks.create({
    sessionId,
    taskId: 'waits',
    title: 'W',
    dependencies: [{ taskId: 'due', onFailure: 'cancel' }],
  });
  await client.tasks.claim({ sessionId, taskId: 'leased', owner: 'w', leaseMs: 1_000 });
  await client.tasks.start({ sessionId, taskId: 'limited' });
  await system.restart('kill');
  await clock.advance(5_000);
  await quiet(100);
  const found = (await system.client.tasks.list({ sessionId, sort: 'createdAt', order: 'ascending' })).items;
  expect(found.map(({ taskId, status, reason }) => `${taskId} ${status} ${reason}`)).toEqual([
    ...[
      'leased pending expired',
      'limited pending timedOut',
      'due failed deadline',
      'waits cancelled dependencyFailed',
    ],
  ]);
});

test('a cursor from before a session had tasks goes on with what came since, tasks too', async () => {
  const { client } = await world();
  await client.tasks.create({ sessionId, taskId: 't', title: 'T' });
  const heard: string[] = [];
  for await (const { type, stream } of client.events.stream({ sessionId, after: '2.0.0' })) {
    heard.push(`${stream} ${type}`);
    break;
  }
  expect(heard).toEqual(['tasks/a task.created']);
});

test('whoever asks for work hears that there is none, which may be asked again, and then gets what is ready', async () => {
  const { client } = await world();
  const work = { sessionId, owner: 'w' };
  await client.tasks.create({ sessionId, taskId: 'of-a-role', title: 'T', role: 'editor' });
  const none = { code: 'NO_TASK_READY', retryable: true };
  expect(await errorOf(client.tasks.claim(work))).toMatchObject({
    ...none,
    details: { sessionId, role: null },
  });
  expect(await errorOf(client.tasks.claim({ ...work, role: 'cook' }))).toMatchObject({
    ...{ ...none, details: { sessionId, role: 'cook' } },
  });
  expect(await codeOf(client.tasks.claim({ ...work, taskId: 'none' }))).toBe('TASK_NOT_FOUND');
  await client.tasks.create({ sessionId, taskId: 't', title: 'T' });
  expect(await client.tasks.claim(work)).toMatchObject({ taskId: 't' });
});
