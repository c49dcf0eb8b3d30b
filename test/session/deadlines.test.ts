// What sessions do by themselves: at its time while they are in memory, late after a restart, and never lost to a disk.
import { describe, expect, test } from 'vitest';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const sessionId = 's';
const config = { idleAfterMs: 1_000, dormantAfterMs: 5_000 };

/** The edges that became durable, with the time after the session was created. */
async function edgesOf({ client }: TestSystem, id = sessionId): Promise<string[]> {
  const { items } = await client.events.list({ sessionId: id });
  const created = items[0]?.at ?? 0;
  return items.flatMap(({ type, data, at }) =>
    type === 'session.statusChanged' ? [`${(data as { to: string }).to} at ${at - created}`] : [],
  );
}

const statusOf = async ({ client }: TestSystem): Promise<string> =>
  (await client.sessions.get({ sessionId })).status;

describe('a quiet session', () => {
  test('falls idle and dormant at its time, leaves memory, and none of it counts as activity', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId, config });
    const { lastActivityAt } = await test.client.sessions.get({ sessionId });
    await test.clock.advance(999);
    expect(await statusOf(test)).toBe('active');
    await test.clock.advance(1);
    expect(await edgesOf(test)).toEqual(['active at 0', 'idle at 1000']);
    await test.clock.advance(10_000);
    expect(await edgesOf(test)).toEqual(['active at 0', 'idle at 1000', 'dormant at 5000']);
    await quiet();
    expect(test.system.activeSessions).toBe(0);
    expect(await test.client.sessions.get({ sessionId })).toMatchObject({
      status: 'dormant',
      lastActivityAt,
    });
  });

  test('is kept awake by activity', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId, config });
    for (let i = 0; i < 5; i++) {
      await test.clock.advance(900);
      await test.client.messages.send({ sessionId, role: 'user', content: 'still here' });
    }
    expect(await edgesOf(test)).toEqual(['active at 0']);
    await test.clock.advance(1_000);
    expect(await statusOf(test)).toBe('idle');
  });

  test('shows its status at once after a restart, and records the edges with their own times when it is woken', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId, config });
    await test.restart();
    await test.clock.advance(3_000);
    expect(await statusOf(test)).toBe('idle');
    expect((await test.client.sessions.list({})).items).toMatchObject([{ status: 'idle' }]);
    expect(await edgesOf(test)).toEqual(['active at 0']);
    await test.clock.advance(7_000);
    expect((await test.client.sessions.list({})).items).toMatchObject([{ status: 'dormant' }]);
    await test.client.messages.send({ sessionId, role: 'user', content: 'wake up' });
    expect(await edgesOf(test)).toEqual([
      'active at 0',
      'idle at 1000',
      'dormant at 5000',
      'active at 10000',
    ]);
  });
});

