// The feed goes on behind all that was witnessed of it: a place is given once, whatever was lost.
import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { commit, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { codeOf } from '../support/outcome.ts';
import { StoredJournal } from '../support/stored-journal.ts';

const [a, b] = ['session/a', 'session/b'];

test('a place in the feed that was lost is not given again: who has come further would pass over what stands there', async () => {
  const store = await StoredJournal.make();
  await store.write(3, a);
  await store.write(6, a);
  await rm(await store.file(/\.log$/));
  const journal = await store.open();
  expect(journal.opening.damaged).toMatchObject([{ stream: 'feed', seq: 2 }]);
  const end = journal.feedEnd();
  expect(end).toBe('2');
  await commit(journal, null, drafts(1, 2, b), { of: b });
  const [entry] = await journal.readAll(end);
  expect(entry?.events.map(({ stream }) => stream)).toEqual([b, b]);
  expect(await codeOf(journal.readAll(null))).toBe('JOURNAL_CORRUPT');
  await journal.close();
  await store.remove();
});

test.each(['closed', 'killed'])(
  'nor by a later opening, once what was lost is recorded, when it was %s before it wrote anything',
  async (how) => {
    const store = await StoredJournal.make();
    await store.write(3, a);
    await store.write(6, a);
    await rm(await store.file(/\.log$/));
    for (let opening = 0; opening < 3; opening++) {
      const journal = await store.open();
      expect(journal.opening.damaged.length).toBe(opening === 0 ? 1 : 0);
      await journal.settleFindings(async () => {});
      expect(journal.feedEnd()).toBe('2');
      await journal.close();
      if (how === 'killed') await store.forgetClose();
    }
    const journal = await store.open();
    const end = journal.feedEnd();
    await commit(journal, null, drafts(1, 2, b), { of: b });
    expect((await journal.readAll(end)).length).toBe(1);
    await journal.close();
    await store.remove();
  },
);
