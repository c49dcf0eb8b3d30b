// A start on a full disk gives the reserve back, as an outage does.
import { writeFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { StoredJournal } from '../support/stored-journal.ts';

/** The reserve, while the disk is full as long as it is there. */
let reserve: string | undefined;
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const write = async (...args: Parameters<typeof real.writeFile>): Promise<void> => {
    const isFull = reserve !== undefined && (await real.stat(reserve).catch(() => undefined)) !== undefined;
    if (isFull && String(args[0]).includes('owner.json'))
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    return real.writeFile(...args);
  };
  return { ...real, writeFile: write };
});

test('opens out of the reserve', async () => {
  const store = await StoredJournal.make();
  await store.write(3, 'session/a');
  await writeFile(store.path('reserve'), 'x');
  reserve = store.path('reserve');
  const journal = await store.open();
  expect((await journal.head('session/a'))?.seq).toBe(3);
  await journal.close();
  await store.remove();
});
