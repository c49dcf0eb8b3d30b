// The key of an attempt: what is done outside is done under it, so that no two attempts may share one.
import { expect, onTestFinished, test } from 'vitest';
import { attemptKey } from '../../src/domain/task/task.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';

async function world(): Promise<TestSystem> {
  const system = await createTestSystem({});
  onTestFinished(() => system.close());
  return system;
}

test('tasks of the same id in two sessions are done under two keys', async () => {
  const { client } = await world();
  const keys: string[] = [];
  for (const sessionId of ['ann', 'bert']) {
    await client.sessions.create({ sessionId });
    await client.tasks.create({ sessionId, taskId: 'pay', title: 'Pay' });
    keys.push((await client.tasks.start({ sessionId, taskId: 'pay' })).key);
  }
  expect(new Set(keys).size).toBe(2);
});

test('a task that took the id of one that was forgotten is done under a key of its own', () => {
  const [first, second] = [3, 2_400].map((seq) => attemptKey('ann', { taskId: 'pay', seq }, 1));
  expect(first).not.toBe(second);
});

test('an attempt that is handed over goes on under the next key', async () => {
  const { client } = await world();
  const task = { sessionId: 'ann', taskId: 'pay' };
  await client.sessions.create({ sessionId: 'ann' });
  await client.tasks.create({ ...task, title: 'Pay' });
  const { epoch, key } = await client.tasks.start({ ...task, owner: 'cleo' });
  await client.tasks.offer({ ...task, epoch, to: 'dora', summary: 'half paid' });
  const taken = await client.tasks.take({ ...task, by: 'dora' });
  expect([key.replace(/\d+$/, ''), taken.epoch]).toEqual([taken.key.replace(/\d+$/, ''), 2]);
  expect(taken.key).not.toBe(key);
});
