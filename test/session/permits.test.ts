// Permits through the whole system: agents of many sessions share a key, and what ends an agent in whatever way frees what it held.
import { describe, expect, test } from 'vitest';
import type { AgentContext, AgentDefinitions } from '../../src/session/agents/agent-definitions.ts';
import type { SystemOptions } from '../../src/system.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet, watch, whileTimePasses } from '../support/outcome.ts';

const sessionId = 's';
const one = { sessionId };

async function started(
  agents: AgentDefinitions,
  permits: SystemOptions['permits'] = { model: { inFlight: 1 } },
  options = {},
): Promise<TestSystem> {
  const test = await createTestSystem({ agents, permits, passivateAfterMs: null, ...options });
  await test.client.sessions.create(one);
  return test;
}

const tooMany = (retryAfterMs?: number): Error =>
  Object.assign(new Error('429 Too Many Requests'), { status: 429, ...(retryAfterMs && { retryAfterMs }) });

const begin = async ({ client }: TestSystem, agent = 'agent'): Promise<string> =>
  (await client.agents.start({ ...one, agent })).runId;

test('200 agents share a key for 8 through refusals: never more than 8, all finish, and none has crashed', async () => {
  let inFlight = 0;
  let most = 0;
  let calls = 0;
  let refusals = 0;
  const grants: string[] = [];
  await using test = await started(
    {
      agent({ permits, session }: AgentContext) {
        return permits.use('model', async ({ attempt }) => {
          grants.push(session.id);
          calls += 1;
          inFlight += 1;
          most = Math.max(most, inFlight);
          await new Promise<void>((resolve) => test.clock.schedule(50, resolve));
          inFlight -= 1;
          if (calls % 17 === 0) {
            refusals += 1;
            throw tooMany(200);
          }
          return attempt;
        });
      },
    },
    { model: { inFlight: 8 } },
  );
  const { client, clock } = test;
  const sessions = Array.from({ length: 20 }, (_, i) => `s${i}`);
  const waits = [];
  for (const of of sessions) {
    await client.sessions.create({ sessionId: of });
    for (let i = 0; i < 10; i++) {
      const { runId } = await client.agents.start({ sessionId: of, agent: 'agent' });
      waits.push(client.agents.wait({ sessionId: of, runId }));
    }
  }
  const ended = await whileTimePasses(clock, Promise.all(waits), 50);
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
  expect(most).toBe(8);
  expect(refusals).toBeGreaterThan(5);
  expect(calls).toBe(200 + refusals);
  expect(
    test.telemetry.filter(({ name }) => name === 'agent.crashed' || name === 'agent.rateLimited'),
  ).toEqual([]);
  expect(await client.permits.get({ key: 'model' })).toMatchObject({ held: 0, waiting: 0, holders: [] });
  // Sessions take turns: between two grants of one that waits no other has more than two, one of them by coming back.
  const first = grants.slice(8 * 2, 100);
  for (const of of sessions)
    expect(first.filter((each) => each === of).length).toBeLessThanOrEqual(Math.ceil(first.length / 20) + 2);
});

