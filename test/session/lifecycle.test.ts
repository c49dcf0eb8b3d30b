// The life of a session through the Client: created, paused, rested, ended, filed away and deleted.
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

async function started(options?: TestSystemOptions): Promise<TestSystem> {
  return createTestSystem(options);
}

const sessionId = 's';
const message = { sessionId, role: 'user', content: 'hello' } as const;

const typesOf = async ({ client }: TestSystem, id = sessionId): Promise<string[]> =>
  (await client.events.list({ sessionId: id })).items.map(({ type, data }) =>
    type === 'session.statusChanged' ? `to ${(data as { to: string }).to}` : type,
  );

const statusOf = async ({ client }: TestSystem): Promise<string> =>
  (await client.sessions.get({ sessionId })).status;

describe('creating', () => {
  test('opens a session with all that was given, and tells of the change of status first', async () => {
    await using test = await started();
    const given = {
      name: 'planner',
      agent: 'gpt',
      metadata: { team: ['a', 'b'], depth: { of: 1 } },
      llmConfig: { model: 'm', temperature: 0 },
      config: { idleAfterMs: 1_000, maxFiles: 3 },
      parentSessionId: 'parent',
    };
    const created = await test.client.sessions.create({ sessionId, ...given });
    expect(created).toEqual({ sessionId, seq: 2, durability: 'fsync' });
    const { config, ...session } = await test.client.sessions.get({ sessionId });
    const { config: _, ...rest } = given;
    const now = test.clock.now();
    expect(session).toMatchObject({
      ...rest,
      sessionId,
      status: 'active',
      messages: 0,
      createdAt: now,
      seq: 2,
    });
    expect(config).toMatchObject({ idleAfterMs: 1_000, maxFiles: 3, dormantAfterMs: 7_200_000 });
    expect(await typesOf(test)).toEqual(['to active', 'session.created']);
    const [change] = (await test.client.events.list({ sessionId })).items;
    expect(change?.data).toEqual({
      from: 'initializing',
      to: 'active',
      reason: 'created',
      cause: 'session.create',
    });
  });

  test('without an id makes one; under an id that is taken it is refused and changes nothing', async () => {
    await using test = await started();
    const { sessionId: made } = await test.client.sessions.create({});
    expect(made).toBe('id-1');
    expect(await codeOf(test.client.sessions.create({ sessionId: made, name: 'other' }))).toBe(
      'SESSION_EXISTS',
    );
    expect((await test.client.sessions.get({ sessionId: made })).name).toBeNull();
    await test.client.sessions.terminate({ sessionId: made, cleanup: true });
    expect(await codeOf(test.client.sessions.create({ sessionId: made }))).toBe('SESSION_EXISTS');
  });

  test('twice with one key and no id finds the same session, also at once and after a restart', async () => {
    await using test = await started();
    const create = () => test.client.sessions.create({ name: 'n' }, { idempotencyKey: 'order 66' });
    const [first, second] = await Promise.all([create(), create()]);
    expect(second).toEqual({ ...first, repeated: true });
    await test.restart();
    expect(await create()).toEqual({ ...first, repeated: true });
    const other = test.client.sessions.create({ name: 'm' }, { idempotencyKey: 'order 66' });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_KEY_REUSED');
    expect((await test.client.sessions.list({})).items.length).toBe(1);
  });

  test('the same id many times at once opens one session', async () => {
    await using test = await started();
    const calls = Array.from({ length: 20 }, (_, i) =>
      test.client.sessions.create({ sessionId, name: `n${i}` }),
    );
    const outcomes = await Promise.all(calls.map(codeOf));
    expect(outcomes.filter((outcome) => outcome === 'answered').length).toBe(1);
    expect(new Set(outcomes)).toEqual(new Set(['answered', 'SESSION_EXISTS']));
    expect(await typesOf(test)).toEqual(['to active', 'session.created']);
    expect(test.system.activeSessions).toBe(1);
  });

  test('need not be awaited before the session is used', async () => {
    await using test = await started();
    const calls = [
      test.client.sessions.create({ sessionId }),
      test.client.messages.send({ ...message, content: '1' }),
      test.client.files.add({ sessionId, path: 'a.txt' }),
      test.client.messages.send({ ...message, content: '2' }),
      test.client.sessions.pause({ sessionId }),
      test.client.messages.send({ ...message, content: '3' }),
    ];
    const outcomes = await Promise.all(calls.map(codeOf));
    expect(outcomes).toEqual([...Array(5).fill('answered'), 'SESSION_NOT_ACTIVE']);
    expect((await typesOf(test)).slice(2)).toEqual([
      'message.sent',
      'file.added',
      'message.sent',
      'checkpoint.created',
      'to paused',
    ]);
  });
});

