// Memories in a whole system: judged by command and when they are due, also late; bounded, found across sessions, and erased so
// that no snapshot and no restart brings them back.
import { afterEach, describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };
const minute = 60_000;
/** Ten different words: as good as a text can be. */
const telling = 'the customer prefers an aisle seat near front of plane';

let open: TestSystem | undefined;

async function started(options: TestSystemOptions = {}): Promise<TestSystem> {
  open = await createTestSystem({ passivateAfterMs: null, ...options });
  await open.client.sessions.create(one);
  return open;
}

afterEach(async () => {
  await open?.close();
  open = undefined;
});

const kept = async ({ client }: TestSystem, sessionId = 's') =>
  (await client.memories.list({ sessionId })).items.map(({ memoryId }) => memoryId);

describe('what is proposed', () => {
  test('waits with its confidence, and is promoted by command when it is important and sure enough', async () => {
    const test = await started();
    const { memories } = test.client;
    const { memoryId } = await memories.propose(
      { ...one, content: telling, kind: 'preference', importance: 0.9, tags: ['seat'], sources: [3] },
      { by: 'ann' },
    );
    const unsure = await memories.propose({ ...one, content: '', importance: 0.5 });
    const [first] = await memories.pending(one);
    const parts = { importance: 0.9, quality: 1, specificity: 1, recency: 1 };
    expect(first).toMatchObject({ memoryId, status: 'pending', confidence: 0.96, parts, promotedAt: null });
    expect(await memories.evaluate(one)).toMatchObject({ promoted: [memoryId, unsure.memoryId] });
    expect(await memories.get({ ...one, memoryId })).toMatchObject({
      ...{ status: 'kept', why: 'importance', kind: 'preference', tags: ['seat'], confidence: 0.96 },
      origin: { by: 'ann', runId: null, sources: [3] },
    });
  });

  test('is judged when it is due though nobody asks, also late and after a restart', async () => {
    const test = await started();
    const { memoryId } = await test.client.memories.propose({ ...one, content: telling, importance: 0.2 });
    const poor = await test.client.memories.propose({ ...one, content: '', importance: 0 });
    await test.restart('kill');
    await test.clock.advance(10 * minute);
    await quiet();
    expect(await test.client.memories.pending(one)).toEqual([]);
    expect(await kept(test)).toEqual([memoryId]);
    expect(await test.client.memories.get({ ...one, memoryId })).toMatchObject({ why: 'age' });
    expect(test.telemetry).toContainEqual(
      expect.objectContaining({
        name: 'memory.dropped',
        data: { ...one, memoryId: poor.memoryId, why: 'its confidence is too low' },
      }),
    );
  });

  test('pushes the least confident out of a full queue, once nothing in it can be promoted, and says so', async () => {
    const test = await started({ memories: { pending: 2 } });
    const { memories } = test.client;
    const [weak, strong] = [0.1, 0.4];
    const first = await memories.propose({ ...one, content: telling, importance: weak });
    await memories.propose({ ...one, content: telling, importance: strong });
    const third = await memories.propose({ ...one, content: telling, importance: 0.9 });
    expect(third).toMatchObject({ evicted: [first.memoryId], promoted: [] });
    expect(await memories.propose({ ...one, content: 'x' })).toMatchObject({
      evicted: [],
      promoted: [third.memoryId],
    });
    expect(await memories.stats(one)).toMatchObject({
      ...{ pending: 2, kept: 1, counts: { proposed: 4, promoted: 1, evicted: 1 } },
    });
  });
});

test('what is kept is bounded: the least confident goes, one that is shared last', async () => {
  const test = await started({ memories: { kept: 2 } });
  const { memories } = test.client;
  const ids: string[] = [];
  for (const importance of [0.5, 0.9, 0.7]) {
    const { memoryId } = await memories.propose({ ...one, content: telling, importance });
    const { forgotten } = await memories.promote({ ...one, memoryId });
    ids.push(memoryId);
    if (importance === 0.5) await memories.share({ ...one, memoryId, scope: 'app' });
    if (importance === 0.7) expect(forgotten).toEqual([ids[1]]);
  }
  expect(await kept(test)).toEqual([ids[2], ids[0]]);
});

