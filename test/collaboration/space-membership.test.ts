// Who takes part in which space outlives the process: a session that was deleted while nobody listened leaves at the next start,
// and what could not be written is tried again.
import { expect, onTestFinished, test } from 'vitest';
import { SpaceMembership } from '../../src/collaboration/spaces/space-membership.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import type { StoredEvent } from '../../src/journal/journal.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { quiet } from '../support/outcome.ts';

async function world() {
  const memory = memoryJournal();
  const journal = await memory.open();
  onTestFinished(() => journal.close());
  const pubsub = new LocalPubSub<Announcement>(() => {});
  const left: string[] = [];
  const failures = { left: 0 };
  const membership = (): SpaceMembership =>
    new SpaceMembership({
      ...{ journal, pubsub, topic: 'sessions', clock: memory.clock },
      telemetry: (name, data = {}) => void memory.reports.push({ name, data }),
      leave: async (spaceId, sessionId, isOwner) => {
        if (failures.left-- > 0) throw new Error('the disk is away');
        left.push(`${sessionId} ${isOwner ? 'takes' : 'leaves'} ${spaceId}`);
      },
    });
  const isDeleted = (sessionId: string): void => {
    const stream = `session/${sessionId}`;
    const data = { from: 'archived', to: 'deleted', reason: 'r', cause: 'c' };
    const type = 'session.statusChanged';
    const event: StoredEvent = {
      ...{ stream, seq: 9, at: 0, type, typeVersion: 1, data },
      meta: { incarnation: 1 },
    };
    pubsub.publish('sessions', { durable: [event] });
  };
  return { ...memory, journal, membership, left, failures, isDeleted };
}

test('a session that is gone when the process starts leaves what it took part in, once', async () => {
  const { membership, left, journal } = await world();
  const before = membership();
  await before.note('gone', 'plan', 'member');
  await before.note('gone', 'own', 'owner');
  before.close();
  const after = membership();
  await after.begin();
  await quiet();
  expect(left).toEqual(['gone takes own', 'gone leaves plan']);
  expect(await journal.kv.keys('spaces/')).toEqual([]);
  await membership().begin();
  await quiet();
  expect(left.length).toBe(2);
});

test('what fails is told, and tried again until the session has left', async () => {
  const { membership, left, failures, isDeleted, clock, reports } = await world();
  const listening = membership();
  await listening.note('s', 'plan', 'member');
  failures.left = 2;
  isDeleted('s');
  await quiet();
  expect([left, reports.map(({ name }) => name)]).toEqual([[], ['space.leaveFailed']]);
  await clock.advance(5_000);
  await quiet();
  await clock.advance(5_000);
  await quiet();
  expect(left).toEqual(['s leaves plan']);
});

test('whose deletion is not told to it any more, once it is closed, stays for the next', async () => {
  const { membership, left, isDeleted, clock } = await world();
  const first = membership();
  await first.note('s', 'plan', 'member');
  first.close();
  isDeleted('s');
  await clock.advance(60_000);
  expect([left, clock.pending]).toEqual([[], 0]);
});
