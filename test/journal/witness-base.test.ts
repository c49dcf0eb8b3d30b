// The base of a witness: what it may name, and how often it is tried.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Store } from '../../src/journal/level-store.ts';
import { Witness } from '../../src/journal/store/witness.ts';

/** Of each time at which the logs were synced, whether the base had its name already. */
const synced: boolean[] = [];
vi.mock('../../src/journal/store/log-files.ts', async (original) => ({
  ...(await original<object>()),
  syncLogs: async () => void synced.push(existsSync(join(root, 'witness/000002.base'))),
}));

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-'));
});

afterEach(() => rm(root, { recursive: true }));

test.each(['its tail', 'the base'])(
  'where %s cannot be written it is not tried again with every commit',
  async (what) => {
    const folder = join(root, 'witness');
    const failed: string[] = [];
    const witness = await Witness.open(
      {
        folder,
        database: root,
        telemetry: (name) => void failed.push(name),
        db: () => {
          throw new Error('a block is damaged');
        },
        mayRebase: () => true,
      },
      0,
      false,
    );
    if (what === 'its tail') await mkdir(join(folder, '000002.tail'));
    // Three times as much as a tail holds at least before it is due for a base.
    for (let i = 0; i < 192; i++) {
      witness.committed({ key: `f!${i}`, value: 'x'.repeat(64 * 1024) }, true);
      await witness.settle();
    }
    await witness.close();
    expect(failed.length).toBeLessThan(5);
  },
);

test('names no head that only the operating system has: the logs are synced before it gets its name', async () => {
  const [folder, database] = [join(root, 'witness'), join(root, 'store')];
  await mkdir(database);
  const db = new Level<string, string>(database) as unknown as Store;
  await db.open();
  const options = { folder, database, telemetry: () => {}, db: () => db, mayRebase: () => true };
  const witness = await Witness.open(options, 0, false);
  await witness.rebase();
  await witness.close();
  await db.close();
  expect(existsSync(join(folder, '000002.base'))).toBe(true);
  expect(synced).toEqual([false]);
});
