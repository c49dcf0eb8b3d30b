// Session trees: what becomes of those below when one ends, whatever it is killed at, what they return, and what they spend together.
import { describe, expect, test } from 'vitest';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet, watch, whileTimePasses } from '../support/outcome.ts';
import { quarantined } from '../support/quarantine.ts';

const settled = async (test: TestSystem, rounds = 8): Promise<void> => {
  for (let i = 0; i < rounds; i++) {
    await quiet(10);
    await test.clock.advance(20);
  }
};

/** The process dies with the writes that wait. */
async function die(test: TestSystem, held: { release(): void }): Promise<void> {
  const restarting = test.restart('kill');
  held.release();
  await restarting;
}

async function statusOf({ client }: TestSystem, sessionId: string): Promise<string> {
  return client.sessions.get({ sessionId }).then(
    ({ status }) => status,
    ({ code }) => code,
  );
}

const statuses = (test: TestSystem, ...ids: string[]): Promise<string[]> =>
  Promise.all(ids.map((id) => statusOf(test, id)));

/** top, and under it one child with each link, and one more below each. */
async function family(test: TestSystem): Promise<void> {
  const { client } = test;
  await client.sessions.create({ sessionId: 'top' });
  await client.trees.open({ sessionId: 'top', childId: 'mid', link: 'return' });
  for (const link of ['terminate', 'return', 'orphan'] as const) {
    await client.trees.open({ sessionId: 'mid', childId: link, link });
    await client.sessions.create({ sessionId: `${link}-below`, parentSessionId: link, link: 'terminate' });
  }
}

const below = ['terminate', 'return', 'orphan', 'terminate-below', 'return-below', 'orphan-below'];
const afterEnd = ['terminated', 'active', 'active', 'terminated', 'active', 'active'];

describe('when a session ends', () => {
  test('those below it follow as their links say', async () => {
    await using test = await createTestSystem();
    await family(test);
    await test.client.sessions.terminate({ sessionId: 'mid' });
    await settled(test);
    expect(await statuses(test, 'top', ...below)).toEqual(['active', ...afterEnd]);
    const { trees } = test.client;
    expect(await trees.get({ sessionId: 'return' })).toMatchObject({
      parentSessionId: 'top',
      rootSessionId: 'top',
    });
    expect(await trees.get({ sessionId: 'orphan' })).toMatchObject({ parentSessionId: null, link: 'orphan' });
    expect((await trees.get({ sessionId: 'top' })).children).toMatchObject([
      { sessionId: 'mid', status: 'ended', reason: 'requested' },
      { sessionId: 'return', status: 'open', link: 'return' },
    ]);
    expect(
      (await trees.get({ sessionId: 'mid' })).children.map(({ sessionId, status }) => [sessionId, status]),
    ).toEqual([
      ['terminate', 'ended'],
      ['return', 'left'],
      ['orphan', 'left'],
    ]);
    expect((await test.client.sessions.get({ sessionId: 'terminate' })).reason).toBe('parentEnded');
  });

  test.each([
    [
      'is deleted with all that it had',
      (t: TestSystem) => t.client.sessions.terminate({ sessionId: 'mid', cleanup: true }),
    ],
    ['ends by its time', (t: TestSystem) => t.clock.advance(3_700_000)],
  ])('they do so too when it %s', async (how, end) => {
    await using test = await createTestSystem();
    await family(test);
    if (how.includes('time'))
      await test.client.sessions.configure({ sessionId: 'mid', config: { endAfterMs: 3_600_000 } });
    await end(test);
    await settled(test);
    const now = await statuses(test, ...below);
    expect(now.map((status) => (status === 'idle' ? 'active' : status))).toEqual(afterEnd);
    expect((await test.client.trees.get({ sessionId: 'top' })).children[0]).toMatchObject({
      status: 'ended',
    });
  });

  test('they do so whatever write the process is killed at', async () => {
    for (const writes of [0, 1, 2, 3, 4, 6, 8, 11]) {
      await using test = await createTestSystem();
      await family(test);
      await settled(test, 2);
      const held = test.disk.holdWrites(writes);
      const ending = codeOf(test.client.sessions.terminate({ sessionId: 'mid', cleanup: writes % 2 === 1 }));
      await Promise.race([held.arrived, settled(test, 6)]);
      await die(test, held);
      void ending;
      await test.client.sessions
        .terminate({ sessionId: 'mid', cleanup: writes % 2 === 1 })
        .catch(() => undefined);
      await settled(test);
      expect([writes, await statuses(test, 'top', ...below)]).toEqual([writes, ['active', ...afterEnd]]);
      const top = await test.client.trees.get({ sessionId: 'top' });
      expect(top.children.map(({ sessionId, status }) => [sessionId, status])).toEqual([
        ['mid', 'ended'],
        ['return', 'open'],
      ]);
      expect(await test.client.trees.get({ sessionId: 'orphan' })).toMatchObject({ parentSessionId: null });
    }
  });

  test('one that is opened under it in the same moment follows it, in whichever order they come', async () => {
    await using test = await createTestSystem();
    for (let i = 0; i < 6; i++) {
      const [parent, child] = [`p${i}`, `c${i}`];
      await test.client.sessions.create({ sessionId: parent });
      const open = (): Promise<unknown> =>
        test.client.trees.open({ sessionId: parent, childId: child, link: 'terminate' });
      const end = (): Promise<unknown> => test.client.sessions.terminate({ sessionId: parent });
      const calls = i % 2 === 0 ? [codeOf(open()), codeOf(end())] : [codeOf(end()), codeOf(open())];
      await quiet(i);
      await Promise.all(calls);
      await settled(test);
      expect(['terminated', 'SESSION_NOT_FOUND']).toContain(await statusOf(test, child));
    }
  });
});

