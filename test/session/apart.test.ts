// Work on what is stored of a session leaves those that live in it as they were.
import { describe, expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };
const until = (signal: AbortSignal) => new Promise<void>((r) => signal.addEventListener('abort', () => r()));
const agents = { idler: ({ signal }: { signal: AbortSignal }) => until(signal) };

describe('work on a stored session', () => {
  for (const what of ['AGENTS_AT_WORK', 'MESSAGE_NOT_FOUND', 'NOT_ERASABLE', 'sessions'] as const)
    test(`a refused erasure leaves agents alone: ${what}`, async () => {
      await using t = await createTestSystem({ agents });
      await t.client.sessions.create(one);
      const { seq } = await t.client.messages.send({ ...one, role: 'user', content: 'x' });
      await t.client.agents.start({ ...one, agent: 'idler' });
      await quiet();
      expect(await t.client.agents.list(one)).toMatchObject([{ isRunning: true }]);
      if (what === 'sessions') expect(await codeOf(t.client.sessions.erase(one))).toBe('AGENTS_AT_WORK');
      else
        expect(
          await codeOf(
            t.client.messages.erase({
              ...one,
              seq: { AGENTS_AT_WORK: seq, MESSAGE_NOT_FOUND: 99, NOT_ERASABLE: 1 }[what],
            }),
          ),
        ).toBe(what);
      await quiet();
      expect(await t.client.agents.list(one)).toMatchObject([{ isRunning: true, incarnation: 1 }]);
    });

  test('an accepted recovery of a session that is at work: its agents go on', async () => {
    await using t = await createTestSystem({ agents });
    await t.client.sessions.create(one);
    await t.client.agents.start({ ...one, agent: 'idler' });
    await quiet();
    await t.client.recovery.recover({ ...one, completeness: 'partial', accept: true });
    await quiet();
    expect(await t.client.agents.list(one)).toMatchObject([{ isRunning: true }]);
  });

  test('a session that recovers when it is erased is well afterwards', async () => {
    await using t = await createTestSystem();
    await t.client.sessions.create(one);
    const { seq } = await t.client.messages.send({ ...one, role: 'user', content: 'x' });
    t.crash('s');
    const erased = t.client.messages.erase({ ...one, seq });
    await erased;
    await quiet();
    await t.client.messages.send({ ...one, role: 'user', content: 'y' });
    await quiet();
    expect((await t.client.sessions.get(one)).status).toBe('active');
  });
});
