// A store in memory that was written and closed, so that a test can damage what lies on its disk.
import type { FaultyLevel } from '../../src/testing/faulty-level.ts';
import { commit, drafts, snapshotAt } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from './memory-journal.ts';

export const stream = 'session/alpha';
export const healthy = 'session/healthy';

/** A store with two streams of five events, two snapshots, a receipt and a small value, closed. */
export async function writtenStore(): Promise<MemoryJournal> {
  const store = memoryJournal();
  const journal = await store.open();
  for (const of of [stream, healthy]) {
    const receipts = [{ key: 'key', value: `of ${of}` }];
    const first = await commit(journal, null, drafts(1, 2, of), { of, receipts });
    const last = await commit(journal, first.version, drafts(3, 5, of), { of });
    await journal.putSnapshot(of, snapshotAt(first, 2));
    await journal.putSnapshot(of, snapshotAt(last, 5));
  }
  await journal.kv.batch([{ key: 'small', value: { n: 1 } }]);
  await journal.close();
  return store;
}

export async function valueAt(data: FaultyLevel['data'], key: string): Promise<string> {
  const value = await data.get(key);
  if (value === undefined) throw new Error(`${key} is not there`);
  return value;
}