describe('ending', () => {
  test('goes through terminating to terminated, says why, and leaves everything readable', async () => {
    await using test = await started();
    await test.client.sessions.create({ sessionId });
    await test.client.messages.send(message);
    expect(await test.client.sessions.terminate({ sessionId, reason: 'done' })).toMatchObject({
      status: 'terminated',
    });
    expect((await typesOf(test)).slice(3)).toEqual(['to terminating', 'to terminated', 'session.terminated']);
    expect(await test.client.sessions.get({ sessionId })).toMatchObject({
      status: 'terminated',
      reason: 'done',
    });
    expect((await test.client.messages.list({ sessionId })).items.length).toBe(1);
    expect((await test.client.sessions.list({})).items).toEqual([]);
    await quiet();
    expect(test.system.activeSessions).toBe(0);
  });

  test('what has ended succeeds and changes nothing', async () => {
    await using test = await started();
    await test.client.sessions.create({ sessionId });
    const end = () => test.client.sessions.terminate({ sessionId });
    await Promise.all([end(), end(), end()]);
    const ended = await typesOf(test);
    expect(await end()).toMatchObject({ status: 'terminated' });
    expect(await typesOf(test)).toEqual(ended);
    expect(ended.filter((type) => type === 'session.terminated').length).toBe(1);
  });

  test('with cleanup leaves a tombstone: nothing can be read, the id stays taken, ending it again succeeds', async () => {
    await using test = await started();
    await test.client.sessions.create({ sessionId });
    await test.client.messages.send(message);
    const end = () => test.client.sessions.terminate({ sessionId, cleanup: true });
    expect(await Promise.all([end(), end()])).toMatchObject([{ status: 'deleted' }, { status: 'deleted' }]);
    expect(await end()).toMatchObject({ status: 'deleted' });
    const { client } = test;
    const reads = [
      client.sessions.get({ sessionId }),
      client.messages.list({ sessionId }),
      client.messages.get({ sessionId, seq: 3 }),
      client.files.list({ sessionId }),
      client.memory.keys({ sessionId }),
      client.memory.get({ sessionId, key: 'k' }),
      client.sessions.entries({ sessionId }),
      client.events.list({ sessionId }),
      client.sessions.buildContext({ sessionId }),
      client.sessions.save({ sessionId }),
      client.messages.send(message),
      client.sessions.pause({ sessionId }),
      client.events.stream({ sessionId }).next(),
    ];
    expect(new Set(await Promise.all(reads.map(codeOf)))).toEqual(new Set(['SESSION_NOT_FOUND']));
    const left = await test.disk.data.keys().all();
    expect(left.filter((key) => key.includes('session/s'))).toEqual(['h!session/s']);
    await test.restart();
    expect(await codeOf(test.client.sessions.get({ sessionId }))).toBe('SESSION_NOT_FOUND');
    expect(await codeOf(test.client.sessions.create({ sessionId }))).toBe('SESSION_EXISTS');
  });

  test('under a key is repeated with the first answer', async () => {
    await using test = await started();
    await test.client.sessions.create({ sessionId });
    const end = () => test.client.sessions.terminate({ sessionId }, { idempotencyKey: 'end' });
    const first = await end();
    expect(await end()).toEqual({ ...first, repeated: true });
  });

  test('that a dead process had begun is finished by the next one', async () => {
    await using test = await started();
    await test.client.sessions.create({ sessionId });
    await test.client.sessions.create({ sessionId: 'gone' });
    // The first append of each goes through, the second waits until the process is dead.
    const ends = [false, true].map((cleanup) => {
      const id = cleanup ? 'gone' : sessionId;
      return codeOf(test.client.sessions.terminate({ sessionId: id, cleanup }));
    });
    const held = test.disk.holdWrites(1);
    await held.arrived;
    const restarted = test.restart('kill');
    await quiet();
    held.release();
    await restarted;
    expect(await statusOf(test)).toBe('terminating');
    await test.clock.advance(2_000);
    expect(await statusOf(test)).toBe('terminated');
    expect(await codeOf(test.client.sessions.get({ sessionId: 'gone' }))).toBe('SESSION_NOT_FOUND');
    const left = await test.disk.data.keys().all();
    expect(left.filter((key) => key.includes('session/gone'))).toEqual(['h!session/gone']);
    expect(await Promise.all(ends)).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
  });
});