describe('a holder that ends frees its permit', () => {
  const ends: Record<string, (test: TestSystem, runId: string, fail: () => void) => unknown> = {
    'by a crash': (_, __, fail) => fail(),
    'when it is stopped': ({ client }, runId) => client.agents.stop({ ...one, runId }),
    'when its session is paused': ({ client }) => client.sessions.pause(one),
    'when its session is ended': ({ client }) => client.sessions.terminate(one),
    'when the actors of its session crash': (test) => test.crash(sessionId),
    'when the manager of sessions crashes': (test) => test.crashManager(),
    'when its lease is over': ({ clock }) => clock.advance(600_000),
  };
  test.each(Object.entries(ends))('%s', async (how, end) => {
    let fail: (error: Error) => void = () => {};
    let holds = 0;
    const test = await started({
      holder: ({ permits }: AgentContext) =>
        permits.use('model', () => {
          holds += 1;
          return new Promise((__, reject) => {
            fail = reject;
          });
        }),
    });
    await test.client.sessions.create({ sessionId: 'other' });
    const runId = await begin(test, 'holder');
    await quiet();
    expect((await test.client.permits.get({ key: 'model' })).holders).toMatchObject([
      { sessionId, tree: sessionId, runId, incarnation: 1 },
    ]);
    const next = test.client.permits.acquire({ sessionId: 'other', key: 'model' });
    const watched = watch(next);
    await quiet();
    expect([holds, watched.outcome]).toEqual([1, 'waiting']);
    const ended = Promise.resolve(end(test, runId, () => fail(new Error('planned'))));
    const since = test.clock.now();
    await whileTimePasses(test.clock, next, 1_000);
    expect(test.clock.now() - since).toBeLessThan(how.includes('lease') ? 605_000 : 60_000);
    await test.client.permits.release({ sessionId: 'other', permitId: (await next).permitId });
    await whileTimePasses(test.clock, ended, 1_000);
    await whileTimePasses(test.clock, test.close(), 1_000);
  });

  test('when it is parked', async () => {
    await using test = await started({
      async holder({ permits, sleep }: AgentContext) {
        void permits.use(
          'model',
          ({ signal }) =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason));
            }),
        );
        await sleep(3_600_000);
      },
    });
    await begin(test, 'holder');
    await quiet();
    expect((await test.client.permits.get({ key: 'model' })).held).toBe(1);
    // What holds a permit works: it is parked only once that is over.
    await test.clock.advance(599_000);
    expect((await test.client.agents.list(one))[0]?.status).toBe('running');
    await test.clock.advance(60_000);
    expect((await test.client.permits.get({ key: 'model' })).held).toBe(0);
    expect((await test.client.agents.list(one))[0]?.status).toBe('parked');
  });

  test('when the process dies: nothing is held by the next, and what was used in the hour is known', async () => {
    await using test = await started(
      {
        holder: ({ permits }: AgentContext) => permits.use('model', () => new Promise(() => {}), { cost: 4 }),
      },
      { model: { inFlight: 1, costPerHour: 6 } },
    );
    await begin(test, 'holder');
    await quiet();
    await test.clock.advance(1_000);
    await quiet();
    await test.restart('kill');
    await test.client.sessions.create({ sessionId: 'other' });
    await test.client.sessions.pause(one);
    await quiet();
    const { held, used } = await test.client.permits.get({ key: 'model' });
    expect([held, Number(used.cost) >= 4]).toEqual([0, true]);
    const ask = { sessionId: 'other', key: 'model', cost: 4, timeoutMs: 1_000 };
    expect(await codeOf(whileTimePasses(test.clock, test.client.permits.acquire(ask)))).toBe(
      'PERMIT_TIMEOUT',
    );
    await test.clock.advance(3_660_000);
    expect(await codeOf(test.client.permits.acquire(ask))).toBe('answered');
  });
});

describe('a refusal by the other side', () => {
  test('makes all that share the key wait as long as it says, and is no crash', async () => {
    const at: number[] = [];
    await using test = await started(
      {
        async agent({ permits }: AgentContext) {
          return permits.use('model', async ({ attempt }) => {
            at.push(test.clock.now());
            if (at.length === 1) throw tooMany(5_000);
            return attempt;
          });
        },
      },
      { model: { inFlight: 2 }, other: {} },
    );
    const begun = test.clock.now();
    const runs = [await begin(test), await begin(test), await begin(test)];
    await quiet();
    const [info, other] = await test.client.permits.list();
    expect(info).toMatchObject({ key: 'model', pausedUntil: begun + 5_000 });
    expect(other).toMatchObject({ key: 'other', pausedUntil: null });
    const ended = await whileTimePasses(
      test.clock,
      Promise.all(runs.map((runId) => test.client.agents.wait({ ...one, runId }))),
      100,
    );
    expect(ended.map(({ result }) => result)).toEqual([2, 1, 1]);
    expect(at.filter((time) => time > begun && time < begun + 5_000)).toEqual([]);
    expect(ended.map(({ crashes }) => crashes)).toEqual([0, 0, 0]);
  });

  test('without a time doubles the wait with each in a row, and after so many the run itself waits', async () => {
    const at: number[] = [];
    await using test = await started({
      agent: ({ permits }: AgentContext) =>
        permits.use(
          'model',
          () => {
            at.push(test.clock.now());
            if (at.length <= 3) throw tooMany();
            return 'done';
          },
          { attempts: 3 },
        ),
    });
    const runId = await begin(test);
    const ended = await whileTimePasses(test.clock, test.client.agents.wait({ ...one, runId }), 500);
    expect(ended).toMatchObject({ status: 'completed', result: 'done', crashes: 0, incarnation: 2 });
    expect(at.slice(0, 3).map((time) => time - (at[0] ?? 0))).toEqual([0, 1_000, 3_000]);
  });
});

test('usage that is reported through a permit counts for its key and for the budget of the run', async () => {
  await using test = await started(
    {
      agent: ({ permits }: AgentContext) =>
        permits.use('model', ({ report }) => report({ tokens: 30, cost: 0.5 }), { tokens: 90 }),
    },
    { model: { tokensPerMinute: 100, costPerHour: 1 } },
  );
  const runId = await begin(test);
  const { usage } = await test.client.agents.wait({ ...one, runId });
  expect(usage).toMatchObject({ tokens: 30, cost: 0.5 });
  expect((await test.client.permits.get({ key: 'model' })).used).toEqual({ tokens: 30, cost: 0.5 });
});

