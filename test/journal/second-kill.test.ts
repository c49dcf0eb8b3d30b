// A kill within a write, and one within the opening that follows it.
import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoredJournal } from '../support/stored-journal.ts';

test('a log torn by a kill, and a kill of the opening behind it', async () => {
  const store = await StoredJournal.make();
  try {
    await store.write(3, 'session/a');
    await store.forgetClose();
    const log = (await readdir(store.path('store'))).filter((n) => n.endsWith('.log')).at(-1) ?? '';
    await appendFile(join(store.path('store'), log), Buffer.from([1, 2, 3, 4, 200, 0, 1, 9, 9]));
    const next = String(Number.parseInt(log, 10) + 2).padStart(6, '0');
    await writeFile(join(store.path('store'), `${next}.log`), '');
    const journal = await store.open({ repair: 'refuse' });
    expect(journal.opening.repaired).toBeUndefined();
    await journal.close();
  } finally {
    await store.remove();
  }
});
