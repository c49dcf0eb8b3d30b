// What stands in the way of a task costs that task, or waits for the session: it strands nothing, repeats nothing without end, and
// an id that is taken again is another task.
import { expect, onTestFinished, test } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { OpenStore } from '../../src/journal/level-store.ts';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createSystem } from '../../src/system.ts';
import { faultyLevel, nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const sessionId = 'a';

async function world(options: TestSystemOptions): Promise<TestSystem> {
  const system = await createTestSystem(options);
  onTestFinished(() => system.close());
  await system.client.sessions.create({ sessionId });
  return system;
}

/** Lets time pass until the task has come to a status. */
async function reaches({ client, clock }: TestSystem, taskId: string, status: string): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if ((await client.tasks.get({ sessionId, taskId })).status === status) return;
    await quiet(10);
    await clock.advance(100);
  }
  throw new Error(`${taskId} is not ${status}`);
}

test.each([1, 2, 3, 4])(
  'a disk that fails at write %i of a task, and kept it, strands nothing',
  async (write) => {
    let runs = 0;
    const system = await world({ agents: { worker: async () => `run ${++runs}` } });
    await system.client.tasks.create({ sessionId, taskId: 't', title: 'T', agent: 'worker' });
    system.disk.failWrites(nthWrite(system.disk.writes + write, 'after'));
    await reaches(system, 't', 'completed');
    expect(runs).toBe(1);
  },
);

test('gates of a session that takes no writes any more are not asked again and again', async () => {
  let asked = 0;
  let answer: (verdict: { ok: boolean }) => void = () => {};
  const gate = (): Promise<{ ok: boolean }> => {
    asked += 1;
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const system = await world({ agents: { worker: async () => 'done' }, tasks: { gates: { gate } } });
  await system.client.tasks.create({ sessionId, taskId: 't', title: 'T', agent: 'worker', gates: ['gate'] });
  await reaches(system, 't', 'validating');
  await system.client.sessions.terminate({ sessionId });
  answer({ ok: true });
  await quiet(200);
  expect(asked).toBe(1);
});

test('a task that can never be started fails alone, and the next is done', async () => {
  const system = await world({ agents: { worker: async () => 'done' } });
  const { client } = system;
  const task = { sessionId, title: 'T', agent: 'worker' } as const;
  // The deepest that a task takes; its agent is given it within an assignment, which is one level more.
  const nested = (levels: number): Json => (levels === 0 ? 'x' : [nested(levels - 1)]);
  let levels = 70;
  const create = () => client.tasks.create({ ...task, taskId: 'deep', priority: 9, input: nested(levels) });
  while ((await codeOf(create())) !== 'answered') levels -= 1;
  await client.tasks.create({ ...task, taskId: 'next' });
  await reaches(system, 'next', 'completed');
  await reaches(system, 'deep', 'failed');
});

test('an id that was forgotten and is taken again is another task, with a run of its own', async () => {
  const system = await world({
    agents: { worker: async ({ input }: AgentContext<{ input: string }>) => `did ${input.input}` },
  });
  const { client } = system;
  const daily = { sessionId, taskId: 'daily', title: 'T', agent: 'worker' } as const;
  await client.tasks.create({ ...daily, input: 'monday' });
  await reaches(system, 'daily', 'completed');
  for (let from = 0; from < 1_100; from += 100) {
    const tasks = Array.from({ length: 100 }, (_, n) => ({ taskId: `n${from + n}`, title: 'T' }));
    await client.tasks.createMany({ sessionId, tasks });
    for (const { taskId } of tasks) await client.tasks.cancel({ sessionId, taskId });
  }
  await client.tasks.create({ ...daily, input: 'tuesday' });
  await reaches(system, 'daily', 'completed');
  expect(await client.tasks.get({ sessionId, taskId: 'daily' })).toMatchObject({ result: 'did tuesday' });
});

test('tasks that cannot be read for a while after a start are taken up once they can be', async () => {
  const disk = faultyLevel();
  let unreadable = false;
  const store: OpenStore = async () => {
    const handle = await disk.open();
    const failing =
      (name: 'get' | 'iterator' | 'keys'): ((...given: never[]) => unknown) =>
      (...given) => {
        if (unreadable && JSON.stringify(given).includes('!tasks/a'))
          throw Object.assign(new Error('Input/output error'), { code: 'LEVEL_IO_ERROR' });
        return reads[name](...given);
      };
    const reads = {
      get: handle.get.bind(handle) as (...given: never[]) => unknown,
      iterator: handle.iterator.bind(handle) as (...given: never[]) => unknown,
      keys: handle.keys.bind(handle) as (...given: never[]) => unknown,
    };
    const read = { get: failing('get'), iterator: failing('iterator'), keys: failing('keys') };
    return Object.assign(handle, read) as typeof handle;
  };
  const told: string[] = [];
  const clock = manualClock();
  const options = {
    ...{ store, clock, agents: { worker: async () => 'done' } },
    onTelemetry: ({ name }: { name: string }) => told.push(name),
  };
  const first = await createSystem({ ...options, agents: {} });
  await first.client.sessions.create({ sessionId });
  await first.client.tasks.create({ sessionId, taskId: 't', title: 'T', role: 'worker' });
  await first.close();
  unreadable = true;
  const second = await createSystem(options);
  onTestFinished(() => second.close());
  for (let turn = 0; turn < 20; turn++) {
    await quiet(20);
    await clock.advance(10_000);
  }
  expect(told).not.toContain('task.takenUp');
  unreadable = false;
  for (let turn = 0; turn < 20 && !told.includes('task.takenUp'); turn++) {
    await quiet(20);
    await clock.advance(10_000);
  }
  expect((await second.client.tasks.get({ sessionId, taskId: 't' })).status).not.toBe('pending');
});
