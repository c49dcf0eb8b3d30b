// A close on a disk that takes no marker: the next opening is unclean, and there is one.
import { mkdir, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { StoredJournal } from '../support/stored-journal.ts';

test('a close whose marker cannot be written gives the directory back', async () => {
  const store = await StoredJournal.make();
  try {
    await store.write(3, 'session/a');
    const journal = await store.open();
    await mkdir(store.path('HOLDFAST.json.draft'));
    await journal.close();
    await rm(store.path('HOLDFAST.json.draft'), { recursive: true });
    const again = await store.open();
    expect(again.opening.lost).toEqual([]);
    await again.close();
  } finally {
    await store.remove();
  }
});
