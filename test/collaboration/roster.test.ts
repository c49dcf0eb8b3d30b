// The roster through the client: who is here, who gets work, and what becomes of the work and the locks of those who are gone.
import { expect, test } from 'vitest';
import type { AgentContext } from '../../src/system.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

async function world(options: TestSystemOptions = {}, sessions = ['desk', 'a', 'b']): Promise<TestSystem> {
  const system = await createTestSystem(options);
  for (const sessionId of sessions) await system.client.sessions.create({ sessionId });
  return system;
}

const statusesOf = async ({ client }: TestSystem): Promise<Record<string, string>> =>
  Object.fromEntries((await client.roster.list()).items.map(({ sessionId, status }) => [sessionId, status]));

test('a session joins in a role, is found by it with its locks, and leaves', async () => {
  await using system = await world();
  const { roster, locks } = system.client;
  expect(await roster.join({ sessionId: 'a', role: 'tester' })).toMatchObject({ joined: true, beatMs: null });
  expect(await roster.join({ sessionId: 'a', role: 'writer' })).toMatchObject({
    joined: false,
    role: 'tester',
  });
  await roster.join({ sessionId: 'b', role: 'writer' });
  await locks.acquire({ sessionId: 'a', name: 'file' });
  expect((await roster.list({ role: 'tester' })).items).toMatchObject([
    { sessionId: 'a', status: 'idle', health: 'healthy', work: null, locks: ['file'] },
  ]);
  expect((await roster.peers({ sessionId: 'a' })).map(({ sessionId }) => sessionId)).toEqual(['b']);
  await roster.update({ sessionId: 'a', role: 'writer', available: false });
  expect(await roster.stats()).toMatchObject({
    ...{ total: 2, byRole: { writer: 2 }, byStatus: { away: 1, idle: 1 }, joined: 2 },
  });
  expect(await roster.leave({ sessionId: 'a' })).toMatchObject({ left: true });
  expect(await codeOf(roster.get({ sessionId: 'a' }))).toBe('NOT_ON_ROSTER');
  expect(await locks.held({ sessionId: 'a' })).toHaveLength(1);
});

test('who joins again keeps the lease of the first time, and hears how often that wants a sign of life', async () => {
  await using system = await world();
  const { roster } = system.client;
  const first = { sessionId: 'a', role: 'tester', liveness: 'lease', leaseMs: 8_000 } as const;
  expect(await roster.join(first)).toMatchObject({ joined: true, beatMs: 2_000 });
  expect(await roster.join({ ...first, leaseMs: 400_000 })).toMatchObject({ joined: false, beatMs: 2_000 });
});

test('a task goes to the role, is done by its member, and leaves it idle', async () => {
  await using system = await world();
  const { roster, tasks } = system.client;
  await roster.join({ sessionId: 'a', role: 'writer' });
  await roster.join({ sessionId: 'b', role: 'tester' });
  await tasks.create({ sessionId: 'desk', taskId: 't', title: 'Try it', role: 'tester', input: { n: 1 } });
  const waiting = roster.work({ sessionId: 'b' });
  const assigned = await roster.assign({ sessionId: 'desk', taskId: 't' });
  expect(assigned).toMatchObject({ member: 'b', role: 'tester' });
  const work = await waiting;
  expect(work).toMatchObject({
    ...{ assignment: assigned.assignment, title: 'Try it', by: 'desk' },
    task: { sessionId: 'desk', taskId: 't', epoch: 1, key: 'desk/t@1:1', input: { n: 1 } },
  });
  expect(await tasks.get({ sessionId: 'desk', taskId: 't' })).toMatchObject({
    status: 'in_progress',
    owner: 'b',
  });
  // Asked for again it stays where it is.
  expect(await roster.assign({ sessionId: 'desk', taskId: 't' })).toMatchObject({ member: 'b' });
  await roster.complete({ sessionId: 'b', assignment: work.assignment, result: 'fine' });
  expect(await tasks.get({ sessionId: 'desk', taskId: 't' })).toMatchObject({
    status: 'completed',
    result: 'fine',
  });
  expect(await statusesOf(system)).toEqual({ a: 'idle', b: 'idle' });
  expect(await codeOf(roster.complete({ sessionId: 'b' }))).toBe('NO_SUCH_ASSIGNMENT');
  expect(await roster.stats()).toMatchObject({ assigned: 1, completed: 1 });
});

