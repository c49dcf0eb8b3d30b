// The task runner: agents carry out tasks, so many at once, in order, at least once; what fails is tried again, what is cancelled
// is stopped, what was open when the process died goes on.
import { expect, onTestFinished, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

type Given = AgentContext<{ taskId: string; epoch: number; key: string; title: string; input: string }>;

async function world(options: TestSystemOptions): Promise<TestSystem> {
  const system = await createTestSystem(options);
  onTestFinished(() => system.close());
  await system.client.sessions.create({ sessionId: 'a' });
  return system;
}

const sessionId = 'a';

async function until(what: () => Promise<boolean> | boolean): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (await what()) return;
    await quiet(10);
  }
  throw new Error('it did not come to that');
}

const statusOf = async ({ client }: TestSystem, taskId: string): Promise<string> =>
  (await client.tasks.get({ sessionId, taskId })).status;

const reaches = (system: TestSystem, taskId: string, status: string): Promise<void> =>
  until(async () => (await statusOf(system, taskId)) === status);

/** Agents that end when they are told to. */
function desk() {
  const open = new Map<string, { done: (result: string) => void; fail: (error: Error) => void }>();
  const log: string[] = [];
  const agent = ({ input, signal }: Given): Promise<string> =>
    new Promise((done, fail) => {
      log.push(`begin ${input.taskId}:${input.epoch}`);
      open.set(input.taskId, { done, fail });
      const ended = (): void => {
        if (open.get(input.taskId)?.done === done) log.push(`abort ${input.taskId}:${input.epoch}`);
        done('aborted');
      };
      signal.addEventListener('abort', ended);
    });
  return { open, log, agent };
}

test('an attempt that fails is tried again behind its back-off, under a key of its own, until it succeeds', async () => {
  const keys: string[] = [];
  const system = await world({
    agents: {
      flaky: async ({ input }: Given) => {
        keys.push(input.key);
        if (keys.length < 3) throw new Error(`no ${keys.length}`);
        return 'yes';
      },
    },
  });
  const { client, clock } = system;
  await client.tasks.create({
    sessionId,
    taskId: 't',
    title: 'T',
    agent: 'flaky',
    retry: { backoffMs: 500 },
  });
  await until(async () => (await client.tasks.get({ sessionId, taskId: 't' })).notBefore !== null);
  expect(await client.tasks.get({ sessionId, taskId: 't' })).toMatchObject({
    ...{ status: 'pending', ready: false, failures: 1, reason: 'failed', error: { message: 'no 1' } },
  });
  expect(keys).toEqual([expect.stringContaining('t@')]);
  await clock.advance(500);
  await until(async () => (await client.tasks.get({ sessionId, taskId: 't' })).failures === 2);
  await clock.advance(1_000);
  await reaches(system, 't', 'completed');
  expect(keys.map((key) => key.split(':')[1])).toEqual(['1', '2', '3']);
  expect(new Set(keys.map((key) => key.split(':')[0])).size).toBe(1);
  expect(await client.tasks.get({ sessionId, taskId: 't' })).toMatchObject({ result: 'yes', epoch: 3 });
  expect((await client.sessions.get({ sessionId })).condition).toBeNull();
});

test('a task that is cancelled or paused is told to its agent by its signal; one that is resumed is begun anew', async () => {
  const { open, log, agent } = desk();
  const system = await world({ agents: { agent } });
  const { client } = system;
  for (const taskId of ['cancelled', 'paused'])
    await client.tasks.create({ sessionId, taskId, title: taskId, agent: 'agent' });
  await until(() => open.size === 2);
  await client.tasks.cancel({ sessionId, taskId: 'cancelled' });
  await client.tasks.pause({ sessionId, taskId: 'paused' });
  await until(() => log.length === 4);
  expect(log.toSorted()).toEqual([
    ...['abort cancelled:1', 'abort paused:1', 'begin cancelled:1', 'begin paused:1'],
  ]);
  await until(async () => (await client.agents.list({ sessionId, status: ['running'] })).length === 0);
  expect(await client.tasks.resume({ sessionId })).toMatchObject({ resumed: 1, skipped: 0, failed: 0 });
  await until(() => log.includes('begin paused:2'));
  open.get('paused')?.done('done');
  await reaches(system, 'paused', 'completed');
  expect(await statusOf(system, 'cancelled')).toBe('cancelled');
});

