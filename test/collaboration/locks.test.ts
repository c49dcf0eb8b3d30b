// Locks through the client: who gets what and when, what an old token is worth, who is interrupted, and what becomes of the locks of
// those who are gone.
import { describe, expect, test } from 'vitest';
import type { AgentContext } from '../../src/system.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet, watch } from '../support/outcome.ts';
import { quarantined } from '../support/quarantine.ts';

async function world(options: TestSystemOptions = {}, sessions = ['a', 'b', 'c']): Promise<TestSystem> {
  const system = await createTestSystem(options);
  for (const sessionId of sessions) await system.client.sessions.create({ sessionId });
  return system;
}

test('a lock is held by one: the next waits for it, and gets a greater token', async () => {
  await using system = await world();
  const { locks } = system.client;
  const first = await locks.acquire({ sessionId: 'a', name: 'the/file' });
  expect(first).toMatchObject({ outcome: 'granted', name: 'the/file', durability: 'fsync' });
  expect(first.until).toBe(system.clock.now() + 300_000);
  const second = locks.acquire({ sessionId: 'b', name: 'the/file' });
  await quiet();
  expect(await locks.get({ name: 'the/file' })).toMatchObject({
    holder: { sessionId: 'a', fencingToken: first.fencingToken },
    waiters: [{ sessionId: 'b' }],
  });
  await locks.release({ sessionId: 'a', name: 'the/file', fencingToken: first.fencingToken });
  const { fencingToken } = await second;
  expect(fencingToken).toBeGreaterThan(first.fencingToken);
  expect(await locks.check({ name: 'the/file', fencingToken })).toMatchObject({ sessionId: 'b' });
});

test('names that are no ordinary members are locks like any other', async () => {
  await using system = await world();
  const { locks } = system.client;
  for (const name of ['__proto__', 'constructor', '../x', '🙈']) {
    const { fencingToken } = await locks.acquire({ sessionId: 'a', name });
    expect(await codeOf(locks.acquire({ sessionId: 'b', name, waitMs: 0 }))).toBe('LOCK_HELD');
    await locks.release({ sessionId: 'a', name, fencingToken });
    expect(await locks.get({ name })).toEqual({ name, holder: null, waiters: [] });
  }
});

test('whoever does not want to wait is refused at once, and whoever does no longer than he said', async () => {
  await using system = await world();
  const { locks } = system.client;
  const { fencingToken, until } = await locks.acquire({ sessionId: 'a', name: 'x' });
  const refused = await errorOf(locks.acquire({ sessionId: 'b', name: 'x', waitMs: 0 }));
  expect(refused).toMatchObject({
    code: 'LOCK_HELD',
    details: { holder: 'a', token: fencingToken, until, strategy: 'queue_sequential' },
  });
  const late = watch(locks.acquire({ sessionId: 'b', name: 'x', waitMs: 500 }));
  await quiet();
  await system.clock.advance(499);
  expect(late.outcome).toBe('waiting');
  await system.clock.advance(1);
  await quiet();
  expect(late.outcome).toBe('LOCK_TIMEOUT');
});

test('whoever is aborted waits no more, and what came to him meanwhile is given back', async () => {
  await using system = await world();
  const { locks } = system.client;
  const { fencingToken } = await locks.acquire({ sessionId: 'a', name: 'x' });
  const abort = new AbortController();
  const call = locks.acquire({ sessionId: 'b', name: 'x' }, { signal: abort.signal });
  call.catch(() => undefined);
  await quiet();
  abort.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
  await quiet();
  expect((await locks.get({ name: 'x' })).waiters).toEqual([]);
  await locks.release({ sessionId: 'a', name: 'x', fencingToken });
  expect(await locks.get({ name: 'x' })).toMatchObject({ holder: null });
});

test('a token of before is worth nothing: to renew, to release, or to a resource that asks', async () => {
  await using system = await world();
  const { locks } = system.client;
  const first = await locks.acquire({ sessionId: 'a', name: 'x', ttlMs: 1_000 });
  await system.clock.advance(1_000);
  const second = await locks.acquire({ sessionId: 'b', name: 'x' });
  const old = { sessionId: 'a', name: 'x', fencingToken: first.fencingToken };
  const stale = await errorOf(locks.renew(old));
  expect(stale).toMatchObject({ code: 'LOCK_TOKEN_STALE', details: { current: second.fencingToken } });
  expect(await codeOf(locks.release(old))).toBe('LOCK_TOKEN_STALE');
  expect(await codeOf(locks.check(old as never))).toBe('INVALID_INPUT');
  expect(await codeOf(locks.check({ name: 'x', fencingToken: first.fencingToken }))).toBe('LOCK_TOKEN_STALE');
  // Nor is one of another session.
  expect(await codeOf(locks.release({ ...old, fencingToken: second.fencingToken }))).toBe('LOCK_TOKEN_STALE');
});

