// A task that is at work goes into other hands: one has it at any time, and what the one before still says is refused.
import { expect, onTestFinished, test } from 'vitest';
import { createTestSystem, type TestSystemOptions } from '../../src/testing/index.ts';

async function world(options: TestSystemOptions = {}) {
  const running = await createTestSystem(options);
  onTestFinished(() => running.close());
  await running.client.sessions.create({ sessionId: 's' });
  return running;
}

const one = { sessionId: 's', taskId: 't' };
const offered = { ...one, epoch: 1, to: 'bert', summary: 'half done', resumePoint: 'page 2' };

test('whoever takes a task begins the next attempt with what was left, and the one before is refused', async () => {
  const { client } = await world();
  const { tasks } = client;
  await tasks.create({ ...one, title: 'T' });
  await tasks.start({ ...one, owner: 'anna' });
  await tasks.offer({ ...offered, preservedState: { page: 1 } });
  expect((await tasks.get(one)).offer).toMatchObject({ to: 'bert' });
  await expect(tasks.take({ ...one, by: 'carl' })).rejects.toMatchObject({ code: 'HANDOFF_NOT_ADDRESSED' });
  await expect(tasks.offer(offered)).rejects.toMatchObject({ code: 'HANDOFF_PENDING' });
  const taken = await tasks.take({ ...one, by: 'bert' });
  expect(taken).toMatchObject({ epoch: 2, package: { resumePoint: 'page 2', preservedState: { page: 1 } } });
  for (const epoch of [{ epoch: 1 }, {}])
    await expect(tasks.complete({ ...one, ...epoch })).rejects.toMatchObject({ code: 'TASK_LEASE_LOST' });
  await tasks.complete({ ...one, epoch: 2, result: 'done' });
  expect(await tasks.get(one)).toMatchObject({ status: 'completed', owner: null, failures: 0, offer: null });
});

test('an offer that nobody takes ends at its deadline, also after a restart, and the attempt goes on', async () => {
  const test = await world();
  await test.client.tasks.create({ ...one, title: 'T' });
  await test.client.tasks.start({ ...one, owner: 'anna' });
  await test.client.tasks.offer({ ...offered, deadlineMs: 1_000 });
  await test.restart('kill');
  await test.clock.advance(1_000);
  const { tasks } = test.client;
  await expect(tasks.take({ ...one, by: 'bert' })).rejects.toMatchObject({ code: 'HANDOFF_NOT_FOUND' });
  expect(await tasks.get(one)).toMatchObject({ status: 'in_progress', owner: 'anna', epoch: 1, offer: null });
  await tasks.complete({ ...one, epoch: 1 });
});

test('the agent of a task that is handed over is stopped, and does not complete it', async () => {
  const { client } = await world({
    agents: { idler: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)) },
  });
  await using begun = client.events.stream({ sessionId: 's', types: ['task.dispatched', 'agent.stopped'] });
  await client.tasks.create({ ...one, title: 'T', agent: 'idler' });
  await begun.next();
  await client.tasks.offer(offered);
  await client.tasks.take({ ...one, by: 'bert' });
  expect((await begun.next()).value).toMatchObject({ type: 'agent.stopped' });
  expect(await client.tasks.get(one)).toMatchObject({ owner: 'bert', epoch: 2, status: 'in_progress' });
});