test('when nobody can, nobody gets it; a task that cannot be started leaves its member idle', async () => {
  await using system = await world();
  const { roster, tasks } = system.client;
  await tasks.createMany({
    sessionId: 'desk',
    tasks: [
      { taskId: 't', title: 'T' },
      { taskId: 'later', title: 'L', dependencies: ['t'] },
    ],
  });
  expect(await roster.assign({ sessionId: 'desk', taskId: 't' })).toMatchObject({ member: null });
  await roster.join({ sessionId: 'a', role: 'writer' });
  expect(await roster.assign({ sessionId: 'desk', taskId: 't', role: 'x', strict: true })).toMatchObject({
    member: null,
  });
  expect(await codeOf(roster.assign({ sessionId: 'desk', taskId: 'later' }))).toBe('TASK_NOT_READY');
  expect(await codeOf(roster.assign({ sessionId: 'desk', taskId: 'none' }))).toBe('TASK_NOT_FOUND');
  expect(await codeOf(roster.assign({ sessionId: 'desk' }))).toBe('INVALID_INPUT');
  expect(await statusesOf(system)).toEqual({ a: 'idle' });
});

test('a task that ends otherwise leaves its member idle too; one that is given back or failed waits for somebody', async () => {
  await using system = await world();
  const { roster, tasks } = system.client;
  await roster.join({ sessionId: 'a', role: 'writer' });
  const begin = async (taskId: string): Promise<void> => {
    await tasks.create({ sessionId: 'desk', taskId, title: taskId, retry: { maxAttempts: 2, backoffMs: 0 } });
    expect(await roster.assign({ sessionId: 'desk', taskId })).toMatchObject({ member: 'a' });
  };
  await begin('t');
  await tasks.cancel({ sessionId: 'desk', taskId: 't' });
  await quiet();
  expect(await statusesOf(system)).toEqual({ a: 'idle' });
  await begin('u');
  await roster.release({ sessionId: 'a' });
  await begin('v');
  await roster.fail({ sessionId: 'a', message: 'no idea' });
  const statuses = (await tasks.list({ sessionId: 'desk' })).items.map(({ status, failures }) => [
    status,
    failures,
  ]);
  expect(statuses.sort()).toEqual([
    ['cancelled', 0],
    ['pending', 0],
    ['pending', 1],
  ]);
});

test('a member under a lease is dead when nothing was heard of it: its locks are free, its task goes to another', async () => {
  await using system = await world();
  const { roster, tasks, locks } = system.client;
  await roster.join({ sessionId: 'a', role: 'tester', liveness: 'lease' });
  await tasks.create({ sessionId: 'desk', taskId: 't', title: 'T', role: 'tester' });
  await roster.assign({ sessionId: 'desk', taskId: 't' });
  await locks.acquire({ sessionId: 'a', name: 'file' });
  await roster.join({ sessionId: 'b', role: 'writer' });
  await system.clock.advance(100_000);
  await roster.heartbeat({ sessionId: 'a' });
  await system.clock.advance(61_000);
  expect(await roster.get({ sessionId: 'a' })).toMatchObject({ health: 'late', status: 'busy' });
  await system.clock.advance(59_000);
  await quiet(60);
  expect(await statusesOf(system)).toEqual({ b: 'busy' });
  expect((await roster.list({ status: 'dead' })).items).toMatchObject([{ sessionId: 'a', health: 'dead' }]);
  expect((await locks.get({ name: 'file' })).holder).toBeNull();
  expect(await tasks.get({ sessionId: 'desk', taskId: 't' })).toMatchObject({
    owner: 'b',
    epoch: 2,
    failures: 0,
  });
  expect(await codeOf(roster.complete({ sessionId: 'a' }))).toBe('NOT_ON_ROSTER');
  expect(system.telemetry).toContainEqual(
    expect.objectContaining({ name: 'roster.died', data: expect.objectContaining({ sessionId: 'a' }) }),
  );
});

