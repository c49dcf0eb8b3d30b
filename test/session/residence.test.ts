// A session that leaves memory takes along all that is on its way to the disk: what stays to be read is what is durable.
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

test('a deadline that is still with the disk keeps its session in memory, so that nobody reads what was before', async () => {
  const session = { idleAfterMs: 1_000, dormantAfterMs: null };
  await using test = await createTestSystem({ passivateAfterMs: 2_000, session });
  const { client, disk, clock } = test;
  await client.sessions.create(one);
  const held = disk.holdWrites();
  await clock.advance(5_000);
  held.release();
  await quiet();
  await clock.advance(5_000);
  const { items } = await client.events.list(one);
  const last = items.at(-1);
  expect(last).toMatchObject({ type: 'session.statusChanged', data: { to: 'idle' } });
  expect(await client.sessions.get(one)).toMatchObject({ seq: last?.seq, updatedAt: last?.at });
  expect(test.system.activeSessions).toBe(0);
});

test('who hears of an event that was read back from the disk can read it', async () => {
  await using test = await createTestSystem();
  const { client, disk, clock } = test;
  await client.sessions.create(one);
  const seen: [number | undefined, number, number][] = [];
  await client.events.subscribe(one.sessionId, async ({ seq }) => {
    const { seq: read, messages } = await client.sessions.get(one);
    seen.push([seq, read, messages]);
  });
  const fatal = disk.writes + 1;
  disk.failWrites((write) => (write === fatal ? 'after' : undefined));
  await client.messages.send({ ...one, role: 'user', content: 'there?' }).catch(() => undefined);
  await clock.advance(1_000);
  await quiet();
  expect(seen).toEqual([[3, 3, 1]]);
});
