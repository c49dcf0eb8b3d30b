// Budgets through a whole system: what a run spends and how often it was started again survives everything but its own progress,
// and nobody pays for a sibling.
import { describe, expect, test } from 'vitest';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const sessionId = 's';
const one = { sessionId };

async function started(agents: AgentDefinitions, options = {}): Promise<TestSystem> {
  const test = await createTestSystem({ agents, passivateAfterMs: null, ...options });
  await test.client.sessions.create(one);
  return test;
}

const forEver = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** Long enough for back-offs, not for a period. */
async function goOn(test: TestSystem, ms = 2_000): Promise<void> {
  for (let step = 0; step < 8; step++) {
    await quiet(12);
    await test.clock.advance(ms / 8);
  }
  await quiet();
}

const statusOf = async (test: TestSystem, id = sessionId): Promise<string> =>
  (await test.client.sessions.get({ sessionId: id })).status;

const reasonsOf = async ({ client }: TestSystem): Promise<unknown[]> => {
  const { items } = await client.events.list(one);
  return items.flatMap(({ type, data }) =>
    type === 'agent.restarted' ? [(data as { reason: string }).reason] : [],
  );
};

/** The code with which the session is quarantined. */
const quarantineOf = async ({ client }: TestSystem): Promise<string | undefined> =>
  (await client.sessions.conditions({ condition: 'quarantined' }))[0]?.error?.code;