test('shared memories are found from other sessions with where they come from, and not after they were unshared', async () => {
  const test = await started();
  const { memories, sessions } = test.client;
  await sessions.create({ sessionId: 't' });
  await sessions.create({ sessionId: 'u' });
  const { memoryId } = await memories.propose({ ...one, content: 'refunds need a manager' });
  expect(await codeOf(memories.share({ ...one, memoryId, scope: 'app' }))).toBe('MEMORY_STATUS');
  await memories.promote({ ...one, memoryId });
  await memories.share({ ...one, memoryId, scope: 'user', owner: 'ann' });
  const own = await memories.propose({ sessionId: 't', content: 'a refund was asked for' });
  await memories.promote({ sessionId: 't', memoryId: own.memoryId });
  await test.restart();
  const again = test.client.memories;
  const asked = { sessionId: 'u', scope: 'user', text: 'who may give refunds' } as const;
  expect(await again.search({ ...asked, owner: 'ann' })).toMatchObject({
    ...{ items: [{ ...one, memoryId, share: { scope: 'user', owner: 'ann' } }], total: 1, sessions: 1 },
  });
  expect(await again.search({ ...asked, owner: 'bob' })).toMatchObject({ items: [], sessions: 0 });
  expect(await codeOf(again.search(asked))).toBe('INVALID_INPUT');
  await again.unshare({ ...one, memoryId });
  expect((await again.search({ ...asked, owner: 'ann' })).items).toEqual([]);
});

describe('erasing', () => {
  test('one takes its content out of what is kept, of the journal and of every snapshot', async () => {
    const test = await started();
    const { memories } = test.client;
    const secret = await memories.propose({ ...one, content: 'the code is 4711', importance: 0.9 });
    const other = await memories.propose({ ...one, content: telling, importance: 0.9 });
    await memories.evaluate(one);
    await test.restart();
    const again = test.client.memories;
    const erased = { ...one, memoryId: secret.memoryId, reason: 'asked to' };
    const answer = await again.erase(erased, { idempotencyKey: 'k' });
    expect(answer).toMatchObject({ erased: 1, purged: true });
    expect(await again.erase(erased, { idempotencyKey: 'k' })).toMatchObject({ erased: 1, repeated: true });
    expect(await again.erase(erased)).toMatchObject({ erased: 0 });
    expect(await kept(test)).toEqual([other.memoryId]);
    expect(await again.stats(one)).toMatchObject({ counts: { proposed: 2, promoted: 2, erased: 1 } });
    await test.restart('kill');
    expect(await kept(test)).toEqual([other.memoryId]);
    expect(await codeOf(test.client.memories.get({ ...one, memoryId: secret.memoryId }))).toBe(
      'MEMORY_NOT_FOUND',
    );
  });

  test('also reaches what was rejected, and refuses what never was a memory', async () => {
    const { client } = await started();
    const { memoryId } = await client.memories.propose({ ...one, content: 'a secret' });
    await client.memories.reject({ ...one, memoryId });
    expect(await client.memories.erase({ ...one, memoryId })).toMatchObject({ erased: 1 });
    for (const no of ['m2', 'm99', 'x'])
      expect(await codeOf(client.memories.erase({ ...one, memoryId: no }))).toBe('MEMORY_NOT_FOUND');
  });

  test('a session erases all that it remembers, and deleting it removes the stream', async () => {
    const test = await started();
    const { client } = test;
    const { memoryId } = await client.memories.propose({ ...one, content: telling, importance: 0.9 });
    await client.memories.propose({ ...one, content: 'still waiting' });
    await client.memories.promote({ ...one, memoryId });
    await client.memories.share({ ...one, memoryId, scope: 'app' });
    await client.sessions.erase(one);
    expect(await client.memories.stats(one)).toMatchObject({ pending: 0, kept: 0 });
    expect(await client.memories.search({ ...one, scope: 'app' })).toMatchObject({ items: [] });
    const { memoryId: later } = await client.memories.propose({ ...one, content: telling });
    await client.sessions.terminate(one);
    await client.sessions.delete(one);
    await client.sessions.create({ sessionId: 'other' });
    expect(await client.memories.search({ sessionId: 'other', scope: 'app' })).toMatchObject({ sessions: 0 });
    expect(await codeOf(client.memories.get({ ...one, memoryId: later }))).toBe('SESSION_NOT_FOUND');
  });
});

