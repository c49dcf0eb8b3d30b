// What clients see of projections beside the list: counts, conditions shown over the status, and the operations that look
// after the read models themselves.
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

async function started(): Promise<TestSystem> {
  const test = await createTestSystem({ passivateAfterMs: null });
  const { sessions } = test.client;
  for (const [sessionId, agent] of [
    ['s1', 'a'],
    ['s2', 'a'],
    ['s3', 'b'],
    ['s4', 'b'],
  ] as const)
    await sessions.create({ sessionId, agent, ...(sessionId !== 's1' && { parentSessionId: 's1' }) });
  return test;
}

async function quarantine(test: TestSystem, sessionId: string): Promise<void> {
  for (let i = 0; i < 11; i++) {
    await quiet();
    test.crash(sessionId);
    await test.clock.advance(10_000);
  }
}

describe('counts', () => {
  test('are of what is shown now, written or not, and of an agent or a parent alone', async () => {
    await using test = await started();
    const { client, clock } = test;
    await client.sessions.pause({ sessionId: 's2' });
    await client.sessions.terminate({ sessionId: 's3' });
    await clock.advance(300_000);
    const { byStatus, open, total } = await client.sessions.count();
    expect(byStatus).toEqual({
      ...{ initializing: 0, active: 0, idle: 2, paused: 1, dormant: 0 },
      ...{ terminating: 0, terminated: 1, archived: 0, recovering: 0, quarantined: 0 },
    });
    expect([open, total]).toEqual([3, 4]);
    expect(await client.sessions.count({ agent: 'b' })).toMatchObject({ open: 1, total: 2 });
    expect(await client.sessions.count({ agent: 'b', parentSessionId: 's1' })).toMatchObject({ total: 2 });
    expect(await client.sessions.count({ agent: 'a', parentSessionId: 's1' })).toMatchObject({ total: 1 });
    expect(await client.sessions.count({ agent: 'nobody' })).toMatchObject({ total: 0 });
    await clock.advance(7_200_000);
    expect((await client.sessions.count()).byStatus).toMatchObject({ idle: 0, dormant: 2, paused: 1 });
  });

  test('and totals agree with the pages', async () => {
    await using test = await started();
    for (const query of [{ agent: 'a' }, { parentSessionId: 's1' }, { status: ['active'] }] as const) {
      const { items, total } = await test.client.sessions.list({ ...query, status: ['active'] });
      expect(total).toBe(items.length);
    }
    const both = { agent: 'b', parentSessionId: 's1' };
    const { items, total } = await test.client.sessions.list(both);
    expect([items.map(({ sessionId }) => sessionId), total]).toEqual([['s4', 's3'], undefined]);
  });
});

test('a quarantined session stands under that and under no other status, as long as it is', async () => {
  await using test = await started();
  const { client } = test;
  await client.sessions.configure({ sessionId: 's1', config: { idleAfterMs: null, dormantAfterMs: null } });
  const ids = async (status?: readonly ('active' | 'idle' | 'quarantined')[]) =>
    (await client.sessions.list(status === undefined ? {} : { status: [...status] })).items
      .map(({ sessionId }) => sessionId)
      .sort();
  expect(await ids(['quarantined'])).toEqual([]);
  await quarantine(test, 's1');
  expect(await ids(['quarantined'])).toEqual(['s1']);
  expect(await ids(['active', 'idle'])).toEqual(['s2', 's3', 's4']);
  expect(await ids()).toEqual(['s1', 's2', 's3', 's4']);
  expect((await client.sessions.list({ status: ['quarantined'] })).items[0]?.status).toBe('quarantined');
  expect((await client.sessions.count()).byStatus).toMatchObject({ quarantined: 1 });
  await test.restart();
  expect((await test.client.sessions.list({ status: ['quarantined'] })).items.length).toBe(1);
  await test.client.sessions.retry({ sessionId: 's1' });
  expect((await test.client.sessions.list({ status: ['quarantined'] })).items).toEqual([]);
  expect((await test.client.sessions.get({ sessionId: 's1' })).status).toBe('active');
});

describe('projections', () => {
  test('tell how they stand', async () => {
    await using test = await started();
    await test.client.sessions.count();
    const [info] = await test.client.projections.list();
    expect(info).toEqual({
      ...{ name: 'sessions', version: 1, rows: 4, incomplete: 0 },
      ...{ position: expect.any(String), lag: 0, loading: false, rebuilding: false },
    });
    await test.client.sessions.create({ sessionId: 's5' });
    // Nothing waits for a projection but what is asked of it.
    await test.client.sessions.count();
    const [later] = await test.client.projections.list();
    expect(later?.position).not.toBe(info?.position);
  });

  test('are rebuilt by name and show the same; a key that was used rebuilds nothing', async () => {
    await using test = await started();
    const { client } = test;
    await client.sessions.terminate({ sessionId: 's3', cleanup: true });
    const all = { sort: 'updatedAt', status: ['active', 'terminated'] } as const;
    const shown = () => client.sessions.list({ ...all, status: [...all.status] });
    const before = await shown();
    const answer = await client.projections.rebuild({ name: 'sessions' }, { idempotencyKey: 'k' });
    expect(answer).toMatchObject({ name: 'sessions', rows: 3, incomplete: 0, rebuilding: false });
    expect(await shown()).toEqual(before);
    await client.sessions.create({ sessionId: 's6' });
    const again = await client.projections.rebuild({ name: 'sessions' }, { idempotencyKey: 'k' });
    expect(again).toEqual({ ...answer, repeated: true });
    expect(await codeOf(client.projections.rebuild({ name: 'other' }, { idempotencyKey: 'k' }))).toBe(
      'IDEMPOTENCY_KEY_REUSED',
    );
    expect(await codeOf(client.projections.rebuild({ name: 'other' }))).toBe('PROJECTION_NOT_FOUND');
  });
});