test('a lock is renewed for as long as it was taken, and whoever has it gets the same one again', async () => {
  await using system = await world();
  const { locks } = system.client;
  const { fencingToken } = await locks.acquire({ sessionId: 'a', name: 'x', ttlMs: 1_000 });
  await system.clock.advance(900);
  const renewed = await locks.renew({ sessionId: 'a', name: 'x', fencingToken });
  expect(renewed).toMatchObject({ fencingToken, until: system.clock.now() + 1_000, interrupted: false });
  const again = await locks.acquire({ sessionId: 'a', name: 'x', ttlMs: 5_000 });
  expect(again).toMatchObject({ outcome: 'held', fencingToken, until: system.clock.now() + 5_000 });
  // Two of one session exclude each other where they say who they are.
  const own = locks.acquire({ sessionId: 'a', owner: 'its agent', name: 'x', waitMs: 0 });
  expect(await codeOf(own)).toBe('LOCK_HELD');
});

test('a holder that may be interrupted is told so, and has its grace to give the lock up', async () => {
  await using system = await world();
  const { locks } = system.client;
  const { fencingToken } = await locks.acquire({ sessionId: 'a', name: 'x', interruptible: true });
  const notice = locks.notice({ sessionId: 'a', name: 'x', fencingToken });
  const urgent = locks.acquire({ sessionId: 'b', name: 'x', priority: 10 });
  expect(await notice).toEqual({ outcome: 'interrupted', until: system.clock.now() + 10_000 });
  const lost = locks.notice({ sessionId: 'b', name: 'x', fencingToken });
  expect(await lost).toEqual({ outcome: 'lost', until: null });
  await system.clock.advance(10_000);
  expect(await urgent).toMatchObject({ outcome: 'granted' });
  expect(system.telemetry.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['lock.interrupted', 'lock.expired']),
  );
  expect(await locks.stats()).toMatchObject({
    granted: 2,
    interrupted: 1,
    expired: 1,
    held: 1,
    averageWaitMs: 5_000,
  });
});

test('a wait that would be a deadlock is refused, with all who are in it', async () => {
  await using system = await world();
  const { locks } = system.client;
  await locks.acquire({ sessionId: 'a', name: 'x' });
  await locks.acquire({ sessionId: 'b', name: 'y' });
  const waiting = watch(locks.acquire({ sessionId: 'a', name: 'y' }));
  await quiet();
  const { code, details } = await errorOf(locks.acquire({ sessionId: 'b', name: 'x' }));
  expect([code, details.cycle]).toEqual([
    'DEADLOCK',
    [
      { sessionId: 'b', owner: null, name: 'x' },
      { sessionId: 'a', owner: null, name: 'y' },
    ],
  ]);
  expect(waiting.outcome).toBe('waiting');
  expect(await locks.stats()).toMatchObject({ deadlocks: 0, deadlocksRefused: 1 });
});

test.each([
  ['terminated', (system: TestSystem) => system.client.sessions.terminate({ sessionId: 'a' })],
  ['quarantined', (system: TestSystem) => quarantined(system, 'a')],
])('a session that is %s holds nothing any more, and waits for nothing', async (_, end) => {
  await using system = await world({ sessionRestarts: { maxRestarts: 1 } });
  const { locks } = system.client;
  await locks.acquire({ sessionId: 'a', name: 'x' });
  await locks.acquire({ sessionId: 'c', name: 'z' });
  const next = locks.acquire({ sessionId: 'b', name: 'x' });
  const its = watch(locks.acquire({ sessionId: 'a', name: 'z' }));
  await quiet();
  await end(system);
  expect(await next).toMatchObject({ outcome: 'granted' });
  await quiet();
  expect(its.outcome).toBe('LOCK_WAIT_ENDED');
  expect(await locks.held({ sessionId: 'a' })).toEqual([]);
  expect(await codeOf(locks.acquire({ sessionId: 'a', name: 'w' }))).toMatch(/^SESSION_/);
});

