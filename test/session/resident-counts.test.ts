// What is counted of the sessions without actors agrees with a simple model of them, whatever is asked in whatever order.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { LruModel } from '../support/lru-model.ts';
import { quiet } from '../support/outcome.ts';

/** All sessions are about equally large. */
const metadata = { large: 'x'.repeat(50_000) };
const passivateAfterMs = 1_000;
const places = 3;
const residentBytes = places * 110_000;

const stored = ['s0', 's1', 's2', 's3', 's4'];

async function withSessions(model: LruModel): Promise<TestSystem> {
  const test = await createTestSystem({ passivateAfterMs, residentBytes });
  for (const sessionId of stored) await createOne(test, model, sessionId);
  return test;
}

async function createOne({ client, clock }: TestSystem, model: LruModel, sessionId: string): Promise<void> {
  await client.sessions.create({ sessionId, metadata });
  await clock.advance(2 * passivateAfterMs);
  model.keep(sessionId);
}

async function wakeOne(
  { client, clock }: TestSystem,
  model: LruModel,
  sessionId: string,
  reads: boolean,
): Promise<void> {
  await client.memory.set({ sessionId, key: 'k', value: 1 });
  if (reads) await client.sessions.get({ sessionId });
  await clock.advance(2 * passivateAfterMs);
  model.wake(sessionId);
  model.keep(sessionId);
}

const access = fc.record({
  kind: fc.constantFrom('read', 'wake', 'wakeAndRead', 'readUnknown', 'create'),
  sessionId: fc.constantFrom(...stored),
});

test('hits, misses and evictions are those of a model, whatever is read, woken and created', async () => {
  const body = async (accesses: readonly { kind: string; sessionId: string }[]): Promise<void> => {
    const model = new LruModel(places);
    await using test = await withSessions(model);
    const { client, clock, telemetry } = test;
    for (const [index, { kind, sessionId }] of accesses.entries()) {
      if (kind === 'create') await createOne(test, model, `new${index}`);
      else if (kind === 'readUnknown') await client.sessions.get({ sessionId: 'nobody' }).catch(() => {});
      else if (kind === 'read') {
        await client.sessions.get({ sessionId });
        model.read(sessionId);
      } else await wakeOne(test, model, sessionId, kind === 'wakeAndRead');
    }
    const { bytes, limitBytes, since, ...counts } = await client.storage.cache();
    expect(counts).toEqual(model.counts);
    expect(bytes).toBeGreaterThan(places * 100_000);
    expect(bytes).toBeLessThanOrEqual(limitBytes);
    expect(since).toBeLessThan(clock.now());
    const evicted = telemetry.filter(({ name }) => name === 'session.evicted');
    expect(evicted.map(({ data }) => data.sessionId)).toEqual(model.evicted);
  };
  await fc.assert(fc.asyncProperty(fc.array(access, { maxLength: 25, size: 'max' }), body), { numRuns: 12 });
});

test('a state that is larger than all that may be kept is an eviction, and its session a miss each time', async () => {
  await using test = await createTestSystem({ passivateAfterMs, residentBytes: 20_000 });
  const { client, clock } = test;
  await client.sessions.create({ sessionId: 's', metadata });
  await clock.advance(2 * passivateAfterMs);
  await client.sessions.get({ sessionId: 's' });
  await client.sessions.get({ sessionId: 's' });
  const counts = { sessions: 0, bytes: 0, hits: 0, misses: 2, hitRate: 0, evictions: 1 };
  expect(await client.storage.cache()).toMatchObject(counts);
});

test('a session that a crash has started again counts as neither, and a failed manager begins anew', async () => {
  await using test = await createTestSystem({ passivateAfterMs });
  const { client, clock } = test;
  await client.sessions.create({ sessionId: 's' });
  test.crash('s');
  await clock.advance(500);
  await client.sessions.get({ sessionId: 's' });
  expect(await client.storage.cache()).toMatchObject({ hits: 0, misses: 0, hitRate: null });
  await clock.advance(60_000);
  await client.sessions.get({ sessionId: 's' });
  const before = await client.storage.cache();
  expect(before).toMatchObject({ sessions: 1, hits: 1, misses: 0, hitRate: 1 });
  test.crashManager();
  await clock.advance(5_000);
  await quiet();
  const after = await client.storage.cache();
  expect(after).toMatchObject({ sessions: 0, bytes: 0, hits: 0 });
  expect(after.since).toBeGreaterThan(before.since);
});
