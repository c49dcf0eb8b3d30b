// Limits are exact, refuse by name, and never take what they were not set for.
import { describe, expect, test } from 'vitest';
import { createSystem } from '../../src/system.ts';
import { faultyLevel } from '../../src/testing/faulty-level.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet, watch } from '../support/outcome.ts';

const sessionId = 's';
const message = { sessionId, role: 'user', content: 'hello' } as const;

describe('the number of open sessions', () => {
  test('is without a limit by default', async () => {
    await using test = await createTestSystem();
    await Promise.all(Array.from({ length: 300 }, () => test.client.sessions.create({})));
    expect((await test.client.sessions.list({ limit: 1 })).total).toBe(300);
  });

  test('is kept exactly, however many are created at once', async () => {
    await using test = await createTestSystem({ maxSessions: 5 });
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, () => codeOf(test.client.sessions.create({}))),
    );
    expect(outcomes.filter((outcome) => outcome === 'answered').length).toBe(5);
    expect(new Set(outcomes)).toEqual(new Set(['answered', 'SESSION_LIMIT']));
    const error = await errorOf(test.client.sessions.create({}));
    expect(error.details).toEqual({ count: 5, limit: 5 });
  });

  test('is counted after a restart too, and whoever ends makes room for one', async () => {
    await using test = await createTestSystem({ maxSessions: 2 });
    await test.client.sessions.create({ sessionId: 'a' });
    await test.client.sessions.create({ sessionId: 'b' });
    await test.client.sessions.hibernate({ sessionId: 'b' });
    await test.restart();
    expect(await codeOf(test.client.sessions.create({}))).toBe('SESSION_LIMIT');
    await test.client.sessions.terminate({ sessionId: 'a' });
    expect(await codeOf(test.client.sessions.create({}))).toBe('answered');
    expect(await codeOf(test.client.sessions.create({}))).toBe('SESSION_LIMIT');
  });

  test('leaves a place that was just taken free for nobody, and one that is free for the next', async () => {
    await using test = await createTestSystem({ maxSessions: 2 });
    const second: Promise<string>[] = [];
    await test.client.events.subscribeAll(({ sessionId: id, type }) => {
      if (id === 'a' && type === 'session.created')
        second.push(codeOf(test.client.sessions.create({ sessionId: 'b' })));
    });
    await test.client.sessions.create({ sessionId: 'a' });
    expect(await Promise.all(second)).toEqual(['answered']);
  });

  test('does not keep the answer of an earlier call from its caller', async () => {
    await using test = await createTestSystem({ maxSessions: 1 });
    const create = () => test.client.sessions.create({}, { idempotencyKey: 'k' });
    const first = await create();
    expect(await create()).toEqual({ ...first, repeated: true });
    expect(await codeOf(test.client.sessions.create({ sessionId: first.sessionId }))).toBe('SESSION_EXISTS');
    expect(await codeOf(test.client.sessions.create({}))).toBe('SESSION_LIMIT');
  });

  test('does not count sessions whose time is up, even when their alarms have not rung yet', async () => {
    await using test = await createTestSystem({ maxSessions: 3 });
    for (const id of ['a', 'b', 'c'])
      await test.client.sessions.create({ sessionId: id, config: { endAfterMs: 1_000 } });
    await test.close();
    await test.clock.advance(5_000);
    await test.restart();
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => codeOf(test.client.sessions.create({}))),
    );
    expect(outcomes.sort()).toEqual(['SESSION_LIMIT', 'answered', 'answered', 'answered']);
    expect(await test.client.sessions.get({ sessionId: 'a' })).toMatchObject({ status: 'terminated' });
  });

  test('does not count one that could not become durable', async () => {
    await using test = await createTestSystem({ maxSessions: 1 });
    const { disk } = test;
    disk.failWrites((write) => (write === fatal ? 'before' : undefined));
    const fatal = disk.writes + 1;
    expect(await codeOf(test.client.sessions.create({}))).toBe('OUTCOME_UNKNOWN');
    expect(await codeOf(test.client.sessions.create({}))).toBe('answered');
  });
});

describe('the preset of the systems that came before', () => {
  test('allows a hundred sessions, ten commands at once, half an hour of quiet and an hour of life', async () => {
    await using test = await createTestSystem({ limits: 'strict' });
    const { client, clock } = test;
    await client.sessions.create({ sessionId });
    const others = Array.from({ length: 100 }, () => codeOf(client.sessions.create({})));
    expect((await Promise.all(others)).filter((outcome) => outcome === 'SESSION_LIMIT').length).toBe(1);
    const sent = Array.from({ length: 11 }, () => codeOf(client.messages.send(message)));
    expect((await Promise.all(sent)).filter((outcome) => outcome === 'OVERLOADED').length).toBe(1);
    const { config } = await client.sessions.get({ sessionId });
    expect(config).toMatchObject({ maxFiles: 50, maxMemoryKeys: 50, tokenBudget: 4_000 });
    for (let i = 0; i < 4; i++) {
      await clock.advance(14 * 60_000);
      await client.messages.send(message);
    }
    expect((await client.sessions.list({})).total).toBe(1);
    await clock.advance(4 * 60_000);
    expect(await client.sessions.get({ sessionId })).toMatchObject({
      status: 'terminated',
      reason: 'timeout',
    });
  });

  test('gives up waiting for an operation after 30 s', async () => {
    await using test = await createTestSystem({ limits: 'strict' });
    await test.client.sessions.create({ sessionId });
    const held = test.disk.holdWrites();
    const call = test.client.messages.send(message);
    const watched = watch(call);
    await held.arrived;
    await test.clock.advance(29_999);
    expect(watched.outcome).toBe('waiting');
    await test.clock.advance(1);
    expect(watched.outcome).toBe('OPERATION_TIMEOUT');
    held.release();
    await quiet();
    expect((await test.client.messages.list({ sessionId })).items.length).toBe(1);
  });

  test('can be widened, and options that are none are refused with all that is wrong', async () => {
    await using test = await createTestSystem({
      limits: 'strict',
      maxSessions: null,
      operationTimeoutMs: null,
    });
    const calls = Array.from({ length: 101 }, () => codeOf(test.client.sessions.create({})));
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['answered']));
    const wrong = { maxSessions: 0, mailboxSize: 1.5, unknown: true } as object;
    const error = await errorOf(createTestSystem(wrong));
    expect(error.code).toBe('INVALID_CONFIG');
    expect(error.details.faults).toHaveLength(3);
  });
});

