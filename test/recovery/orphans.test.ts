// What was begun and not finished when the process died is finished by the next: endings go on, starts that nobody finished end.
import { expect, test } from 'vitest';
import type { Version } from '../../src/journal/journal.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { createSystem } from '../../src/system.ts';
import { createTestSystem, faultyLevel, manualClock } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

test('a session that was ending when the process died goes on ending, and is counted', async () => {
  const agents = { deaf: () => new Promise<never>(() => {}) };
  await using test = await createTestSystem({ agents });
  await test.client.sessions.create(one);
  await test.client.agents.start({ ...one, agent: 'deaf' });
  void test.client.sessions.terminate(one).catch(() => undefined);
  await quiet();
  await test.restart('kill');
  const [boot] = (await test.client.recovery.boots({})).items;
  expect(boot?.sessions).toMatchObject({ adopted: 1, terminating: 1, orphaned: 0 });
  await test.clock.advance(60_000);
  await quiet();
  expect((await test.client.sessions.get(one)).status).toBe('terminated');
});

test('a start that was never finished is ended, once and for good', async () => {
  const disk = faultyLevel();
  const clock = manualClock();
  await using first = await createSystem({ store: disk.open, clock });
  await first.client.sessions.create(one);
  await first.client.sessions.save(one);
  await first.client.sessions.terminate(one);
  await first.client.sessions.restore(one);
  const { items } = await first.client.events.list({ ...one, limit: 1_000 });
  const restored = items.find(({ type }) => type === 'session.restored');
  await first.close();
  // As a version left it that wrote a restoration in two appends, and died between them.
  const journal = await LevelJournal.open({ open: disk.open, clock });
  const event = { stream: 'session/half', seq: 1, at: clock.now(), type: 'session.restored', typeVersion: 1 };
  const draft = {
    event: { ...event, data: restored?.data, meta: {} },
    payload: JSON.stringify(restored?.data),
  };
  const head = { status: 'initializing', dueAt: null, summary: {} };
  await journal.append('session/half', null as Version | null, [draft], { head });
  await journal.close();

  for (const orphaned of [1, 0]) {
    await using system = await createSystem({ store: disk.open, clock });
    await quiet();
    const [boot] = (await system.client.recovery.boots({})).items;
    expect(boot?.sessions.orphaned).toBe(orphaned);
    const half = await system.client.sessions.get({ sessionId: 'half' });
    expect(half).toMatchObject({ status: 'terminated', error: 'its start was never finished', seq: 3 });
  }
});
