// A member whose task is of a session that has ended is idle without having called anything: at once, behind a failure of the disk when it
// has healed, and behind the death of the process when the next one has begun.
import { expect, test } from 'vitest';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { quiet } from '../support/outcome.ts';

async function world(): Promise<TestSystem> {
  const system = await createTestSystem();
  const { sessions, roster, tasks } = system.client;
  for (const sessionId of ['desk', 'other', 'a', 'b']) await sessions.create({ sessionId });
  for (const [sessionId, of] of [
    ['a', 'desk'],
    ['b', 'other'],
  ] as const) {
    await roster.join({ sessionId, role: of });
    await tasks.create({ sessionId: of, taskId: 't', title: 'Write it', role: of });
    await roster.assign({ sessionId: of, taskId: 't' });
  }
  expect(await statusesOf(system)).toEqual({ a: 'busy', b: 'busy' });
  return system;
}

const statusesOf = async ({ client }: TestSystem): Promise<Record<string, string>> =>
  Object.fromEntries((await client.roster.list()).items.map(({ sessionId, status }) => [sessionId, status]));

const ends = [
  ['terminated', {}],
  ['deleted', { cleanup: true }],
] as const;

test.each(ends)('when the session is %s its member is idle, and nobody else', async (_, how) => {
  await using system = await world();
  await system.client.sessions.terminate({ sessionId: 'desk', ...how });
  await quiet(60);
  expect(await statusesOf(system)).toEqual({ a: 'idle', b: 'busy' });
});

test.each(ends)(
  'at whatever write the process dies as the session is %s, the next finds its member idle',
  async (_, how) => {
    let writes = Number.POSITIVE_INFINITY;
    for (let passed = 0; passed < writes; passed++) {
      await using system = await world();
      const { disk } = system;
      const before = disk.writes;
      if (!Number.isFinite(writes)) {
        await system.client.sessions.terminate({ sessionId: 'desk', ...how });
        await quiet(60);
        writes = disk.writes - before;
        continue;
      }
      const held = disk.holdWrites(passed);
      system.client.sessions.terminate({ sessionId: 'desk', ...how }).catch(() => undefined);
      await held.arrived;
      const restarting = system.restart('kill');
      held.release();
      await restarting;
      await system.client.sessions.terminate({ sessionId: 'desk', ...how });
      await quiet(60);
      expect(await statusesOf(system)).toEqual({ a: 'idle', b: 'busy' });
    }
    expect(writes).toBeGreaterThan(2);
  },
);

test('whichever write fails meanwhile keeps it busy no longer than until the next try', async () => {
  for (const nth of [1, 2, 3, 4])
    for (const fault of ['before', 'after'] as const) {
      await using system = await world();
      const { disk, clock, client } = system;
      disk.failWrites(nthWrite(disk.writes + nth, fault));
      await client.sessions.terminate({ sessionId: 'desk' }).catch(() => undefined);
      await clock.advance(10_000);
      await client.sessions.terminate({ sessionId: 'desk' });
      await clock.advance(10_000);
      await quiet(60);
      expect(await statusesOf(system)).toEqual({ a: 'idle', b: 'busy' });
    }
});