describe('after a kill', () => {
  test('a lock is held on, expires in its time, and tokens go on growing', async () => {
    await using system = await world();
    const first = await system.client.locks.acquire({ sessionId: 'a', name: 'x', ttlMs: 60_000 });
    await system.restart('kill');
    const held = await system.client.locks.get({ name: 'x' });
    expect(held.holder).toMatchObject({ sessionId: 'a', fencingToken: first.fencingToken });
    const next = system.client.locks.acquire({ sessionId: 'b', name: 'x', waitMs: 120_000 });
    await quiet();
    await system.clock.advance(60_000);
    expect((await next).fencingToken).toBeGreaterThan(first.fencingToken);
  });

  test('one whose time was over meanwhile is free, and whoever was waiting goes on waiting under its key', async () => {
    await using system = await world();
    await system.client.locks.acquire({ sessionId: 'a', name: 'x', ttlMs: 60_000 });
    const ask = () =>
      system.client.locks.acquire({ sessionId: 'b', name: 'x', waitMs: 90_000 }, { idempotencyKey: 'k' });
    ask().catch(() => undefined);
    await quiet();
    await system.restart('kill');
    const again = ask();
    await quiet();
    expect((await system.client.locks.get({ name: 'x' })).waiters).toHaveLength(1);
    await system.clock.advance(60_000);
    expect(await again).toMatchObject({ outcome: 'granted', repeated: true });
  });

  test('locks of sessions that are gone with the process are released', async () => {
    await using system = await world();
    await system.client.sessions.create({ sessionId: 'v', durability: 'none' });
    await system.client.locks.acquire({ sessionId: 'v', name: 'x' });
    await system.restart('kill');
    await quiet();
    expect((await system.client.locks.get({ name: 'x' })).holder).toBeNull();
  });
});

test('an operator takes a lock from whoever holds it; strategies are looked up and set', async () => {
  await using system = await world({ conflicts: { resource_lock: 'abort' } });
  const { locks } = system.client;
  const { fencingToken } = await locks.acquire({ sessionId: 'a', name: 'x' });
  expect(await errorOf(locks.acquire({ sessionId: 'b', name: 'x' }))).toMatchObject({
    code: 'LOCK_HELD',
    details: { strategy: 'abort', conflict: 'resource_lock' },
  });
  expect(await locks.strategy({ kind: 'resource_lock' })).toMatchObject({ strategy: 'abort' });
  const lost = locks.notice({ sessionId: 'a', name: 'x', fencingToken });
  expect(await locks.revoke({ name: 'x' })).toMatchObject({ revoked: true });
  expect(await lost).toMatchObject({ outcome: 'lost' });
  expect(await locks.revoke({ name: 'x' })).toMatchObject({ revoked: false });
  const wrong = createTestSystem({ conflicts: { resource_lock: 'merge' } as never });
  expect(await codeOf(wrong)).toBe('INVALID_CONFIG');
});

test('the list goes on behind its cursor', async () => {
  await using system = await world();
  const { locks } = system.client;
  for (const name of ['p', 'q', 'r']) await locks.acquire({ sessionId: 'a', name });
  const first = await locks.list({ limit: 2 });
  expect(first).toMatchObject({ total: 3, items: [{ name: 'p' }, { name: 'q' }] });
  const rest = await locks.list({ limit: 2, cursor: first.cursor ?? '' });
  expect(rest.items.map(({ name }) => name)).toEqual(['r']);
  expect(rest.cursor).toBeUndefined();
  expect(await codeOf(locks.list({ cursor: 'x' }))).toBe('INVALID_CURSOR');
});

test('an agent takes a lock by its session, and its wait ends with its incarnation', async () => {
  const seen: unknown[] = [];
  await using system = await world({
    agents: {
      worker: async ({ session }: AgentContext) => {
        const { fencingToken } = await session.locks.acquire({ name: 'x' });
        seen.push(fencingToken, (await session.locks.held())[0]?.holder?.sessionId);
        await session.locks.release({ name: 'x', fencingToken });
      },
    },
  });
  const { client } = system;
  const { fencingToken } = await client.locks.acquire({ sessionId: 'b', name: 'x' });
  const { runId } = await client.agents.start({ sessionId: 'a', agent: 'worker' });
  await quiet();
  await client.locks.release({ sessionId: 'b', name: 'x', fencingToken });
  await client.agents.wait({ sessionId: 'a', runId });
  expect(seen).toEqual([expect.any(Number), 'a']);
  expect(Number(seen[0])).toBeGreaterThan(fencingToken);
});
