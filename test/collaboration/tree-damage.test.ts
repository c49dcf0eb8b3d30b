// A session that nobody can read holds up none of its tree: it counts as one that has not ended until its condition is cleared.
import { expect, onTestFinished, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { Trees } from '../../src/collaboration/links/trees.ts';
import type { SessionStatus } from '../../src/domain/session/session-lifecycle.ts';
import type { StoredEvent } from '../../src/journal/journal.ts';
import { memoryJournal } from '../support/memory-journal.ts';

const damage = (sessionId: string): HoldfastError =>
  new HoldfastError('JOURNAL_CORRUPT', { stream: `session/${sessionId}`, seq: 1, problem: 'rot' });

/** Under `top` stands `a`, and under that `b` and `c`, which end with it. */
async function world() {
  const { clock, open } = memoryJournal();
  const journal = await open();
  const statuses = new Map<string, SessionStatus | 'damaged'>(
    ['top', 'a', 'b', 'c'].map((id) => [id, 'active']),
  );
  const asked: string[] = [];
  const trees = new Trees({
    ...{ journal, clock, mailboxSize: 10, telemetry: () => {}, tell: () => {} },
    session: async (sessionId) => {
      const status = statuses.get(sessionId) ?? 'deleted';
      if (status === 'damaged') throw damage(sessionId);
      return { status, durability: 'fsync', tree: undefined, parentSessionId: null };
    },
    invoke: async (operation, input) => {
      const { sessionId } = input as { readonly sessionId: string };
      asked.push(`${operation} ${sessionId}`);
      if (statuses.get(sessionId) === 'damaged') throw damage(sessionId);
      statuses.set(sessionId, 'terminated');
    },
  });
  onTestFinished(async () => {
    await trees.host.close();
    await journal.close();
  });
  const tree = { rootSessionId: 'top', link: 'terminate' } as const;
  for (const [child, parent] of [
    ['a', 'top'],
    ['b', 'a'],
    ['c', 'a'],
  ] as const)
    await trees.join(child, parent, tree);
  const happens = async (stream: string, type: string, data: unknown): Promise<void> =>
    trees.on({ stream, type, data, seq: 9, at: 0, typeVersion: 1, meta: {} } as StoredEvent)?.run();
  return {
    ...{ statuses, asked },
    ends: () => happens('session/a', 'session.statusChanged', { to: 'terminated', reason: 'requested' }),
    isCleared: (id: string) => happens(`condition/${id}`, 'condition.cleared', { condition: 'quarantined' }),
    /** Of those under `top`, why each has ended; null for one that has not. */
    known: async () => (await trees.find('top'))?.children.get('a')?.end?.reason ?? null,
  };
}

test('below one that ends it is asked to end, all others go on, and it is asked again once it is cleared', async () => {
  const { statuses, asked, ends, isCleared, known } = await world();
  statuses.set('a', 'terminated').set('b', 'damaged');
  await ends();
  expect(asked.sort()).toEqual(['sessions.terminate b', 'sessions.terminate c']);
  expect(await known()).toBe('requested');
  statuses.set('b', 'active');
  await isCleared('b');
  expect(statuses.get('b')).toBe('terminated');
});

test('that has ended itself has ended for those above and below once it is cleared', async () => {
  const { statuses, asked, ends, isCleared, known } = await world();
  statuses.set('a', 'damaged');
  await ends();
  expect([asked, await known()]).toEqual([[], null]);
  statuses.set('a', 'terminated');
  await isCleared('a');
  expect(asked.sort()).toEqual(['sessions.terminate b', 'sessions.terminate c']);
  expect(await known()).toBe('ended');
});

test('that goes on once it is cleared has not ended', async () => {
  const { statuses, asked, ends, isCleared, known } = await world();
  statuses.set('a', 'damaged');
  await ends();
  statuses.set('a', 'active');
  await isCleared('a');
  expect([asked, await known()]).toEqual([[], null]);
});