test('what a session does is a sign of life, and one that is supervised needs to give none', async () => {
  await using system = await world();
  const { roster, messages } = system.client;
  await roster.join({ sessionId: 'a', role: 'tester', liveness: 'lease', leaseMs: 100_000 });
  await roster.join({ sessionId: 'b', role: 'tester' });
  for (let n = 0; n < 5; n++) {
    await system.clock.advance(60_000);
    await messages.send({ sessionId: 'a', role: 'user', content: 'still here' });
    await quiet();
  }
  expect(await statusesOf(system)).toEqual({ a: 'idle', b: 'idle' });
  await system.clock.advance(100_000);
  await quiet();
  expect(await statusesOf(system)).toEqual({ b: 'idle' });
});

test('with other strategies for those that time out the task waits, fails, or stays as it is', async () => {
  const outcomes: unknown[] = [];
  for (const session_timeout of ['queue_sequential', 'abort', 'manual'] as const) {
    await using system = await world({ conflicts: { session_timeout } });
    const { roster, tasks } = system.client;
    await roster.join({ sessionId: 'a', role: 'tester', liveness: 'lease', leaseMs: 1_000 });
    await roster.join({ sessionId: 'b', role: 'writer' });
    await tasks.create({ sessionId: 'desk', taskId: 't', title: 'T', role: 'tester' });
    await roster.assign({ sessionId: 'desk', taskId: 't' });
    await system.clock.advance(1_000);
    await quiet(60);
    const { status, owner } = await tasks.get({ sessionId: 'desk', taskId: 't' });
    outcomes.push([status, owner, await statusesOf(system)]);
  }
  expect(outcomes).toEqual([
    ['pending', null, { b: 'idle' }],
    ['failed', null, { b: 'idle' }],
    ['in_progress', 'a', { b: 'idle' }],
  ]);
});

test('a session that is paused gets no work, one that ends leaves', async () => {
  await using system = await world();
  const { roster, sessions } = system.client;
  for (const sessionId of ['a', 'b']) await roster.join({ sessionId, role: 'tester' });
  await sessions.pause({ sessionId: 'a' });
  await quiet();
  expect(await statusesOf(system)).toEqual({ a: 'resting', b: 'idle' });
  await sessions.resume({ sessionId: 'a' });
  await sessions.terminate({ sessionId: 'b' });
  await quiet();
  expect(await statusesOf(system)).toEqual({ a: 'idle' });
  expect(await codeOf(roster.join({ sessionId: 'b', role: 'tester' }))).toBe('SESSION_NOT_ACTIVE');
  expect(await codeOf(roster.join({ sessionId: 'none', role: 'tester' }))).toBe('SESSION_NOT_FOUND');
});

test('after a kill members are where they were; a lease that ended meanwhile is over, a task that was not begun is free', async () => {
  await using system = await world();
  const { tasks } = system.client;
  await system.client.roster.join({ sessionId: 'a', role: 'tester', liveness: 'lease', leaseMs: 5_000 });
  await system.client.roster.join({ sessionId: 'b', role: 'writer' });
  await tasks.create({ sessionId: 'desk', taskId: 't', title: 'T', role: 'tester' });
  await system.client.roster.assign({ sessionId: 'desk', taskId: 't' });
  await system.restart('kill');
  expect(await statusesOf(system)).toEqual({ a: 'busy', b: 'idle' });
  const killed = system.restart('kill');
  await system.clock.advance(5_000);
  await killed;
  await quiet(60);
  expect(await statusesOf(system)).toEqual({ b: 'busy' });
  expect(await system.client.tasks.get({ sessionId: 'desk', taskId: 't' })).toMatchObject({
    owner: 'b',
    epoch: 2,
  });
  // Whatever became of the task while nobody looked: its member is not kept busy by it.
  await system.client.tasks.cancel({ sessionId: 'desk', taskId: 't' });
  await system.restart('kill');
  await quiet(60);
  expect(await statusesOf(system)).toEqual({ b: 'idle' });
});