describe('a session that is to end', () => {
  test.each([
    ['when it is old enough', { endAfterMs: 4_000 }],
    ['when it was quiet for long enough', { endAfterQuietMs: 4_000 }],
    ['at a date', { expiresAt: Date.UTC(2026, 0, 1, 0, 0, 4) }],
  ])('ends %s with the reason timeout', async (_, end) => {
    await using test = await createTestSystem();
    await test.client.sessions.create({
      sessionId,
      config: { idleAfterMs: null, dormantAfterMs: null, ...end },
    });
    await test.clock.advance(3_999);
    expect(await statusOf(test)).toBe('active');
    await test.clock.advance(1);
    expect(await test.client.sessions.get({ sessionId })).toMatchObject({
      status: 'terminated',
      reason: 'timeout',
    });
    expect(await edgesOf(test)).toEqual(['active at 0', 'terminating at 4000', 'terminated at 4000']);
  });

  test('ends although it sleeps, and without anybody asking for it', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId, config: { ...config, endAfterMs: 60_000 } });
    await test.client.sessions.hibernate({ sessionId });
    await quiet();
    expect(test.system.activeSessions).toBe(0);
    await test.clock.advance(60_000);
    expect(await statusOf(test)).toBe('terminated');
  });

  test('ends late when the process was not there in time, and without being asked', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId, config: { ...config, endAfterMs: 60_000 } });
    await test.close();
    await test.clock.advance(100_000);
    await test.restart();
    await test.clock.advance(0);
    expect(await edgesOf(test)).toEqual([
      ...['active at 0', 'idle at 1000', 'dormant at 5000'],
      ...['terminating at 100000', 'terminated at 100000'],
    ]);
  });

  test.each(['before', 'after'] as const)(
    'ends although the disk fails %s just that is written',
    async (fault) => {
      await using test = await createTestSystem();
      await test.client.sessions.create({ sessionId, config: { endAfterMs: 4_000 } });
      test.disk.failWrites(nthWrite(test.disk.writes + 1, fault));
      await test.clock.advance(4_000);
      await test.clock.advance(2_000);
      expect(await statusOf(test)).toBe('terminated');
      expect((await edgesOf(test)).length).toBe(3);
    },
  );

  test('ends although the journal was being reopened at its time', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId, config: { endAfterMs: 4_000 } });
    await test.client.sessions.create({ sessionId: 'other' });
    await test.clock.advance(3_990);
    test.disk.failWrites(nthWrite(test.disk.writes + 1, 'before'));
    test.disk.failOpens(3);
    await codeOf(test.client.messages.send({ sessionId: 'other', role: 'user', content: 'lost' }));
    await test.clock.advance(10_000);
    expect(await statusOf(test)).toBe('terminated');
  });

  test('ends as soon as it can be brought into memory, when that was not possible at its time', async () => {
    await using test = await createTestSystem();
    const { data } = test.disk;
    await test.client.sessions.create({ sessionId, config: { ...config, endAfterMs: 60_000 } });
    await test.restart();
    for (const key of await data.keys({ gte: 's!', lt: 's"' }).all()) await data.del(key);
    const record = 'e!session/s!000000001';
    const intact = (await data.get(record)) ?? '';
    await data.put(record, 'rot');
    await test.clock.advance(60_000);
    expect(test.telemetry.map(({ name }) => name)).toContain('session.wakeFailed');
    await data.put(record, intact);
    await test.clock.advance(2_000);
    expect(await statusOf(test)).toBe('terminated');
  });
});

test('a session that fell idle while a snapshot was rung early is rung again at its time', async () => {
  await using test = await createTestSystem();
  await test.client.sessions.create({ sessionId, config: { idleAfterMs: 1_000, dormantAfterMs: null } });
  for (let i = 0; i < 3; i++) {
    await test.clock.advance(600);
    await test.client.memory.set({ sessionId, key: 'k', value: i });
  }
  await test.clock.advance(999);
  expect(await statusOf(test)).toBe('active');
  await test.clock.advance(1);
  expect((await edgesOf(test)).at(-1)).toBe('idle at 2800');
});

test('3,000 sessions that are due at boot are ended at a bounded rate, while others are served', async () => {
  const count = 3_000;
  await using test = await createTestSystem();
  const { client } = test;
  const ids = Array.from({ length: count }, (_, i) => `s${i}`);
  for (let i = 0; i < count; i += 500)
    await Promise.all(
      ids
        .slice(i, i + 500)
        .map((id) => client.sessions.create({ sessionId: id, config: { endAfterMs: 60_000 } })),
    );
  await test.close();
  await test.clock.advance(120_000);
  await test.restart();
  const startedBefore = test.telemetry.length;
  await test.clock.advance(0);
  const woken = (): number =>
    test.telemetry.slice(startedBefore).filter(({ name }) => name === 'session.started').length;
  expect(woken()).toBe(100);
  await test.clock.advance(1_000);
  expect(woken()).toBeLessThanOrEqual(1_100);
  const { sessionId: fresh } = await test.client.sessions.create({});
  expect(await codeOf(test.client.messages.send({ sessionId: fresh, role: 'user', content: 'hi' }))).toBe(
    'answered',
  );
  for (let tenth = 0; tenth < 40; tenth++) {
    await test.clock.advance(100);
    await quiet(10);
  }
  const { items } = await test.client.sessions.list({ status: ['terminated'], limit: 1 });
  expect(items.length).toBe(1);
  expect((await test.client.sessions.list({})).total).toBe(1);
  expect(woken()).toBe(count + 1);
}, 60_000);