test('a subtree is ended whatever its links say, also when the process dies in the middle', async () => {
  for (const writes of [1, 3, 5, 8, 11, 99]) {
    await using test = await createTestSystem();
    await family(test);
    const held = test.disk.holdWrites(writes);
    const cancelling = watch(test.client.trees.cancel({ sessionId: 'mid' }));
    await settled(test);
    await die(test, held);
    if (writes === 99) expect(cancelling.outcome).toBe('answered');
    // What was not durable was not answered either, and is asked for again.
    const { open } = await whileTimePasses(test.clock, test.client.trees.cancel({ sessionId: 'mid' }), 20);
    await settled(test);
    expect([writes, open]).toEqual([writes, 0]);
    expect(new Set(await statuses(test, 'mid', ...below))).toEqual(new Set(['terminated']));
    expect(await statusOf(test, 'top')).toBe('active');
  }
});

describe('the result of a child', () => {
  const agents: AgentDefinitions = {
    async parent({ session, step }: AgentContext) {
      await step('open', ({ idempotencyKey }) =>
        session.trees.open({ childId: 'child', link: 'terminate' }, { idempotencyKey }),
      );
      const { result, reason } = await session.trees.wait({ childId: 'child' });
      return { result, reason };
    },
    async worker({ session, input, report }: AgentContext) {
      await report({ tokens: 40, cost: 1 });
      await session.trees.return({ result: { found: input } });
      return 'over';
    },
  };

  test('is waited for over a kill, and stays when the child is deleted', async () => {
    await using test = await createTestSystem({ agents });
    await test.client.sessions.create({ sessionId: 'p' });
    const { runId } = await test.client.agents.start({ sessionId: 'p', agent: 'parent' });
    await settled(test, 3);
    await test.restart('kill');
    await settled(test, 3);
    await test.client.agents.start({ sessionId: 'child', agent: 'worker', input: 7 });
    const ended = await whileTimePasses(test.clock, test.client.agents.wait({ sessionId: 'p', runId }), 100);
    expect(ended.result).toEqual({ result: { found: 7 }, reason: 'returned' });
    await whileTimePasses(test.clock, settled(test), 100);
    expect(await statusOf(test, 'child')).toBe('terminated');
    await test.client.sessions.delete({ sessionId: 'child' });
    await settled(test);
    await test.restart('close');
    expect(await test.client.trees.wait({ sessionId: 'p', childId: 'child' })).toMatchObject({
      ...{ childId: 'child', reason: 'returned', result: { found: 7 }, usage: { tokens: 40, cost: 1 } },
    });
  });

  test('is null where it ended otherwise, and one that is no child is refused', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId: 'p' });
    await test.client.trees.open({ sessionId: 'p', childId: 'c' });
    const waiting = test.client.trees.wait({ sessionId: 'p', childId: 'c' });
    await test.client.sessions.terminate({ sessionId: 'c', reason: 'enough' });
    expect(await waiting).toMatchObject({ reason: 'enough', result: null });
    const { code } = await errorOf(test.client.trees.wait({ sessionId: 'p', childId: 'x' }));
    expect(code).toBe('CHILD_SESSION_NOT_FOUND');
    const late = new AbortController();
    await test.client.trees.open({ sessionId: 'p', childId: 'd' });
    const given = codeOf(test.client.trees.wait({ sessionId: 'p', childId: 'd' }, { signal: late.signal }));
    late.abort(new Error('enough'));
    expect(await given).toBe('Error: enough');
    const left = codeOf(test.client.trees.wait({ sessionId: 'p', childId: 'd' }));
    await quiet();
    await test.close();
    expect(await left).toBe('SYSTEM_NOT_SERVING');
  });
});

