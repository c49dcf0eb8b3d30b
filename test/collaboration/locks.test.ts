// Locks through the client: who gets what and when, what an old token is worth, who is interrupted, and what becomes of the locks of
// those who are gone.
import { expect, test } from 'vitest';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

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
