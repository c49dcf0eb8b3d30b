// A close that comes while the store is being looked at ends, whatever is found.
import { expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import { commitNew } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { appendNext, failNext } from '../support/failing-journal.ts';
import { memoryJournal } from '../support/memory-journal.ts';

test('close() while an attempt finds the store gone', async () => {
  const store = memoryJournal();
  let release = (): void => {};
  let arrived = (): void => {};
  const here = new Promise<void>((r) => {
    arrived = r;
  });
  const place = {
    note: async () => {},
    look: () =>
      new Promise<HoldfastError>((r) => {
        arrived();
        release = () =>
          r(new HoldfastError('JOURNAL_GONE', { location: '/x', problem: 'its directory was deleted' }));
      }),
    probe: async () => {},
    free: async () => 1e9,
    releaseReserve: async () => false,
    makeReserve: async () => true,
  };
  const journal = await store.open({ place });
  const placed = { ...store, journal, head: await commitNew(journal, 2) };
  failNext(placed, 'before');
  await appendNext(placed);
  await here;
  const closing = journal.close();
  release();
  await expect(closing).resolves.toBeUndefined();
});