describe('tokens and cost', () => {
  test('are added up in the run, journaled, and forgiven by what it makes durable', async () => {
    await using test = await started({
      async spender({ session, signal }: AgentContext) {
        await session.report({ tokens: 100, cost: 0.5 });
        await session.memory.set({ key: 'k', value: 1 });
        expect(await session.report({ tokens: 20 })).toMatchObject({ tokens: 120, cost: 0.5 });
        await forEver(signal);
      },
    });
    const { runId } = await test.client.agents.start({
      ...{ ...one, agent: 'spender' },
      budget: { tokens: 50, totalTokens: 1_000 },
    });
    await quiet();
    const expected = {
      usage: { tokens: 120, cost: 0.5, sinceProgress: { tokens: 20, cost: 0 } },
      budgetLeft: { tokens: 30, totalTokens: 880, cost: null, totalCost: null },
    };
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject(expected);
    await test.restart('kill');
    expect((await test.client.agents.list(one))[0]).toMatchObject({ runId, ...expected });
  });

  test('spent without progress over the budget: it is not started again, and its session is quarantined', async () => {
    let starts = 0;
    await using test = await started({
      async burner({ session }: AgentContext) {
        starts += 1;
        await session.report({ tokens: 60 });
        throw new Error('no');
      },
    });
    await test.client.agents.start({ ...one, agent: 'burner', budget: { tokens: 100 } });
    await goOn(test);
    expect(starts).toBe(2);
    expect(await statusOf(test)).toBe('quarantined');
    expect(await quarantineOf(test)).toBe('BUDGET_EXHAUSTED');
    expect(test.telemetry.filter(({ name }) => name === 'agent.budgetExhausted')).toMatchObject([
      { data: { what: 'tokens', spent: 120, limit: 100 } },
    ]);
  });

  test('over the total although it gets on; with onExhausted fail the run has failed and its session goes on', async () => {
    let starts = 0;
    await using test = await started({
      burner: {
        async run({ session }: AgentContext) {
          starts += 1;
          await session.report({ cost: 4 });
          await session.memory.set({ key: 'n', value: starts });
          throw new Error('no');
        },
        budget: { totalCost: 10, onExhausted: 'fail' },
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'burner' });
    const waiting = test.client.agents.wait({ ...one, runId });
    await goOn(test);
    expect(await waiting).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXHAUSTED' } });
    expect(starts).toBe(3);
    expect(await statusOf(test)).toBe('active');
    expect(await codeOf(test.client.memory.set({ ...one, key: 'k', value: 1 }))).toBe('answered');
  });

  test('are no progress: who only reports has no restart forgiven, however long it is up', async () => {
    await using test = await started({
      async teller({ session }: AgentContext) {
        await session.report({ tokens: 1 });
        await new Promise((resolve) => test.clock.schedule(70_000, () => resolve(undefined)));
        throw new Error('no');
      },
    });
    const budget = { maxRestarts: 1, restartsWithoutProgress: 5 };
    const { runId } = await test.client.agents.start({ ...one, agent: 'teller', budget });
    for (let i = 0; i < 4; i++) await goOn(test, 80_000);
    expect(await statusOf(test)).toBe('quarantined');
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({ crashes: 2 });
  });

  test('are reported for the own run alone, and for one that is open', async () => {
    const codes: string[] = [];
    await using test = await started({
      quick: async () => 'done',
      async meddler({ session, input: runId }: AgentContext<string>) {
        codes.push(await codeOf(session.agents.report({ runId, tokens: 1 })));
        codes.push(await codeOf(session.report({ tokens: -1 })));
      },
      idle: ({ signal }: AgentContext) => forEver(signal),
    });
    const { client } = test;
    const idle = await client.agents.start({ ...one, agent: 'idle' });
    const meddler = await client.agents.start({ ...one, agent: 'meddler', input: idle.runId });
    await client.agents.wait({ ...one, runId: meddler.runId });
    expect(codes).toEqual(['INVALID_INPUT', 'INVALID_INPUT']);
    expect(await client.agents.report({ ...one, runId: idle.runId, tokens: 3 })).toMatchObject({ tokens: 3 });
    expect(await codeOf(client.agents.report({ ...one, runId: meddler.runId }))).toBe('STALE_INCARNATION');
    expect(await codeOf(client.agents.report({ ...one, runId: 'nobody' }))).toBe('AGENT_NOT_FOUND');
  });
});

describe('a process that dies', () => {
  test('with a run at each boot: the run is counted before it is begun, and ends quarantined while others serve', async () => {
    let boots = 0;
    await using test = await started({
      bomb: ({ signal }: AgentContext) => {
        boots += 1;
        return forEver(signal);
      },
      async steady({ session, signal }: AgentContext) {
        await session.memory.set({ key: 'boot', value: session.incarnation });
        await forEver(signal);
      },
    });
    await test.client.sessions.create({ sessionId: 'other' });
    await test.client.agents.start({ ...one, agent: 'bomb' });
    await test.client.agents.start({ sessionId: 'other', agent: 'steady' });
    await quiet();
    for (let i = 0; i < 8; i++) {
      await test.restart('kill');
      await goOn(test);
    }
    // The first and five restarts.
    expect(boots).toBe(6);
    expect(await statusOf(test)).toBe('quarantined');
    expect(await quarantineOf(test)).toBe('BUDGET_EXHAUSTED');
    expect(await reasonsOf(test)).toEqual(Array.from({ length: 5 }, () => 'process'));
    expect(await statusOf(test, 'other')).toBe('active');
    expect((await test.client.agents.list({ sessionId: 'other' }))[0]).toMatchObject({
      ...{ status: 'running', isRunning: true, incarnation: 9 },
      budgetLeft: { restartsWithoutProgress: 5 },
    });
  });

  test('while a run only waits costs next to nothing: ten such deaths count as one', async () => {
    await using test = await started({
      async patient({ step, waitFor }: AgentContext) {
        await step('ask', () => 'asked');
        return waitFor('approval');
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'patient' });
    await quiet();
    for (let i = 0; i < 12; i++) {
      await test.restart('kill');
      await goOn(test, 100);
    }
    expect(new Set(await reasonsOf(test))).toEqual(new Set(['interrupted']));
    expect((await test.client.agents.list(one))[0]).toMatchObject({ restarts: 12, isRunning: true });
    await test.client.agents.signal({ ...one, runId, name: 'approval', payload: 'yes' });
    expect((await test.client.agents.wait({ ...one, runId })).result).toBe('yes');
  });

  test('in order costs nothing, however often', async () => {
    await using test = await started({ idle: ({ signal }: AgentContext) => forEver(signal) });
    await test.client.agents.start({ ...one, agent: 'idle' });
    for (let i = 0; i < 8; i++) {
      await quiet();
      await test.restart('close');
    }
    await goOn(test);
    expect((await test.client.agents.list(one))[0]).toMatchObject({ isRunning: true, restarts: 0 });
    expect(new Set(await reasonsOf(test))).toEqual(new Set(['resumed']));
  });

  test('long after the run was begun costs it nothing in the end', async () => {
    await using test = await started({ idle: ({ signal }: AgentContext) => forEver(signal) });
    await test.client.agents.start({ ...one, agent: 'idle' });
    for (let i = 0; i < 8; i++) {
      await test.restart('kill');
      await goOn(test, 60_000);
    }
    expect((await test.client.agents.list(one))[0]).toMatchObject({
      ...{ isRunning: true, restarts: 8, budgetLeft: { restartsWithoutProgress: 5, lifetimeRestarts: 992 } },
    });
  });

  test('between a crash and its restart does not make it free', async () => {
    let starts = 0;
    await using test = await started({
      crash: () => {
        starts += 1;
        throw new Error('no');
      },
    });
    await test.client.agents.start({ ...one, agent: 'crash' });
    for (let i = 0; i < 6; i++) {
      await quiet(6);
      await test.restart('kill');
    }
    await goOn(test);
    expect(starts).toBe(6);
    expect(await statusOf(test)).toBe('quarantined');
  });
});

describe('siblings', () => {
  test('are not charged with a crash, nor with the restart of their session', async () => {
    await using test = await started({
      idle: ({ signal }: AgentContext) => forEver(signal),
      crash: { run: () => Promise.reject(new Error('no')), budget: { onExhausted: 'fail' } },
    });
    const idle = await test.client.agents.start({ ...one, agent: 'idle' });
    const crash = await test.client.agents.start({ ...one, agent: 'crash' });
    const ended = test.client.agents.wait({ ...one, runId: crash.runId });
    await goOn(test);
    expect(await ended).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXHAUSTED' } });
    for (let i = 0; i < 7; i++) {
      test.crash(sessionId);
      await goOn(test);
    }
    expect(await test.client.agents.get({ ...one, runId: idle.runId })).toMatchObject({
      ...{ isRunning: true, incarnation: 8, crashes: 0, restarts: 0 },
      budgetLeft: { maxRestarts: 5, restartsWithoutProgress: 5, lifetimeRestarts: 1_000 },
    });
  });
});

describe('a retry', () => {
  test('gives a fresh period, and never resets the total', async () => {
    await using test = await started({ crash: () => Promise.reject(new Error('no')) });
    const { runId } = await test.client.agents.start({
      ...one,
      agent: 'crash',
      budget: { lifetimeRestarts: 7 },
    });
    await goOn(test);
    expect(await statusOf(test)).toBe('quarantined');
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({ restarts: 5, incarnation: 6 });
    await test.client.sessions.retry(one);
    await goOn(test);
    // The retry itself is the sixth.
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      ...{ restarts: 7, incarnation: 8, budgetLeft: { lifetimeRestarts: 0 } },
    });
    expect(await statusOf(test)).toBe('quarantined');
    await test.client.sessions.retry(one);
    await goOn(test);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({ restarts: 7, incarnation: 8 });
    expect(await statusOf(test)).toBe('quarantined');
  });
});

