// A gate is code of the user's: one that never answers holds up no task for ever, and not the next time that it is asked.
import { expect, onTestFinished, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const task = { sessionId: 'a', taskId: 't' };
const hangs = () => new Promise<never>(() => {});

async function world(
  gate: NonNullable<NonNullable<TestSystemOptions['tasks']>['gates']>[string],
): Promise<TestSystem> {
  const system = await createTestSystem({ tasks: { gates: { gate }, gateTimeoutMs: 1_000 } });
  onTestFinished(() => system.close());
  const { sessions, tasks } = system.client;
  await sessions.create({ sessionId: 'a' });
  await tasks.create({ ...task, title: 'T', gates: ['gate'], retry: { maxAttempts: 1 } });
  return system;
}

async function submit({ client }: TestSystem, asked: () => number): Promise<void> {
  const { epoch } = await client.tasks.start(task);
  const before = asked();
  await client.tasks.complete({ ...task, epoch, result: 1 });
  while (asked() === before) await quiet(1);
}

async function leaves(status: string, { client }: TestSystem): Promise<unknown> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    const found = await client.tasks.get(task);
    if (found.status !== status) return found;
    await quiet(1);
  }
  return `it is still ${status}`;
}

test('a gate that does not answer in time has refused the result, and hears that it is over', async () => {
  const signals: AbortSignal[] = [];
  const system = await world(({ signal }) => {
    signals.push(signal);
    return hangs();
  });
  await submit(system, () => signals.length);
  await system.clock.advance(1_000);
  expect(await leaves('validating', system)).toMatchObject({
    ...{ status: 'failed', error: { message: 'gate: it was not answered within 1000 ms' } },
  });
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test('one that hears nothing of a cancellation is asked again when the task is retried', async () => {
  let asked = 0;
  const system = await world(() => {
    asked += 1;
    return asked === 1 ? hangs() : true;
  });
  await submit(system, () => asked);
  await system.client.tasks.cancel(task);
  await system.client.tasks.retry(task);
  await submit(system, () => asked);
  expect(await leaves('validating', system)).toMatchObject({ status: 'completed' });
});
