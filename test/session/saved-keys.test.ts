// Saving and forgetting are writes too: under a key they happen once.
import { describe, expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

const message = { sessionId: 'a', role: 'user', content: 'hello' } as const;

describe('a key', () => {
  test('saves once, also after a restart, and keeps what was saved', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId: 'a' });
    await test.client.messages.send(message);
    const saved = await test.client.sessions.save({ sessionId: 'a' }, { idempotencyKey: 's' });
    await test.client.messages.send(message);
    await test.restart();
    const again = await test.client.sessions.save({ sessionId: 'a' }, { idempotencyKey: 's' });
    expect(again).toEqual({ ...saved, repeated: true });
    expect(await test.client.sessions.listSaved({})).toEqual([saved]);
  });

  test('forgets once, and is refused for another request', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId: 'a' });
    await test.client.sessions.save({ sessionId: 'a' }, { idempotencyKey: 's' });
    const forget = () => test.client.sessions.deleteSaved({ sessionId: 'a' }, { idempotencyKey: 'd' });
    expect(await forget()).toEqual({ sessionId: 'a' });
    expect(await forget()).toEqual({ sessionId: 'a', repeated: true });
    const other = test.client.sessions.deleteSaved({ sessionId: 'a' }, { idempotencyKey: 's' });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('restores once, also when the saved copy has been forgotten since', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId: 'a' });
    await test.client.sessions.save({ sessionId: 'a' });
    const restore = () => test.client.sessions.restore({ sessionId: 'a' }, { idempotencyKey: 'r' });
    const restored = await restore();
    await test.client.sessions.deleteSaved({ sessionId: 'a' });
    expect(await restore()).toEqual({ ...restored, repeated: true });
  });
});