describe('a rate limit', () => {
  const limited = (retryAfterMs: number): Error =>
    Object.assign(new Error('slow down'), { status: 429, retryAfterMs });

  test('is waited out, charged to nobody and no crash, also for a temporary agent and over a restart', async () => {
    const starts: number[] = [];
    await using test = await started({
      caller: async ({ session }: AgentContext) => {
        starts.push(session.incarnation);
        if (session.incarnation < 9) throw limited(10_000);
        return 'done';
      },
    });
    const { runId } = await test.client.agents.start({ ...one, agent: 'caller', restart: 'temporary' });
    await quiet();
    const { resumesAt, ...run } = await test.client.agents.get({ ...one, runId });
    expect(run).toMatchObject({ status: 'waiting', crashes: 0, budgetLeft: { rateLimitWaits: 49 } });
    expect((resumesAt ?? 0) - test.clock.now()).toBeGreaterThanOrEqual(10_000);
    expect((resumesAt ?? 0) - test.clock.now()).toBeLessThanOrEqual(12_500);
    await test.restart('kill');
    await goOn(test, 9_999);
    expect(starts).toEqual([1]);
    for (let i = 0; i < 8; i++) await goOn(test, 12_500);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      ...{ status: 'completed', result: 'done', incarnation: 9, crashes: 0, restarts: 0, resumesAt: null },
    });
    expect(new Set(await reasonsOf(test))).toEqual(new Set(['waited']));
  });

  test('is waited out only so often without progress', async () => {
    let starts = 0;
    await using test = await started({
      caller: () => {
        starts += 1;
        throw limited(1_000);
      },
    });
    const budget = { rateLimitWaits: 3, onExhausted: 'fail' } as const;
    const { runId } = await test.client.agents.start({ ...one, agent: 'caller', budget });
    for (let i = 0; i < 6; i++) await goOn(test, 1_250);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      ...{ status: 'failed', error: { code: 'BUDGET_EXHAUSTED' } },
    });
    expect(starts).toBe(4);
  });

  test('ends at once with its run', async () => {
    await using test = await started({ caller: () => Promise.reject(limited(60_000)) });
    const { runId } = await test.client.agents.start({ ...one, agent: 'caller' });
    await quiet();
    expect(await test.client.agents.stop({ ...one, runId })).toMatchObject({ status: 'stopped' });
    await goOn(test, 100_000);
    expect(await test.client.agents.get({ ...one, runId })).toMatchObject({
      status: 'stopped',
      incarnation: 1,
    });
  });
});