describe('archiving and deleting', () => {
  test('an ended session can be archived, read and deleted; one that lives cannot', async () => {
    await using test = await started();
    const { client } = test;
    await client.sessions.create({ sessionId });
    await client.messages.send(message);
    expect(await codeOf(client.sessions.archive({ sessionId }))).toBe('INVALID_TRANSITION');
    expect(await codeOf(client.sessions.delete({ sessionId }))).toBe('INVALID_TRANSITION');
    await client.sessions.terminate({ sessionId });
    expect(await client.sessions.archive({ sessionId })).toMatchObject({ status: 'archived' });
    expect(await client.sessions.archive({ sessionId })).toMatchObject({ status: 'archived' });
    expect((await client.messages.list({ sessionId })).items.length).toBe(1);
    expect(await codeOf(client.messages.send(message))).toBe('SESSION_NOT_ACTIVE');
    expect(await client.sessions.delete({ sessionId })).toMatchObject({ status: 'deleted' });
    expect(await client.sessions.delete({ sessionId })).toMatchObject({ status: 'deleted' });
    expect(await codeOf(client.sessions.get({ sessionId }))).toBe('SESSION_NOT_FOUND');
  });
});

describe('resting', () => {
  test('a paused session takes no content until it is resumed', async () => {
    await using test = await started();
    const { client } = test;
    await client.sessions.create({ sessionId });
    expect(await client.sessions.pause({ sessionId })).toMatchObject({ status: 'paused' });
    const refused = await errorOf(client.messages.send(message));
    expect(refused).toMatchObject({
      code: 'SESSION_NOT_ACTIVE',
      details: { sessionId, status: 'paused', command: 'message.send' },
    });
    expect(await codeOf(client.sessions.wake({ sessionId }))).toBe('INVALID_TRANSITION');
    expect(await client.sessions.resume({ sessionId })).toMatchObject({ status: 'active' });
    expect(await codeOf(client.messages.send(message))).toBe('answered');
  });

  test('a hibernated session leaves memory, and the next command brings it back', async () => {
    await using test = await started();
    const { client } = test;
    await client.sessions.create({ sessionId });
    await client.messages.send(message);
    expect(await client.sessions.hibernate({ sessionId })).toMatchObject({ status: 'dormant' });
    await quiet();
    expect(test.system.activeSessions).toBe(0);
    expect((await client.messages.list({ sessionId })).items.length).toBe(1);
    expect(test.system.activeSessions).toBe(0);
    await client.messages.send(message);
    expect([test.system.activeSessions, await statusOf(test)]).toEqual([1, 'active']);
  });

  test('one that was paused before it was hibernated wakes paused', async () => {
    await using test = await started();
    const { client } = test;
    await client.sessions.create({ sessionId });
    await client.sessions.pause({ sessionId });
    await client.sessions.hibernate({ sessionId });
    expect(await codeOf(client.messages.send(message))).toBe('SESSION_NOT_ACTIVE');
    expect(await client.sessions.wake({ sessionId })).toMatchObject({ status: 'paused' });
    await client.sessions.hibernate({ sessionId });
    expect(await client.sessions.resume({ sessionId })).toMatchObject({ status: 'active' });
  });

  test('commands that are sent while it leaves memory find it again, in their order', async () => {
    await using test = await started();
    const { client } = test;
    await client.sessions.create({ sessionId });
    for (let turns = 0; turns < 25; turns++) {
      const rest = client.sessions.hibernate({ sessionId });
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const calls = [1, 2, 3].map((n) => client.messages.send({ ...message, content: `${turns}.${n}` }));
      if (turns % 2 === 0) await quiet(1);
      calls.push(client.messages.send({ ...message, content: `${turns}.4` }));
      await Promise.all([rest, ...calls]);
    }
    const sent = (await client.messages.list({ sessionId, limit: 1_000 })).items.map(
      ({ content }) => content,
    );
    const expected = Array.from({ length: 25 }, (_, turns) =>
      [1, 2, 3, 4].map((n) => `${turns}.${n}`),
    ).flat();
    expect(sent).toEqual(expected);
  });
});

test('changing what a session is changes what was named and nothing else', async () => {
  await using test = await started();
  const { client } = test;
  await client.sessions.create({ sessionId, name: 'a', metadata: { k: 1 }, config: { maxFiles: 5 } });
  await client.sessions.configure({ sessionId, agent: 'x', config: { idleAfterMs: null } });
  const { name, agent, metadata, config } = await client.sessions.get({ sessionId });
  expect({ name, agent, metadata }).toEqual({ name: 'a', agent: 'x', metadata: { k: 1 } });
  expect(config).toMatchObject({ maxFiles: 5, idleAfterMs: null });
  const { seq } = await client.sessions.configure({ sessionId });
  expect(seq).toBe(3);
});