describe('the mailbox of a session', () => {
  test('refuses one more than it holds, and loses nothing that it took', async () => {
    await using test = await createTestSystem({ mailboxSize: 4 });
    await test.client.sessions.create({ sessionId });
    await test.client.sessions.create({ sessionId: 'other' });
    const held = test.disk.holdWrites();
    const calls = Array.from({ length: 6 }, (_, i) =>
      test.client.messages.send({ ...message, content: String(i) }),
    );
    const refused = await errorOf(calls[4] ?? Promise.resolve());
    expect(refused).toMatchObject({ code: 'OVERLOADED', retryable: true, details: { size: 4 } });
    expect(refused.details.retryAfterMs).toBeGreaterThan(0);
    const other = codeOf(test.client.messages.send({ ...message, sessionId: 'other' }));
    held.release();
    const outcomes = await Promise.all(calls.map(codeOf));
    expect(outcomes).toEqual([...Array(4).fill('answered'), 'OVERLOADED', 'OVERLOADED']);
    expect(await other).toBe('answered');
    const { items } = await test.client.messages.list({ sessionId });
    expect(items.map(({ content }) => content)).toEqual(['0', '1', '2', '3']);
  });
});

describe('a call with a signal', () => {
  test('that is aborted already does nothing', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId });
    const signal = AbortSignal.abort(new Error('changed my mind'));
    await expect(test.client.messages.send(message, { signal })).rejects.toThrow('changed my mind');
    expect((await test.client.messages.list({ sessionId })).items).toEqual([]);
  });

  test('stops waiting when it is aborted; what was sent takes effect all the same', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId });
    const held = test.disk.holdWrites();
    const abort = new AbortController();
    const call = test.client.messages.send(message, { signal: abort.signal, idempotencyKey: 'k' });
    await held.arrived;
    abort.abort(new Error('too slow'));
    await expect(call).rejects.toThrow('too slow');
    held.release();
    const repeated = await test.client.messages.send(message, { idempotencyKey: 'k' });
    expect(repeated).toMatchObject({ repeated: true, seq: 3 });
  });

  test('leaves nothing behind that listens or waits', async () => {
    await using test = await createTestSystem({ operationTimeoutMs: 1_000 });
    await test.client.sessions.create({ sessionId, config: { idleAfterMs: null, dormantAfterMs: null } });
    const { signal } = new AbortController();
    let listening = 0;
    signal.addEventListener = () => {
      listening += 1;
    };
    signal.removeEventListener = () => {
      listening -= 1;
    };
    const { pending } = test.clock;
    await test.client.messages.send(message, { signal });
    await codeOf(test.client.memory.get({ sessionId, key: 'none' }, { signal }));
    expect([listening, test.clock.pending]).toEqual([0, pending]);
  });
});

test('a system that is closed takes no calls, and can be closed again', async () => {
  const test = await createTestSystem();
  await test.client.sessions.create({ sessionId });
  const { client } = test;
  const closed = test.close();
  expect(await codeOf(client.messages.send(message))).toBe('SYSTEM_NOT_SERVING');
  await closed;
  await test.close();
  expect(await codeOf(client.sessions.list({}))).toBe('SYSTEM_NOT_SERVING');
  expect(test.system.status).toBe('stopped');
});

test.each<[string, unknown]>([
  ['nothing', ''],
  ['a number', 7],
  ['a name that objects have', '__proto__'],
  ['a path', 'a/b'],
])('a source of ids that gives %s names nothing by it', async (_, id) => {
  let next: unknown = 's';
  const agents = { agent: async () => {} };
  const store = faultyLevel().open;
  await using system = await createSystem({
    store,
    agents,
    clock: manualClock(),
    newId: () => next as string,
  });
  const { client } = system;
  const { sessionId } = await client.sessions.create({});
  next = id;
  expect(await codeOf(client.sessions.create({}))).toBe('INVALID_ID');
  expect(await codeOf(client.agents.start({ sessionId, agent: 'agent' }))).toBe('INVALID_ID');
  expect(await client.agents.list({ sessionId })).toEqual([]);
});