describe('the class of an error', () => {
  test('is in the event, and an agent may say otherwise', async () => {
    await using test = await started({
      typo: { run: () => Promise.reject(new TypeError('typo')), onFatal: 'fail' },
      own: {
        run: () => Promise.reject(new RangeError('bad input')),
        classify: ({ name }) => (name === 'RangeError' ? 'fatal' : undefined),
        onFatal: 'fail',
      },
      wild: {
        run: () => Promise.reject(Object.assign(new Error('reset'), { code: 'ECONNRESET' })),
        classify: () => {
          throw new Error('the judge is wrong');
        },
        budget: { onExhausted: 'fail' },
      },
    });
    const { client } = test;
    for (const agent of ['typo', 'own', 'wild']) {
      const { runId } = await client.agents.start({ ...one, agent });
      const waiting = client.agents.wait({ ...one, runId });
      await goOn(test);
      const crashes = agent === 'wild' ? 6 : 0;
      expect(await waiting).toMatchObject({ status: 'failed', crashes });
    }
    const { items } = await client.events.list(one);
    const classes = items.flatMap(({ type, data }) => (type === 'agent.crashed' ? [data] : []));
    expect(classes).toMatchObject(Array.from({ length: 6 }, () => ({ errorClass: 'transient' })));
  });
});

describe('what is given', () => {
  test('is checked: by its place in the agents, and against what holds for the agent', async () => {
    const bad = createTestSystem({ agents: { a: { run: async () => 1, budget: { tokens: -1 } } } });
    expect(await codeOf(bad)).toBe('INVALID_CONFIG');
    const odd = { run: async () => 1, onFatal: 'explode' } as never;
    expect(await codeOf(createTestSystem({ agents: { a: odd } }))).toBe('INVALID_CONFIG');
    await using test = await started({ a: { run: async () => 1, budget: { tokens: 10 } } });
    const { client } = test;
    const start = (budget: object): Promise<string> =>
      codeOf(client.agents.start({ ...one, agent: 'a', budget }));
    expect(await start({ tokens: 11 })).toBe('INVALID_INPUT');
    expect(await start({ maxRestarts: 6 })).toBe('INVALID_INPUT');
    expect(await start({ tokns: 1 })).toBe('INVALID_INPUT');
    expect(await start({ tokens: 10 })).toBe('answered');
  });

  test('holds: fewer restarts of an agent, and of a session', async () => {
    const sessionRestarts = { maxRestarts: 2 };
    await using test = await started({ crash: () => Promise.reject(new Error('no')) }, { sessionRestarts });
    await test.client.sessions.create({ sessionId: 'other' });
    for (let i = 0; i < 3; i++) {
      expect(await statusOf(test)).toBe('active');
      test.crash(sessionId);
      await goOn(test);
    }
    expect(await statusOf(test)).toBe('quarantined');
    const two = { sessionId: 'other' };
    const { runId } = await test.client.agents.start({ ...two, agent: 'crash', budget: { maxRestarts: 1 } });
    await goOn(test);
    expect(await statusOf(test, 'other')).toBe('quarantined');
    expect(await test.client.agents.get({ ...two, runId })).toMatchObject({ crashes: 2, incarnation: 2 });
  });
});