test('no more than so many run in a session and in all, most urgent first, and sessions take turns', async () => {
  const { open, log, agent } = desk();
  const system = await world({ agents: { agent }, tasks: { maxRunning: 3, maxRunningPerSession: 2 } });
  const { client } = system;
  await client.sessions.create({ sessionId: 'b' });
  for (const id of ['a', 'b'])
    await client.tasks.createMany({
      sessionId: id,
      tasks: [1, 2, 3, 4].map((n) => ({ taskId: `${id}${n}`, title: `${n}`, priority: n, agent: 'agent' })),
    });
  await until(() => log.length === 3);
  await quiet(100);
  expect(log).toEqual(['begin a4:1', 'begin a3:1', 'begin b4:1']);
  const end = (taskId: string): void => {
    open.get(taskId)?.done('done');
    open.delete(taskId);
  };
  end('a4');
  await until(() => log.length === 4);
  await quiet(100);
  expect(log).toHaveLength(4);
  for (let n = 5; n <= 8; n++) {
    end([...open.keys()][0] ?? '');
    await until(() => log.length === n);
  }
  for (const taskId of [...open.keys()]) end(taskId);
  for (const id of ['a', 'b'])
    await until(async () => (await client.tasks.stats({ sessionId: id })).byStatus.completed === 4);
});

test('after the death of the process each open task goes on where it stood: the same attempt, the same run, nothing twice', async () => {
  const { open, log, agent } = desk();
  const system = await world({ agents: { agent } });
  const { client } = system;
  await client.tasks.createMany({
    sessionId,
    tasks: [
      { taskId: 'one', title: 'One', agent: 'agent' },
      { taskId: 'two', title: 'Two', agent: 'agent', dependencies: ['one'] },
      { taskId: 'rests', title: 'Rests' },
    ],
  });
  await client.tasks.pause({ sessionId, taskId: 'rests' });
  await until(() => open.size === 1);
  await until(async () => (await client.tasks.get({ sessionId, taskId: 'one' })).runId !== null);
  const { runId } = await client.tasks.get({ sessionId, taskId: 'one' });
  open.clear();
  await system.restart('kill');
  await system.clock.advance(1);
  await until(() => open.size === 1);
  expect(await system.client.tasks.get({ sessionId, taskId: 'one' })).toMatchObject({ epoch: 1, runId });
  await until(async () => (await system.client.tasks.stats({ sessionId })).lastResume !== null);
  expect((await system.client.tasks.stats({ sessionId })).lastResume).toMatchObject({
    ...{ resumed: 1, skipped: 2, failed: 0, cause: 'boot' },
  });
  open.get('one')?.done('done');
  await until(() => open.size === 2);
  open.get('two')?.done('done');
  await reaches(system, 'two', 'completed');
  expect(log.filter((line) => line.startsWith('begin'))).toEqual([
    'begin one:1',
    'begin one:1',
    'begin two:1',
  ]);
  expect(await statusOf(system, 'rests')).toBe('paused');
});

test('a result has to pass its gates: what they refuse is tried again, a warning fails nothing', async () => {
  const asked: unknown[] = [];
  const system = await world({
    agents: { guess: async ({ input }: Given) => input.epoch },
    tasks: {
      gates: {
        atLeastTwo: ({ result, task }) => {
          asked.push([task.taskId, result]);
          return Number(result) >= 2 || `${result} is not two`;
        },
        odd: () => ({ ok: false, problem: 'it is odd', severity: 'warning' }),
      },
    },
  });
  const { client } = system;
  expect(await codeOf(client.tasks.create({ sessionId, title: 'T', gates: ['nobody'] }))).toBe(
    'GATE_NOT_REGISTERED',
  );
  await client.tasks.create({
    ...{ sessionId, taskId: 't', title: 'T', agent: 'guess', gates: ['atLeastTwo', 'odd'] },
    ...{ validation: 'forensic', retry: { backoffMs: 0 } },
  });
  await reaches(system, 't', 'completed');
  expect(asked).toEqual([
    ['t', 1],
    ['t', 2],
  ]);
  const { verdicts, error, result } = await client.tasks.get({ sessionId, taskId: 't' });
  expect([result, error?.message]).toEqual([2, 'atLeastTwo: 1 is not two']);
  expect(verdicts.map(({ gate, ok }) => `${gate} ${ok}`)).toEqual([
    ...['structure true', 'dependencies true', 'result true', 'history true', 'evidence true', 'record true'],
    ...['atLeastTwo true', 'odd false'],
  ]);
});

