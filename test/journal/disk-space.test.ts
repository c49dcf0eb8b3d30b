// The disk under a store: the reserve that can be given back, the probe, the mark for new sessions, and whether it is still the
// same directory.
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DirectoryWatch } from '../../src/journal/store/directory-watch.ts';
import { DiskSpace } from '../../src/journal/store/disk-space.ts';
import { FreeSpace } from '../../src/journal/store/free-space.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';
import { errorOf } from '../support/outcome.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-space-'));
  await mkdir(join(root, 'store'));
  await writeFile(join(root, 'store', 'CURRENT'), 'MANIFEST-000001\n');
  await writeFile(join(root, 'store', '000003.log'), 'x'.repeat(70_000));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the reserve', () => {
  test('takes up real space, is given back once, and is made again', async () => {
    const space = new DiskSpace(root, join(root, 'store'), 2 * 1024 * 1024);
    expect(await space.makeReserve()).toBe(true);
    const { size, blocks } = await stat(join(root, 'reserve'));
    expect(size).toBe(2 * 1024 * 1024);
    expect(blocks * 512).toBeGreaterThanOrEqual(size);
    expect(await space.releaseReserve()).toBe(true);
    expect(await space.releaseReserve()).toBe(false);
    expect(await space.makeReserve()).toBe(true);
    expect((await readdir(root)).toSorted()).toEqual(['reserve', 'store']);
  });

  test('is not made where it would fill the disk', async () => {
    const space = new DiskSpace(root, join(root, 'store'), Number.MAX_SAFE_INTEGER / 4);
    expect(await space.makeReserve()).toBe(false);
    expect(await readdir(root)).toEqual(['store']);
  });
});

test('a probe leaves nothing behind, and says what the disk says', async () => {
  const space = new DiskSpace(root, join(root, 'store'), 0);
  await space.probe('full');
  await space.probe('io');
  expect(await readdir(root)).toEqual(['store']);
  const nowhere = new DiskSpace(join(root, 'none'), join(root, 'store'), 0);
  expect(await errorOf(nowhere.probe('io'))).toMatchObject({ code: 'ENOENT' });
  expect(await nowhere.free()).toBeUndefined();
});

describe('the mark for new sessions', () => {
  test('is strict, is looked at behind the calls, at most every two seconds, and heals with the next one', async () => {
    const clock = manualClock();
    let free: number | undefined = 1_000;
    let asked = 0;
    const ask = async (): Promise<number | undefined> => {
      asked += 1;
      return free;
    };
    const space = new FreeSpace(ask, clock, 1_000);
    await space.now();
    space.admit();
    expect(asked).toBe(1);
    free = 999;
    await clock.advance(2_000);
    // What is known is old: it is looked at behind this call.
    space.admit();
    await clock.advance(0);
    expect(() => space.admit()).toThrow(
      expect.objectContaining({ code: 'STORAGE_LOW', details: { freeBytes: 999, minFreeBytes: 1_000 } }),
    );
    free = 1_000;
    await clock.advance(2_000);
    expect(() => space.admit()).toThrow(expect.objectContaining({ code: 'STORAGE_LOW' }));
    await clock.advance(0);
    space.admit();
    expect(asked).toBe(3);
  });

  test('is none where it is 0, or where the system does not say what is free', async () => {
    const clock = manualClock();
    const unmarked = new FreeSpace(async () => 0, clock, 0);
    const unknown = new FreeSpace(async () => undefined, clock, 1_000);
    for (const space of [unmarked, unknown]) {
      await space.now();
      expect(() => space.admit()).not.toThrow();
    }
  });
});

describe('the directory', () => {
  async function noted(): Promise<DirectoryWatch> {
    const watch = new DirectoryWatch(root);
    await watch.note();
    expect(await watch.look()).toBeUndefined();
    return watch;
  }

  test.each<[string, () => Promise<unknown>, string]>([
    ['deleted', () => rm(root, { recursive: true }), 'its directory was deleted'],
    [
      'moved',
      () => rename(root, `${root}-moved`).then(() => rm(`${root}-moved`, { recursive: true })),
      'its directory was deleted',
    ],
    [
      'replaced',
      () => rename(join(root, 'store'), join(root, 'old')).then(() => mkdir(join(root, 'store'))),
      'store was replaced',
    ],
    ['emptied', () => rm(join(root, 'store', 'CURRENT')), 'store/CURRENT was deleted'],
    ['taken over', () => writeFile(join(root, 'owner.json'), '{"pid":1}'), 'the process 1 has taken it over'],
  ])('that was %s is gone', async (_, change, problem) => {
    const watch = await noted();
    await change();
    expect(await watch.look()).toMatchObject({
      code: 'JOURNAL_GONE',
      details: { problem: expect.stringContaining(problem) },
    });
  });

  test('that this process owns, and whose files only changed, is the same', async () => {
    const watch = await noted();
    await writeFile(join(root, 'owner.json'), JSON.stringify({ pid: process.pid }));
    await writeFile(join(root, 'store', '000007.ldb'), 'x');
    expect(await watch.look()).toBeUndefined();
  });
});
