// What could not be looked at for want of the process is not said to be damaged.
import { expect, test, vi } from 'vitest';
import { StoredJournal } from '../support/stored-journal.ts';

let failures = 0;
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const readdir = (...args: unknown[]): unknown => {
    const isPreflight = String(args[0]).endsWith('/store') && new Error().stack?.includes('preflight');
    if (!isPreflight || failures-- <= 0) return Reflect.apply(real.readdir, real, args);
    return Promise.reject(Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }));
  };
  return { ...real, readdir };
});

test('too many open files while the database is looked at', async () => {
  const store = await StoredJournal.make();
  await store.write(3, 'session/a');
  await store.forgetClose();
  failures = 1;
  await expect(store.open()).rejects.toMatchObject({ code: 'JOURNAL_OPEN_FAILED' });
  const journal = await store.open();
  expect(journal.opening.repaired).toBeUndefined();
  await journal.close();
  await store.remove();
});
