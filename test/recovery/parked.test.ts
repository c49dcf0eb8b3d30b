// Parked events: a replay leaves them out or takes them edited, every reader that folds agrees, and no record is touched.
import { expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

const one = { sessionId: 'one' };
const reason = 'it is wrong';

async function withMessages(test: TestSystem, ...contents: readonly string[]): Promise<number[]> {
  await test.client.sessions.create(one);
  const seqs: number[] = [];
  for (const content of contents)
    seqs.push((await test.client.messages.send({ ...one, role: 'user', content })).seq);
  return seqs;
}

async function contentsOf({ client }: TestSystem, at?: number): Promise<unknown[]> {
  const query = { ...one, ...(at !== undefined && { at }) };
  const oldest = (await client.messages.list(query)).items.map(({ content }) => content);
  const newest = (await client.messages.list({ ...query, newestFirst: true })).items;
  expect(newest.map(({ content }) => content).reverse()).toEqual(oldest);
  return oldest;
}

test('a skipped message is in no state and on no list, stays as it was recorded, and comes back', async () => {
  await using test = await createTestSystem();
  const { client } = test;
  const [a = 0, b = 0] = await withMessages(test, 'a', 'b', 'c');
  const before = await client.events.list(one);
  const verified = await client.sessions.verify(one);
  expect(await client.recovery.park({ ...one, seq: b, action: 'skip', reason })).toEqual({
    ...{ sessionId: 'one', event: b, parked: [b] },
  });
  expect(await contentsOf(test)).toEqual(['a', 'c']);
  expect(await contentsOf(test, b)).toEqual(['a']);
  expect(await client.sessions.get(one)).toMatchObject({ status: 'active', messages: 2 });
  expect(await codeOf(client.messages.get({ ...one, seq: b }))).toBe('MESSAGE_NOT_FOUND');
  expect(await client.recovery.parked(one)).toMatchObject({
    blocked: false,
    events: [{ seq: b, action: 'skip', by: null, reason }],
  });
  await client.messages.send({ ...one, role: 'user', content: 'd' });
  for (const how of ['close', 'kill'] as const) {
    await test.restart(how);
    expect(await contentsOf(test)).toEqual(['a', 'c', 'd']);
    expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true, problems: [] });
  }
  const own = (await test.client.events.list(one)).items.filter(({ type }) => type.startsWith('message'));
  expect(own.slice(0, 3)).toEqual(before.items.filter(({ type }) => type.startsWith('message')));
  expect((await test.client.sessions.verify(one)).chain).not.toBe(verified.chain);
  await test.client.recovery.unpark({ ...one, seq: b });
  expect(await contentsOf(test)).toEqual(['a', 'b', 'c', 'd']);
  expect(await test.client.recovery.parked(one)).toMatchObject({ events: [] });
  expect(await codeOf(test.client.recovery.unpark({ ...one, seq: a }))).toBe('NOT_PARKED');
  await test.restart('kill');
  expect(await contentsOf(test)).toEqual(['a', 'b', 'c', 'd']);
});

test('an edited message is shown edited, its event as it was recorded, and an edit must be of its kind', async () => {
  await using test = await createTestSystem();
  const { client } = test;
  const [a = 0] = await withMessages(test, 'a', 'b');
  const recorded = (await client.events.list(one)).items.find(({ seq }) => seq === a);
  const data = { ...(recorded?.data as object), content: 'A' } as Record<string, unknown>;
  const edit = { ...one, seq: a, action: 'edit', reason } as const;
  expect(await codeOf(client.recovery.park(edit))).toBe('INVALID_INPUT');
  expect(await codeOf(client.recovery.park({ ...edit, data: { content: 'A' } }))).toBe('INVALID_INPUT');
  expect(await codeOf(client.recovery.park({ ...edit, data: { ...data, more: 1 } }))).toBe('INVALID_INPUT');
  await client.recovery.park({ ...edit, data });
  expect(await contentsOf(test)).toEqual(['A', 'b']);
  expect(await client.messages.get({ ...one, seq: a })).toMatchObject({ content: 'A' });
  expect((await client.events.list(one)).items.find(({ seq }) => seq === a)).toEqual(recorded);
  const built = JSON.stringify(await client.sessions.buildContext(one));
  expect(built).toContain('"A"');
  expect(built).not.toContain('"a"');
});

test.each<[string, object, string]>([
  ['a role that there is not', { role: 'alien' }, 'data.role'],
  ['a count below zero', { entry: -7 }, 'data.entry'],
  ['a part of a count', { size: 1.5 }, 'data.size'],
  ['a time that it took below zero', { processingMs: -1 }, 'data.processingMs'],
])('an edit to %s is refused with its place, and nothing is parked', async (_, change, field) => {
  await using test = await createTestSystem();
  const { client } = test;
  await client.sessions.create(one);
  const { seq } = await client.messages.send({ ...one, role: 'user', content: 'a', processingMs: 5 });
  const recorded = (await client.events.list(one)).items.find((event) => event.seq === seq);
  const data = { ...(recorded?.data as object), ...change } as Record<string, unknown>;
  const refused = client.recovery.park({ ...one, seq, action: 'edit', reason, data });
  await expect(refused).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { field } });
  expect(await client.recovery.parked(one)).toMatchObject({ events: [] });
  expect(await contentsOf(test)).toEqual(['a']);
});

