// A task that is at work goes into other hands: one has it at any time, and what the one before still says is refused.
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { TaskCommand } from '../../src/domain/task-commands.ts';
import { tasksLaw } from '../../src/domain/task-law.ts';
import { createTestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { create, newTask, TaskLife } from '../support/task-life.ts';

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

test('however a task is offered, taken, declined and lost, one attempt is heard', () => {
  type Step =
    | readonly ['offer' | 'take' | 'decline' | 'withdraw' | 'write', number]
    | readonly ['wait', number];
  const steps = fc.array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom('offer', 'take', 'decline', 'withdraw', 'write'),
        fc.integer({ min: 1, max: 4 }),
      ),
      fc.tuple(fc.constant('wait'), fc.constantFrom(1, 5, 9)),
    ) as fc.Arbitrary<Step>,
    { maxLength: 20 },
  );
  const property = fc.property(steps, (moves) => {
    const life = new TaskLife();
    life.send(create(newTask('t')), 0);
    life.send({ type: 'task.start', taskId: 't', owner: 'anna', leaseMs: null }, 0);
    const model = { now: 0, epoch: 1, offerUntil: null as number | null };
    for (const [what, n] of moves) {
      if (what === 'wait') model.now += n;
      if (model.offerUntil !== null && model.offerUntil <= model.now) model.offerUntil = null;
      if (what === 'wait') continue;
      const ok = typeof life.send(commandOf(what, n), model.now) !== 'string';
      const isOpen = model.offerUntil !== null;
      if (what === 'offer') expect(ok).toBe(n === model.epoch && !isOpen);
      if (what === 'take' || what === 'decline') expect(ok).toBe(isOpen);
      if (what === 'withdraw' || what === 'write') expect(ok).toBe(n === model.epoch);
      if (ok && what === 'offer') model.offerUntil = model.now + 10;
      if (ok && what !== 'offer' && what !== 'write') model.offerUntil = null;
      if (ok && what === 'take') model.epoch += 1;
      expect(life.state.tasks.get('t')).toMatchObject({ epoch: model.epoch, status: 'in_progress' });
    }
    const replayed = life.events.reduce(
      (state, event) => tasksLaw.evolve(state, event) ?? state,
      tasksLaw.initial('tasks/a'),
    );
    expect(tasksLaw.encode(replayed)).toBe(tasksLaw.encode(life.state));
  });
  fc.assert(property, { numRuns: 200 });
});

function commandOf(what: 'offer' | 'take' | 'decline' | 'withdraw' | 'write', epoch: number): TaskCommand {
  const taskId = 't';
  const contents = { summary: 's', resumePoint: null, nextActions: [], preservedState: null };
  switch (what) {
    case 'offer':
      return {
        type: 'task.offer',
        taskId,
        epoch,
        to: 'bert',
        deadlineMs: 10,
        reason: null,
        package: contents,
      };
    case 'take':
      return { type: 'task.take', taskId, by: 'bert', leaseMs: 1_000_000 };
    case 'decline':
      return { type: 'task.decline', taskId, by: 'bert', reason: 'busy' };
    case 'withdraw':
      return { type: 'task.withdraw', taskId, epoch, reason: 'changed' };
    case 'write':
      return { type: 'task.progress', taskId, epoch, progress: null, leaseMs: null };
  }
}
