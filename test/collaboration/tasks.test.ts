// Tasks through the Client: created, listed, worked on by hand, and carried out by agents.
import { expect, onTestFinished, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

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
  expect({ epoch, key }).toEqual({ epoch: 1, key: 'first:1' });
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
        order.push((input as { key: string }).key);
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
  expect(order).toEqual(['a:1', 'b:1', 'c:1']);
  expect(await client.tasks.get({ sessionId, taskId: 'c' })).toMatchObject({
    ...{ status: 'completed', result: { did: 'c' } },
  });
  expect(await client.tasks.stats({ sessionId })).toMatchObject({ open: 0, byStatus: { completed: 3 } });
});