describe('what sessions of a tree spend', () => {
  const agents: AgentDefinitions = {
    async spender({ report, waitFor }: AgentContext) {
      await report({ tokens: 10, cost: 0.5 });
      await waitFor('more');
      await report({ tokens: 100, cost: 0.5 });
      return 'done';
    },
  };
  const chain = ['a', 'b', 'c'] as const;

  async function three(
    test: TestSystem,
    budget?: { tokens: number; onExhausted?: 'terminate' },
  ): Promise<string[]> {
    await test.client.sessions.create({ sessionId: 'a', ...(budget && { treeBudget: budget }) });
    await test.client.trees.open({ sessionId: 'a', childId: 'b' });
    await test.client.trees.open({ sessionId: 'b', childId: 'c' });
    const runs = [];
    for (const sessionId of chain)
      runs.push((await test.client.agents.start({ sessionId, agent: 'spender' })).runId);
    await settled(test);
    return runs;
  }

  const total = async ({ client }: TestSystem, sessionId: string) =>
    (await client.trees.get({ sessionId })).usage;

  test('adds up through all levels, once, over kills', async () => {
    await using test = await createTestSystem({ agents });
    const runs = await three(test);
    expect(await total(test, 'a')).toEqual({
      own: { tokens: 10, cost: 0.5 },
      below: { tokens: 20, cost: 1 },
      total: { tokens: 30, cost: 1.5 },
    });
    for (const [i, sessionId] of chain.entries()) {
      const held = test.disk.holdWrites(2 + 2 * i);
      codeOf(
        test.client.agents.signal({ sessionId, runId: runs[i] ?? '', name: 'more' }, { idempotencyKey: 'm' }),
      );
      await settled(test, 3);
      await die(test, held);
      await test.client.agents
        .signal({ sessionId, runId: runs[i] ?? '', name: 'more' }, { idempotencyKey: 'm' })
        .catch(() => undefined);
      await settled(test);
    }
    const reported = (
      await Promise.all(
        chain.map((sessionId, i) => test.client.agents.get({ sessionId, runId: runs[i] ?? '' })),
      )
    )
      .map(({ usage }) => usage.tokens)
      .reduce((sum, tokens) => sum + tokens, 0);
    expect((await total(test, 'a')).total.tokens).toBe(reported);
    expect(reported).toBeGreaterThanOrEqual(330);
  });

  test('pauses all of them when their budget is used up, and goes on with another', async () => {
    await using test = await createTestSystem({ agents });
    const runs = await three(test, { tokens: 100 });
    expect(await test.client.trees.get({ sessionId: 'a' })).toMatchObject({ isExhausted: false });
    await test.client.agents.signal({ sessionId: 'c', runId: runs[2] ?? '', name: 'more' });
    await settled(test);
    expect(await statuses(test, ...chain)).toEqual(['paused', 'paused', 'paused']);
    expect(await test.client.trees.get({ sessionId: 'a' })).toMatchObject({ isExhausted: true });
    await test.client.trees.setBudget({ sessionId: 'a', budget: null });
    await test.client.sessions.resume({ sessionId: 'a' });
    expect(await statusOf(test, 'a')).toBe('active');
  });

  test('ends all of them where that is asked for', async () => {
    await using test = await createTestSystem({ agents });
    const runs = await three(test, { tokens: 100, onExhausted: 'terminate' });
    await test.client.agents.signal({ sessionId: 'c', runId: runs[2] ?? '', name: 'more' });
    await settled(test, 12);
    expect(await statuses(test, ...chain)).toEqual(['terminated', 'terminated', 'terminated']);
  });
});

test('permits of a tree are counted for all that stand in it', async () => {
  await using test = await createTestSystem({ permits: { model: { perTree: { inFlight: 1 } } } });
  await family(test);
  const { permitId } = await test.client.permits.acquire({ sessionId: 'terminate-below', key: 'model' });
  const other = watch(test.client.permits.acquire({ sessionId: 'top', key: 'model' }));
  await quiet();
  expect((await test.client.permits.get({ key: 'model' })).holders).toMatchObject([{ tree: 'top' }]);
  expect(other.outcome).toBe('waiting');
  await test.client.permits.release({ sessionId: 'terminate-below', permitId });
  await quiet();
  expect(other.outcome).toBe('answered');
});

