// Erasures that are asked for again under their key: one that had nothing to do, and one of a session that is quarantined since.
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };
const key = { idempotencyKey: 'k' };
const message = { ...one, role: 'user', content: 'x' } as const;

/** A session with two messages, of which the first is erased. */
async function withErased(options = {}): Promise<{ test: TestSystem; seq: number; other: number }> {
  const test = await createTestSystem(options);
  await test.client.sessions.create(one);
  const { seq } = await test.client.messages.send(message);
  const { seq: other } = await test.client.messages.send(message);
  await test.client.messages.erase({ ...one, seq });
  return { test, seq, other };
}

const lives = ['at once', 'close', 'kill'] as const;

describe('an erasure with nothing to do', () => {
  for (const durability of ['fsync', 'os', 'none'] as const)
    for (const how of durability === 'none' ? lives.slice(0, 1) : lives)
      test(`is answered from its record when it is asked for again: ${durability}, ${how}`, async () => {
        const { test, seq, other } = await withErased({ durability });
        await using _ = test;
        const { erase, send } = test.client.messages;
        const first = await erase({ ...one, seq }, key);
        expect(first).toMatchObject({ seq: 5, erased: 0, durability });
        await send(message);
        await test.client.sessions.save(one);
        if (how !== 'at once') await test.restart(how);
        const { messages, sessions } = test.client;
        expect(await messages.erase({ ...one, seq }, key)).toEqual({ ...first, repeated: true });
        expect(await codeOf(messages.erase({ ...one, seq: other }, key))).toBe('IDEMPOTENCY_KEY_REUSED');
        expect(await codeOf(messages.send(message, key))).toBe('IDEMPOTENCY_KEY_REUSED');
        expect(await sessions.verify(one)).toMatchObject({ valid: true, events: 6 });
      });

  test('of a whole session is answered from its record too', async () => {
    const { test } = await withErased();
    await using _ = test;
    await test.client.sessions.erase(one);
    const first = await test.client.sessions.erase(one, key);
    expect(first).toMatchObject({ erased: 0 });
    await test.client.messages.send(message);
    expect(await test.client.sessions.erase(one, key)).toEqual({ ...first, repeated: true });
    expect((await test.client.sessions.get(one)).messages).toBe(3);
  });

  test('leaves agents at work, and is answered from its record all the same', async () => {
    const agents = { idler: ({ signal }: { signal: AbortSignal }) => until(signal) };
    const { test, seq, other } = await withErased({ agents });
    await using _ = test;
    const { agents: runs, messages } = test.client;
    await runs.start({ ...one, agent: 'idler' });
    const first = await messages.erase({ ...one, seq }, key);
    expect(first).toMatchObject({ erased: 0 });
    await messages.send(message);
    expect(await messages.erase({ ...one, seq }, key)).toEqual({ ...first, repeated: true });
    expect(await codeOf(messages.erase({ ...one, seq: other }, key))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await codeOf(messages.send(message, key))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await runs.list(one)).toMatchObject([{ status: 'running', incarnation: 1 }]);
  });

  test('whose answer did not become durable has not been given', async () => {
    const { test, seq } = await withErased();
    await using _ = test;
    const fatal = test.disk.writes + 1;
    test.disk.failWrites((write) => (write === fatal ? 'before' : undefined));
    expect(await codeOf(test.client.messages.erase({ ...one, seq }, key))).toBe('OUTCOME_UNKNOWN');
    await test.clock.advance(1_000);
    const again = await test.client.messages.erase({ ...one, seq }, key);
    expect(again).toMatchObject({ erased: 0 });
    expect(again).not.toHaveProperty('repeated');
  });
});

describe('a session that is quarantined', () => {
  test('answers an erasure that was done before from its record, and refuses all others', async () => {
    const failing = (): never => {
      throw new Error('no model');
    };
    const { test, seq, other } = await withErased({ agents: { failing } });
    await using _ = test;
    const { messages, sessions } = test.client;
    const first = await messages.erase({ ...one, seq: other }, key);
    await test.client.agents.start({ ...one, agent: 'failing' });
    for (let crashes = 0; crashes < 10; crashes++) {
      await quiet();
      await test.clock.advance(5_000);
    }
    expect(await sessions.get(one)).toMatchObject({ status: 'quarantined' });
    expect(await messages.erase({ ...one, seq: other }, key)).toEqual({ ...first, repeated: true });
    expect(await codeOf(messages.erase({ ...one, seq }, key))).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await codeOf(messages.erase({ ...one, seq: other }, { idempotencyKey: 'new' }))).toBe(
      'SESSION_QUARANTINED',
    );
    expect(await codeOf(messages.erase({ ...one, seq: other }))).toBe('SESSION_QUARANTINED');
  });
});

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