test('waiting is bounded in number, ends with the signal, and after its time', async () => {
  await using test = await started({}, { model: { inFlight: 1, maxWaiting: 2 } });
  const { client, clock } = test;
  const ask = { ...one, key: 'model' };
  const held = await client.permits.acquire(ask);
  const abort = new AbortController();
  const cancelled = codeOf(client.permits.acquire(ask, { signal: abort.signal }));
  const late = errorOf(client.permits.acquire({ ...ask, timeoutMs: 100 }));
  await quiet();
  expect(await errorOf(client.permits.acquire(ask))).toMatchObject({
    code: 'PERMIT_QUEUE_FULL',
    details: { key: 'model', waiting: 2, limit: 2, retryAfterMs: 1_000 },
  });
  expect((await client.permits.get({ key: 'model' })).waiters).toMatchObject([one, one]);
  abort.abort(new Error('enough'));
  expect(await cancelled).toBe('Error: enough');
  await clock.advance(100);
  expect(await late).toMatchObject({ code: 'PERMIT_TIMEOUT', details: { key: 'model', timeoutMs: 100 } });
  expect(await client.permits.get({ key: 'model' })).toMatchObject({ held: 1, waiting: 0 });
  expect(await client.permits.release({ ...one, permitId: held.permitId })).toEqual({ released: true });
  expect(await client.permits.release({ ...one, permitId: held.permitId })).toEqual({ released: false });
});

test('what can never be granted is refused at once', async () => {
  await using test = await started({}, { model: { tokensPerMinute: 100, perTree: { costPerHour: 2 } } });
  const ask = { ...one, key: 'model' };
  const code = (more: object): Promise<string> => codeOf(test.client.permits.acquire({ ...ask, ...more }));
  expect(await code({ tokens: 101 })).toBe('PERMIT_TOO_LARGE');
  expect(await code({ cost: 3 })).toBe('PERMIT_TOO_LARGE');
  expect(await code({ key: 'none' })).toBe('PERMIT_UNKNOWN');
  expect(await code({ sessionId: 'none' })).toBe('SESSION_NOT_FOUND');
  expect(await code({ tokens: 100, cost: 2 })).toBe('answered');
});

test('limits that make no sense end the start, each named with its place', async () => {
  const wrong = { model: { inFlight: 0, perTree: { perMinute: 1.5 } }, other: { inflight: 1 } };
  const { details } = await errorOf(createTestSystem({ permits: wrong as never }));
  expect(details.faults).toEqual([
    expect.stringContaining('model.inFlight'),
    expect.stringContaining('model.perTree.perMinute'),
    expect.stringContaining('inflight'),
  ]);
});

test('who waits when the system is closed is told so', async () => {
  const test = await started({});
  await test.client.permits.acquire({ ...one, key: 'model' });
  const waiting = codeOf(test.client.permits.acquire({ ...one, key: 'model' }));
  await quiet();
  await test.close();
  expect(await waiting).toBe('SYSTEM_NOT_SERVING');
});

test('under one idempotency key it is one permit, and another session cannot give it back', async () => {
  await using test = await started({}, { model: { inFlight: 2 } });
  await test.client.sessions.create({ sessionId: 'other' });
  const ask = { ...one, key: 'model' };
  const first = await test.client.permits.acquire(ask, { idempotencyKey: 'k' });
  expect(await test.client.permits.acquire(ask, { idempotencyKey: 'k' })).toEqual(first);
  expect((await test.client.permits.get({ key: 'model' })).held).toBe(1);
  const { permitId } = first;
  expect(await test.client.permits.release({ sessionId: 'other', permitId })).toEqual({ released: false });
});

test('who asks twice under one key while it waits has one permit, and nobody has lost one when it is given back', async () => {
  await using test = await started({}, { model: { inFlight: 2, perMinute: 10 } });
  const { permits } = test.client;
  const ask = { ...one, key: 'model' };
  const before = [await permits.acquire(ask), await permits.acquire(ask)];
  const twice = [1, 2, 3].map(() => permits.acquire(ask, { idempotencyKey: 'k' }));
  await quiet();
  for (const { permitId } of before) await permits.release({ ...one, permitId });
  const [first, ...others] = await Promise.all(twice);
  expect(others).toEqual([first, first]);
  expect(await permits.get({ key: 'model' })).toMatchObject({ held: 1, waiting: 0, used: { requests: 3 } });
  await permits.release({ ...one, permitId: first?.permitId ?? '' });
  expect(await permits.get({ key: 'model' })).toMatchObject({ held: 0, holders: [] });
});

test('it has one too where there is room for one alone', async () => {
  await using test = await started({});
  const { permits } = test.client;
  const ask = { ...one, key: 'model' };
  const { permitId } = await permits.acquire(ask);
  const twice = [1, 2].map(() => permits.acquire(ask, { idempotencyKey: 'k' }));
  await quiet();
  await permits.release({ ...one, permitId });
  const [first, second] = await Promise.all(twice);
  expect(second).toEqual(first);
});
