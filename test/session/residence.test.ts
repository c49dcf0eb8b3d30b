// A session that leaves memory takes along all that is on its way to the disk: what stays to be read is what is durable.
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf, quiet } from '../support/outcome.ts';

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

test('a session that had to leave with an event at the disk is read with it, once the disk has answered', async () => {
  await using test = await createTestSystem({ maxActiveSessions: 1, passivateAfterMs: null });
  const { client, disk, clock } = test;
  await client.sessions.create(one);
  const held = disk.holdWrites();
  const sending = client.messages.send({ ...one, role: 'user', content: 'slow' });
  await held.arrived;
  const other = client.sessions.create({ sessionId: 'other' });
  await quiet();
  await clock.advance(20_000);
  held.release();
  const { seq } = await sending;
  await other;
  expect(await client.sessions.get(one)).toMatchObject({ seq, messages: 1 });
});

test('what stays in memory is bounded by all that a session holds, its metadata too', async () => {
  await using test = await createTestSystem({ passivateAfterMs: 1, residentBytes: 1_000_000 });
  const metadata = { large: 'x'.repeat(200_000) };
  for (let i = 0; i < 5; i++) await test.client.sessions.create({ sessionId: `s${i}`, metadata });
  await test.clock.advance(1_000);
  expect([test.system.activeSessions, test.system.residentSessions]).toEqual([0, 2]);
  expect((await test.client.sessions.get({ sessionId: 's0' })).metadata).toEqual(metadata);
});

test('a session that is being read back after a failure leaves memory with what the disk has kept', async () => {
  await using test = await createTestSystem({ maxActiveSessions: 1, passivateAfterMs: null });
  const { client, disk } = test;
  await client.sessions.create(one);
  const fatal = disk.writes + 1;
  disk.failWrites((write) => (write === fatal ? 'after' : undefined));
  const lost = codeOf(client.messages.send({ ...one, role: 'user', content: 'is it there?' }));
  const other = codeOf(lost.then(() => client.sessions.create({ sessionId: 'other' })));
  expect(await lost).toBe('OUTCOME_UNKNOWN');
  await quiet();
  await test.clock.advance(1_000);
  expect(await other).toBe('answered');
  const { items } = await client.events.list(one);
  expect(items.length).toBe(3);
  expect(await client.sessions.get(one)).toMatchObject({ seq: 3, messages: 1 });
});