test('each level of a check looks at more than the one before it', async () => {
  const system = await world({});
  const { client } = system;
  await client.tasks.create({ sessionId, taskId: 't', title: 'T' });
  const { epoch } = await client.tasks.start({ sessionId, taskId: 't' });
  await client.tasks.complete({ sessionId, taskId: 't', epoch });
  const found = [];
  for (const level of ['minimal', 'standard', 'comprehensive', 'forensic'] as const) {
    const { ok, verdicts } = await client.tasks.check({ sessionId, taskId: 't', level });
    found.push([
      ok,
      ...verdicts.map((verdict) => `${verdict.gate}${verdict.ok ? '' : ` ${verdict.severity}`}`),
    ]);
  }
  expect(found).toEqual([
    [true, 'structure'],
    [true, 'structure', 'dependencies', 'result warning'],
    [true, 'structure', 'dependencies', 'result warning', 'history'],
    [true, 'structure', 'dependencies', 'result warning', 'history', 'evidence warning', 'record'],
  ]);
});

test('a session that is paused starts no task, takes no new one, and goes on when it is resumed', async () => {
  const { open, log, agent } = desk();
  const system = await world({ agents: { agent } });
  const { client } = system;
  await client.tasks.create({ sessionId, taskId: 'first', title: 'F', agent: 'agent' });
  await client.tasks.create({
    sessionId,
    taskId: 'next',
    title: 'N',
    agent: 'agent',
    dependencies: ['first'],
  });
  await until(() => open.size === 1);
  const { epoch } = await client.tasks.get({ sessionId, taskId: 'first' });
  await client.sessions.pause({ sessionId });
  expect(await codeOf(client.tasks.create({ sessionId, title: 'no' }))).toBe('SESSION_NOT_ACTIVE');
  await client.tasks.complete({ sessionId, taskId: 'first', epoch, result: 'by hand' });
  await quiet(100);
  expect(await statusOf(system, 'next')).toBe('pending');
  await client.sessions.resume({ sessionId });
  await until(() => log.includes('begin next:1'));
});

test('the agent of a role that has the least to do is given the next task, and without one the task waits', async () => {
  const { open, agent } = desk();
  const by: string[] = [];
  const named = (name: string) => (given: Given) => {
    by.push(name);
    return agent(given);
  };
  const system = await world({
    agents: { anna: named('anna'), bert: named('bert') },
    tasks: { roles: { writer: ['anna', 'bert', 'nobody'], ghost: ['nobody'] } },
  });
  const { client } = system;
  for (const taskId of ['1', '2', '3', '4'])
    await client.tasks.create({ sessionId, taskId, title: taskId, role: 'writer' });
  await client.tasks.create({ sessionId, taskId: 'g', title: 'g', role: 'ghost' });
  await until(() => by.length === 4);
  expect(by).toEqual(['anna', 'bert', 'anna', 'bert']);
  expect(open.size).toBe(4);
  expect(await statusOf(system, 'g')).toBe('pending');
  expect(await client.tasks.resume({ sessionId })).toMatchObject({ resumed: 0, skipped: 4, failed: 1 });
});

test('of a session that is deleted no tasks are left, and its agents are stopped', async () => {
  const { open, log, agent } = desk();
  const system = await world({ agents: { agent } });
  const { client } = system;
  await client.tasks.create({ sessionId, taskId: 't', title: 'T', agent: 'agent' });
  await until(() => open.size === 1);
  await client.sessions.terminate({ sessionId, cleanup: true });
  await until(() => log.includes('abort t:1'));
  expect(await codeOf(client.tasks.list({ sessionId }))).toBe('SESSION_NOT_FOUND');
  await system.restart();
  expect(await codeOf(system.client.tasks.stats({ sessionId }))).toBe('SESSION_NOT_FOUND');
});

test('a task that was paused when its process died never has two agents, however it goes on', async () => {
  const at = { living: 0, most: 0 };
  const system = await world({
    agents: {
      slow: async ({ signal }: Given) => {
        at.living += 1;
        at.most = Math.max(at.most, at.living);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await quiet(20);
        at.living -= 1;
      },
    },
  });
  await system.client.tasks.create({ sessionId, taskId: 'one', title: 'one', agent: 'slow' });
  await until(() => at.living === 1);
  // The process dies when the pause is durable, and the end of the agent is not.
  void system.client.tasks.pause({ sessionId, taskId: 'one', reason: 'later' }).catch(() => {});
  for (let n = 0; n < 200 && (await statusOf(system, 'one')) !== 'paused'; n++);
  await system.restart('kill');
  Object.assign(at, { living: 0, most: 0 });
  await system.client.tasks.resume({ sessionId, taskId: 'one', reason: 'now' });
  await until(async () => (await system.client.tasks.get({ sessionId, taskId: 'one' })).epoch === 2);
  await until(() => at.living === 1);
  await quiet(100);
  expect(at).toEqual({ living: 1, most: 1 });
  const open = (await system.client.agents.list({ sessionId })).filter(({ status }) => status === 'running');
  expect(open).toHaveLength(1);
});