test('agents give each other work by their sessions', async () => {
  await using system = await world({
    agents: {
      helper: async ({ session }: AgentContext) => {
        await session.roster.join({ role: 'worker' });
        const { task, assignment } = await session.roster.work();
        await session.roster.complete({ assignment, result: Number(task?.input) * 2 });
      },
      boss: async ({ session }: AgentContext) => {
        await session.tasks.create({ taskId: 't', title: 'double it', role: 'worker', input: 21 });
        return (await session.roster.assign({ taskId: 't' })).member;
      },
    },
  });
  const { agents, tasks } = system.client;
  const { runId: worker } = await agents.start({ sessionId: 'a', agent: 'helper' });
  await quiet(60);
  const { runId: boss } = await agents.start({ sessionId: 'desk', agent: 'boss' });
  expect(await agents.wait({ sessionId: 'desk', runId: boss })).toMatchObject({ result: 'a' });
  await agents.wait({ sessionId: 'a', runId: worker });
  expect(await tasks.get({ sessionId: 'desk', taskId: 't' })).toMatchObject({
    status: 'completed',
    result: 42,
  });
});

test('whoever waits for work hears when it leaves, when the caller gives up, and when nothing is served any more', async () => {
  await using system = await world();
  const { roster } = system.client;
  for (const sessionId of ['a', 'b']) await roster.join({ sessionId, role: 'r' });
  const [left, served] = [watch(roster.work({ sessionId: 'a' })), watch(roster.work({ sessionId: 'b' }))];
  const abort = new AbortController();
  const given = roster.work({ sessionId: 'b' }, { signal: abort.signal });
  await quiet();
  await roster.leave({ sessionId: 'a' });
  abort.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await quiet();
  expect(left.outcome).toBe('NOT_ON_ROSTER');
  await system.close();
  expect(served.outcome).toBe('SYSTEM_NOT_SERVING');
});

test('a task that somebody else has taken leaves its member idle, who can neither complete nor release it', async () => {
  await using system = await world();
  const { roster, tasks } = system.client;
  const task = { sessionId: 'desk', taskId: 't' };
  await roster.join({ sessionId: 'a', role: 'writer' });
  await tasks.create({ ...task, title: 'Write it' });
  const { assignment } = await roster.assign(task);
  const { epoch } = await tasks.get(task);
  await tasks.offer({ ...task, epoch, to: 'carl', summary: 'half of it is done' });
  await tasks.take({ ...task, by: 'carl' });
  await quiet();
  const one = { sessionId: 'a', ...(assignment !== null && { assignment }) };
  expect(await codeOf(roster.complete({ ...one, result: 'mine' }))).toBe('NO_SUCH_ASSIGNMENT');
  expect(await codeOf(roster.release(one))).toBe('NO_SUCH_ASSIGNMENT');
  expect(await statusesOf(system)).toEqual({ a: 'idle' });
  expect(await tasks.get(task)).toMatchObject({ status: 'in_progress', owner: 'carl' });
  expect(await roster.stats()).toMatchObject({ completed: 0, released: 1 });
});

test.each([
  ['terminated', 'SESSION_NOT_ACTIVE', {}],
  ['gone', 'SESSION_NOT_FOUND', { cleanup: true }],
])('a member whose task is of a session that is %s hears of it, and is idle', async (_, code, how) => {
  await using system = await world();
  const { roster, tasks, sessions } = system.client;
  for (const [sessionId, taskId] of [
    ['a', 't'],
    ['b', 'u'],
  ] as const) {
    await roster.join({ sessionId, role: 'writer' });
    await tasks.create({ sessionId: 'desk', taskId, title: 'Write it' });
    await roster.assign({ sessionId: 'desk', taskId });
  }
  await sessions.terminate({ sessionId: 'desk', ...how });
  // Its end may have come to the roster by now, or not.
  const told = await codeOf(roster.complete({ sessionId: 'a', result: 'done' }));
  expect([code, 'NO_SUCH_ASSIGNMENT']).toContain(told);
  expect(['answered', 'NO_SUCH_ASSIGNMENT']).toContain(await codeOf(roster.release({ sessionId: 'b' })));
  expect(await statusesOf(system)).toEqual({ a: 'idle', b: 'idle' });
});
