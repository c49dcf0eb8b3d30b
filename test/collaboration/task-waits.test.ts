// Waiting for a task: whoever waits hears of its end once, from whatever side it comes, and of why there will be none.
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';
import { quarantined } from '../support/quarantine.ts';

const one = { sessionId: 's', taskId: 't' };

async function withTask(given: { agent?: string } = {}) {
  const system = await createTestSystem({ agents: { worker: async () => 'done' } });
  await system.client.sessions.create({ sessionId: 's' });
  if (given.agent === undefined) await system.client.tasks.create({ ...one, title: 'T' });
  return system;
}

test('is answered with the result when the task is done, by an agent or by somebody else, and ever after', async () => {
  await using system = await withTask();
  const { tasks } = system.client;
  const waiting = tasks.wait(one);
  const seen = watch(waiting);
  await tasks.start({ ...one, owner: 'ann' });
  await quiet();
  expect(seen.outcome).toBe('waiting');
  await tasks.complete({ ...one, result: 42 });
  expect(await waiting).toMatchObject({ status: 'completed', result: 42 });
  expect(await tasks.wait(one)).toEqual(await waiting);
  await tasks.create({ sessionId: 's', taskId: 'run', title: 'Run', agent: 'worker' });
  expect(await tasks.wait({ sessionId: 's', taskId: 'run' })).toMatchObject({ result: 'done' });
  await system.restart('kill');
  expect(await system.client.tasks.wait(one)).toMatchObject({ status: 'completed', result: 42 });
});

test('is answered when the task fails or is cancelled, by itself or with another', async () => {
  await using system = await withTask();
  const { tasks } = system.client;
  const dependencies = [{ taskId: 't', onFailure: 'cancel' as const }];
  await tasks.create({ sessionId: 's', taskId: 'next', title: 'Next', dependencies });
  const [waiting, behind] = [tasks.wait(one), tasks.wait({ sessionId: 's', taskId: 'next' })];
  await tasks.cancel(one);
  expect(await waiting).toMatchObject({ status: 'cancelled', result: null });
  expect(await behind).toMatchObject({ status: 'cancelled' });
});

test('is refused when its session is terminated, and when there is none any more', async () => {
  await using system = await withTask();
  const { tasks, sessions } = system.client;
  const waiting = codeOf(tasks.wait(one));
  await quiet();
  await sessions.terminate({ sessionId: 's' });
  expect(await waiting).toBe('SESSION_NOT_ACTIVE');
  expect(await codeOf(tasks.wait(one))).toBe('SESSION_NOT_ACTIVE');
  await sessions.delete({ sessionId: 's' });
  expect(await codeOf(tasks.wait(one))).toBe('SESSION_NOT_FOUND');
});

test('is refused when its session is quarantined', async () => {
  await using system = await withTask();
  const { tasks } = system.client;
  const waiting = watch(tasks.wait(one));
  await quarantined(system, 's');
  expect(waiting.outcome).toBe('SESSION_QUARANTINED');
  expect(await codeOf(tasks.wait(one))).toBe('SESSION_QUARANTINED');
});

test('outlasts a pause, ends with its signal and with the system, and is refused for what is not there', async () => {
  await using system = await withTask();
  const { tasks, sessions } = system.client;
  expect(await codeOf(tasks.wait({ sessionId: 's', taskId: 'x' }))).toBe('TASK_NOT_FOUND');
  const seen = watch(tasks.wait(one));
  await sessions.pause({ sessionId: 's' });
  await quiet();
  expect(seen.outcome).toBe('waiting');
  const caller = new AbortController();
  const aborted = codeOf(tasks.wait(one, { signal: caller.signal }));
  caller.abort();
  expect(await aborted).not.toBe('answered');
  await system.close();
  await quiet();
  expect(seen.outcome).toBe('SYSTEM_NOT_SERVING');
});