test('a session that is not journaled has memories that are not either', async () => {
  const test = await started();
  const volatile = { sessionId: 'v' };
  await test.client.sessions.create({ ...volatile, durability: 'none' });
  const { memoryId, durability } = await test.client.memories.propose({ ...volatile, content: telling });
  expect(durability).toBe('none');
  expect(await test.client.memories.erase({ ...volatile, memoryId })).toMatchObject({ durability: 'none' });
  expect(await test.client.memories.pending(volatile)).toEqual([]);
  expect((await test.client.memories.propose({ ...volatile, content: telling })).durability).toBe('none');
});

test('what is no memory is refused: no content, too much of it, an importance beyond one', async () => {
  const { client } = await started();
  const { memories } = client;
  expect(await codeOf(memories.propose({ ...one } as never))).toMatch(/INVALID_INPUT|NOT_JSON/);
  expect(await codeOf(memories.propose({ ...one, content: 'x'.repeat(65_536) }))).toBe('TOO_LARGE');
  expect(await codeOf(memories.propose({ ...one, content: 'x', importance: 1.1 }))).toBe('INVALID_INPUT');
  expect(await codeOf(memories.list({ ...one, cursor: 'x' }))).toBe('INVALID_CURSOR');
  expect(await memories.stats(one)).toMatchObject({ counts: { proposed: 0 } });
});

test('a list goes on behind its cursor, newest first', async () => {
  const { client } = await started();
  for (let i = 0; i < 5; i++) {
    const { memoryId } = await client.memories.propose({ ...one, content: i, tags: i === 3 ? [] : ['t'] });
    await client.memories.promote({ ...one, memoryId });
  }
  const first = await client.memories.list({ ...one, tag: 't', limit: 2 });
  expect(first).toMatchObject({ total: 4, items: [{ content: 4 }, { content: 2 }] });
  const rest = await client.memories.list({ ...one, tag: 't', limit: 2, cursor: first.cursor });
  expect(rest.items.map(({ content }) => content)).toEqual([1, 0]);
  expect(rest).not.toHaveProperty('cursor');
});

test('a session that rests takes no proposals, and can forget', async () => {
  const { client } = await started();
  const { memoryId } = await client.memories.propose({ ...one, content: telling });
  await client.memories.promote({ ...one, memoryId });
  await client.sessions.pause(one);
  expect(await codeOf(client.memories.propose({ ...one, content: 'x' }))).toBe('SESSION_NOT_ACTIVE');
  expect(await client.memories.forget({ ...one, memoryId })).toMatchObject({ forgotten: [memoryId] });
  expect(await codeOf(client.memories.promote({ ...one, memoryId }))).toBe('SESSION_NOT_ACTIVE');
});

test('subscribers of the session hear of its memories', async () => {
  const { client } = await started();
  const heard: string[] = [];
  await client.events.subscribe('s', ({ type }) => void heard.push(type));
  const { memoryId } = await client.memories.propose({ ...one, content: telling });
  await client.memories.promote({ ...one, memoryId });
  await client.memories.forget({ ...one, memoryId });
  expect(heard).toEqual(['memory.proposed', 'memory.promoted', 'memory.forgotten']);
});

test('an agent remembers by its handle, and is named as the origin', async () => {
  const { client } = await started({
    agents: {
      learner: async ({ session }) => {
        const { memoryId } = await session.memories.propose({ content: telling, kind: 'fact' });
        await session.memories.promote({ memoryId });
        return memoryId;
      },
    },
  });
  const { runId } = await client.agents.start({ ...one, agent: 'learner' });
  const { result } = await client.agents.wait({ ...one, runId });
  expect(await client.memories.get({ ...one, memoryId: String(result) })).toMatchObject({
    ...{ why: 'request', origin: { runId } },
  });
});