test('what operations bring along may be edited within what they take', async () => {
  await using test = await createTestSystem({ agents: { agent: async () => null } });
  const { client } = test;
  await client.sessions.create({ ...one, name: 'desk', metadata: { deep: 1 } });
  await client.files.add({ ...one, path: 'a.ts' });
  await client.memory.set({ ...one, key: 'k', value: -1 });
  await client.agents.start({ ...one, agent: 'agent', input: { n: -1 } });
  const { items } = await client.events.list(one);
  const types = ['session.created', 'file.added', 'memory.updated', 'agent.started'];
  for (const { type, seq, data } of items) {
    if (!types.includes(type) || seq === undefined) continue;
    await client.recovery.park({
      ...one,
      seq,
      action: 'edit',
      reason,
      data: data as Record<string, unknown>,
    });
  }
  expect((await client.recovery.parked(one)).events).toHaveLength(types.length);
});

test('what would leave later events without what they need is refused, and nothing is parked', async () => {
  await using test = await createTestSystem();
  const { client } = test;
  await withMessages(test, 'a');
  expect(await codeOf(client.recovery.park({ ...one, seq: 1, action: 'skip', reason }))).toBe(
    'PARKING_FAILED',
  );
  const error = await client.recovery.park({ ...one, seq: 1, action: 'skip', reason }).catch((e) => e);
  expect(error.details).toMatchObject({ sessionId: 'one', event: 1, seq: 2 });
  expect(await client.recovery.parked(one)).toMatchObject({ events: [], blocked: false });
  expect(await contentsOf(test)).toEqual(['a']);
  const beyond = { ...one, seq: 1_000, action: 'skip', reason } as const;
  expect(await codeOf(client.recovery.park(beyond))).toBe('EVENT_NOT_FOUND');
});

test('a repeated call has the answer of the first', async () => {
  await using test = await createTestSystem();
  const [a = 0] = await withMessages(test, 'a', 'b');
  const park = { ...one, seq: a, action: 'skip', reason } as const;
  const key = { idempotencyKey: 'once' };
  const first = await test.client.recovery.park(park, key);
  expect(await test.client.recovery.park(park, key)).toEqual({ ...first, repeated: true });
  await test.client.recovery.unpark({ ...one, seq: a });
  const heard: unknown[] = [];
  const types = ['event.parked', 'event.unparked'] as const;
  for await (const event of test.client.events.stream({ ...one, types })) {
    heard.push([event.type, (event.data as { seq: number }).seq]);
    if (heard.length === 2) break;
  }
  expect(heard).toEqual([
    ['event.parked', a],
    ['event.unparked', a],
  ]);
});

test('snapshots of another replay are passed over, and those before the first parked event are of use', async () => {
  await using test = await createTestSystem();
  const contents = Array.from({ length: 250 }, (_, i) => `message ${i}`);
  const seqs = await withMessages(test, ...contents);
  const late = seqs[240] ?? 0;
  await test.restart('close');
  await test.client.recovery.park({ ...one, seq: late, action: 'skip', reason });
  const without = contents.filter((_, i) => i !== 240);
  const read = async () =>
    (await test.client.messages.list({ ...one, limit: 1000 })).items.map(({ content }) => content);
  expect(await read()).toEqual(without);
  expect(await test.client.sessions.get(one)).toMatchObject({ messages: 249 });
  const more = Array.from({ length: 30 }, (_, i) => `more ${i}`);
  for (const content of more) await test.client.messages.send({ ...one, role: 'user', content });
  await test.restart('close');
  expect(await read()).toEqual([...without, ...more]);
  expect(await test.client.sessions.get(one)).toMatchObject({ messages: 279 });
  expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true });
  await test.client.recovery.unpark({ ...one, seq: late });
  expect(await read()).toEqual([...contents, ...more]);
  await test.restart('kill');
  expect(await test.client.sessions.get(one)).toMatchObject({ messages: 280 });
  expect(await test.client.sessions.verify(one)).toMatchObject({ valid: true });
});

test('nothing of a deleted session is parked any more', async () => {
  await using test = await createTestSystem();
  const [a = 0] = await withMessages(test, 'a');
  await test.client.recovery.park({ ...one, seq: a, action: 'skip', reason });
  await test.client.sessions.save(one);
  await test.client.sessions.terminate(one);
  await test.client.sessions.delete(one);
  await test.clock.advance(60_000);
  await test.client.sessions.restore(one);
  expect(await contentsOf(test)).toEqual([]);
  expect(await test.client.recovery.parked(one)).toMatchObject({ events: [] });
  await test.restart();
  expect(await test.client.recovery.parked(one)).toMatchObject({ events: [] });
});
