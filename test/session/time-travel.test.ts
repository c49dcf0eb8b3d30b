// What a session showed once it shows again for the seq of then: whatever became of it, and whoever is in memory.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf } from '../support/outcome.ts';
import { one, said, say, withPast } from '../support/past-sessions.ts';

/** All that is shown of a session, now or as it was. */
async function shown(client: Client, at?: number): Promise<unknown> {
  const past = { ...one, ...(at !== undefined && { at }) };
  const keys = await client.memory.keys(past);
  const newest = await client.messages.list({ ...past, newestFirst: true, limit: 2 });
  const { metadata, ...built } = await client.sessions.buildContext({ ...past, maxMessages: 50 });
  return {
    session: await client.sessions.get(past),
    messages: await client.messages.list(past),
    newest: newest.items,
    entries: await client.sessions.entries(past),
    files: await client.files.list(past),
    index: await client.files.listIndex(past),
    memory: await Promise.all(keys.map((key) => client.memory.get({ ...past, key }))),
    context: [built, { ...metadata, timestamp: null }],
  };
}

type Move = (client: Client, n: number) => Promise<unknown>;

const moves: Readonly<Record<string, Move>> = {
  message: (client, n) => client.messages.send({ ...one, role: n % 3 ? 'user' : 'system', content: `m${n}` }),
  pin: async (client) => {
    const { items } = await client.messages.list({ ...one, limit: 1 });
    return client.messages.pin({ ...one, seq: items[0]?.seq ?? 1 });
  },
  clear: (client) => client.messages.clear(one),
  file: (client, n) => client.files.add({ ...one, path: `f${n % 3}.ts`, metadata: { n } }),
  remove: (client, n) => client.files.remove({ ...one, path: `f${n % 3}.ts` }),
  set: (client, n) => client.memory.set({ ...one, key: `k${n % 3}`, value: n }),
  configure: (client, n) =>
    client.sessions.configure({ ...one, name: `n${n}`, config: { messageWindow: 1 + (n % 4) } }),
  pause: (client) => client.sessions.pause(one),
  resume: (client) => client.sessions.resume(one),
  hibernate: (client) => client.sessions.hibernate(one),
  checkpoint: (client) => client.checkpoints.create(one),
  rollback: async (client, n) => {
    const { seq } = await client.sessions.get(one);
    return client.sessions.rollback({ ...one, seq: 2 + (n % (seq - 1)) });
  },
  save: (client) => client.sessions.save(one),
  restore: (client) => client.sessions.restore(one),
};

test('property: every version shows later, for its seq, what was shown when it was the newest', async () => {
  const walk = fc.array(fc.tuple(fc.constantFrom(...Object.keys(moves)), fc.nat(30)), {
    minLength: 5,
    maxLength: 25,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(walk, fc.boolean(), async (steps, isRestarted) => {
      await using test = await createTestSystem({ passivateAfterMs: null });
      await test.client.sessions.create({ ...one, config: { checkpointEveryEvents: 4, checkpointsKept: 3 } });
      const seen = new Map<number, unknown>();
      for (const [move, n] of steps) {
        await test.clock.advance(1_000);
        await moves[move]?.(test.client, n).catch(() => undefined);
        const { seq } = await test.client.sessions.get(one);
        if (!seen.has(seq)) seen.set(seq, await shown(test.client));
      }
      if (isRestarted) await test.restart();
      for (const [seq, then] of seen) expect(await shown(test.client, seq), `at ${seq}`).toEqual(then);
      expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true, problems: [] });
    }),
    { numRuns: 12 },
  );
});

test('a message is there from its own seq on, and a key is not before it was set', async () => {
  await using test = await withPast();
  const { client } = test;
  expect(await said(test, 3)).toEqual(['first']);
  expect(await client.messages.get({ ...one, seq: 4, at: 4 })).toMatchObject({ content: 'second' });
  expect(await codeOf(client.messages.get({ ...one, seq: 4, at: 3 }))).toBe('MESSAGE_NOT_FOUND');
  expect(await codeOf(client.memory.get({ ...one, key: 'goal', at: 5 }))).toBe('KEY_NOT_FOUND');
  expect(await client.memory.get({ ...one, key: 'goal', at: 6 })).toMatchObject({ value: 'ship' });
});

test('looking back wakes nobody, and pages of one version are those of that version', async () => {
  await using test = await withPast();
  const { client } = test;
  await client.sessions.hibernate(one);
  const first = await client.messages.list({ ...one, at: 4, limit: 1 });
  expect(test.system.activeSessions).toBe(0);
  await say(test, 'third');
  const { cursor = '' } = first;
  const second = await client.messages.list({ ...one, at: 4, limit: 1, cursor });
  expect([...first.items, ...second.items].map(({ content }) => content)).toEqual(['first', 'second']);
  expect(second.cursor).toBeUndefined();
});

test('a version that is not yet, or is no more, is refused by its code', async () => {
  await using test = await withPast();
  const { client } = test;
  const { seq } = await client.sessions.get(one);
  expect(await codeOf(client.sessions.get({ ...one, at: seq + 1 }))).toBe('INVALID_INPUT');
  expect(await codeOf(client.sessions.get({ ...one, at: 0 }))).toBe('INVALID_INPUT');
  expect(await codeOf(client.sessions.get({ sessionId: 'none', at: 1 }))).toBe('SESSION_NOT_FOUND');
  await client.sessions.save(one);
  await client.sessions.terminate({ ...one, cleanup: true });
  expect(await codeOf(client.sessions.get({ ...one, at: 3 }))).toBe('SESSION_NOT_FOUND');
  await client.sessions.restore(one);
  expect(await codeOf(client.sessions.get({ ...one, at: 3 }))).toBe('HISTORY_TRIMMED');
  expect(await said(test)).toEqual(['first', 'second']);
});

test('whoever asks for a version that is not yet hears which operation and member that was, and which is the newest', async () => {
  await using test = await withPast();
  const { client } = test;
  const { seq } = await client.sessions.get(one);
  const past = { ...one, at: seq + 1 };
  await client.sessions.create({ sessionId: 'other' });
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    'sessions.get': () => client.sessions.get(past),
    'sessions.fork': () => client.sessions.fork(past),
    'sessions.merge': () =>
      client.sessions.merge({
        sessionId: 'other',
        fromSessionId: one.sessionId,
        at: seq + 1,
      }),
    'sessions.entries': () => client.sessions.entries(past),
    'sessions.buildContext': () => client.sessions.buildContext(past),
    'messages.list': () => client.messages.list(past),
    'messages.get': () => client.messages.get({ ...past, seq: 1 }),
    'files.list': () => client.files.list(past),
    'files.listIndex': () => client.files.listIndex(past),
    'memory.get': () => client.memory.get({ ...past, key: 'k' }),
    'memory.keys': () => client.memory.keys(past),
  };
  for (const [operation, call] of Object.entries(asked)) {
    const problem = `at: there is no version ${seq + 1}, the newest is ${seq}`;
    expect(await errorOf(call())).toMatchObject({
      code: 'INVALID_INPUT',
      details: { operation, field: 'at', problem },
    });
  }
});
