// What a close writes down of the logs is on the disk, also what was cleared without a sync.
import { readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { commit, drafts, snapshotAt } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { StoredJournal } from '../support/stored-journal.ts';

const calls: string[] = [];
vi.mock('../../src/journal/store/log-files.ts', async (original) => {
  const real = await original<typeof import('../../src/journal/store/log-files.ts')>();
  return {
    ...real,
    syncLogs: (database: string) => {
      calls.push('sync');
      return real.syncLogs(database);
    },
    logLengths: (database: string) => {
      calls.push('lengths');
      return real.logLengths(database);
    },
  };
});

test('the logs are synced before their lengths are taken', async () => {
  const store = await StoredJournal.make();
  const of = 'session/a';
  const journal = await store.open();
  const head = await commit(journal, null, drafts(1, 5, of), { of });
  await journal.putSnapshot(of, snapshotAt(head, 5));
  await journal.trim(of, 3);
  await journal.close();
  expect(JSON.parse(await readFile(store.path('HOLDFAST.json'), 'utf8'))).toHaveProperty('closed');
  expect(calls).toEqual(['sync', 'lengths']);
  await store.remove();
});