test('links that cannot hold are refused, and sessions without them are opened as ever', async () => {
  await using test = await createTestSystem();
  const { client } = test;
  await client.sessions.create({ sessionId: 'p' });
  await client.sessions.create({ sessionId: 'v', durability: 'none' });
  const code = (input: object): Promise<string> => codeOf(client.sessions.create(input));
  expect(await code({ link: 'terminate' })).toBe('INVALID_INPUT');
  expect(await code({ link: 'terminate', parentSessionId: 'nobody' })).toBe('SESSION_NOT_FOUND');
  expect(await code({ link: 'terminate', parentSessionId: 'v' })).toBe('INVALID_INPUT');
  expect(await code({ link: 'terminate', parentSessionId: 'p', durability: 'none' })).toBe('INVALID_INPUT');
  expect(await code({ parentSessionId: 'nobody', sessionId: 'q' })).toBe('answered');
  expect(await code({ parentSessionId: 'v' })).toBe('answered');
  await client.sessions.terminate({ sessionId: 'p' });
  expect(await code({ link: 'orphan', parentSessionId: 'p' })).toBe('SESSION_NOT_ACTIVE');
  expect(await code({ parentSessionId: 'p' })).toBe('answered');
  expect(await client.trees.get({ sessionId: 'q' })).toMatchObject({
    parentSessionId: 'nobody',
    children: [],
  });
});

describe('a session of a tree', () => {
  test('that has ended can be restored, with its place and its budget, and goes on', async () => {
    await using test = await createTestSystem();
    const { sessions, trees, messages } = test.client;
    await sessions.create({ sessionId: 'top' });
    await sessions.create({
      sessionId: 'low',
      parentSessionId: 'top',
      link: 'return',
      treeBudget: { tokens: 9 },
    });
    await messages.send({ sessionId: 'low', role: 'user', content: 'kept' });
    await sessions.save({ sessionId: 'low' });
    await sessions.terminate({ sessionId: 'low' });
    await settled(test);
    await sessions.restore({ sessionId: 'low' });
    await settled(test);
    expect(await sessions.listSaved({})).toBeDefined();
    expect(await trees.get({ sessionId: 'low' })).toMatchObject({ endedAt: null, link: 'return' });
    expect((await messages.send({ sessionId: 'low', role: 'user', content: 'more' })).messages).toBe(2);
  });
});

describe('a session that could not be ended with its tree', () => {
  test.each([
    ['the root', 'a'],
    ['one below', 'b'],
  ])('is counted, and ended when its condition is cleared: %s', async (_, ill) => {
    await using test = await createTestSystem({ sessionRestarts: { maxRestarts: 1 } });
    const { sessions, trees } = test.client;
    await sessions.create({ sessionId: 'a' });
    await trees.open({ sessionId: 'a', childId: 'b' });
    await quarantined(test, ill);
    expect(await trees.cancel({ sessionId: 'a' })).toEqual({ open: 1 });
    expect(await trees.cancel({ sessionId: 'a' })).toEqual({ open: 1 });
    await sessions.retry({ sessionId: ill });
    await settled(test);
    expect(await statuses(test, 'a', 'b')).toEqual(['terminated', 'terminated']);
    expect(await trees.cancel({ sessionId: 'a' })).toEqual({ open: 0 });
    expect(await codeOf(trees.open({ sessionId: ill, childId: 'c' }))).toBe('SESSION_NOT_ACTIVE');
  });

  test('is not told to have ended by who is opened under it, and the next call ends it', async () => {
    await using test = await createTestSystem({ sessionRestarts: { maxRestarts: 1 } });
    const { sessions, trees } = test.client;
    await sessions.create({ sessionId: 'a' });
    await quarantined(test, 'a');
    expect(await trees.cancel({ sessionId: 'a' })).toEqual({ open: 1 });
    await codeOf(trees.open({ sessionId: 'a', childId: 'c' }));
    await settled(test);
    expect((await trees.get({ sessionId: 'a' })).endedAt).toBeNull();
    expect(['terminated', 'SESSION_NOT_FOUND']).toContain(await statusOf(test, 'c'));
    expect(await trees.cancel({ sessionId: 'a' })).toEqual({ open: 1 });
    // Between its return and its end.
    await sessions.retry({ sessionId: 'a' });
    expect(await trees.cancel({ sessionId: 'a' })).toEqual({ open: 0 });
    expect(await statusOf(test, 'a')).toBe('terminated');
  });

  test('follows the one above it when its condition is cleared, as its link says', async () => {
    await using test = await createTestSystem({ sessionRestarts: { maxRestarts: 1 } });
    const { sessions, trees } = test.client;
    await sessions.create({ sessionId: 'a' });
    await trees.open({ sessionId: 'a', childId: 'b', link: 'terminate' });
    await quarantined(test, 'b');
    await sessions.terminate({ sessionId: 'a' });
    await settled(test);
    await sessions.retry({ sessionId: 'b' });
    await settled(test);
    expect(await statusOf(test, 'b')).toBe('terminated');
  });
});
