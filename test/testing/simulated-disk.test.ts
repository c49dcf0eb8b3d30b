// The simulated disk keeps and loses what LevelDB and the operating system keep and lose, and fails as it is told.
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/journal/level-store.ts';
import { synced } from '../../src/journal/stream-writer.ts';
import { type DiskFault, DiskImage, type DiskPoint, simulatedDisk } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const keysOf = (image: DiskImage): string[] => [...image.entries().keys()].sort();
const failing = (fault: DiskFault, operation = 'put') => {
  let done = false;
  return (point: DiskPoint): DiskFault | undefined => {
    if (done || point.operation !== operation) return undefined;
    done = true;
    return fault;
  };
};
const settled = async (promise: Promise<unknown>): Promise<string> => {
  let state = 'waits for ever';
  promise.then(
    () => (state = 'answered'),
    (error: Error) => (state = error.message),
  );
  await quiet(10);
  return state;
};
const write = (db: Store, key: string, options: object = {}): Promise<void> => db.put(key, 'value', options);

describe('an image', () => {
  test('keeps after a kill all that was written, and after a loss of power what was synced and the first of the rest', async () => {
    const disk = simulatedDisk();
    const db = await disk.open();
    await write(db, 'a', synced);
    await write(db, 'b');
    await write(db, 'c');
    const { image } = disk;
    expect(image.unsynced).toBe(2);
    expect(keysOf(image)).toEqual(['a', 'b', 'c']);
    expect([0, 1, 2].map((kept) => keysOf(image.afterPowerLoss(kept)).join(''))).toEqual(['a', 'ab', 'abc']);
  });

  test('makes durable with a sync what stands in the same log file, and not what is in an older one', () => {
    const empty = DiskImage.of([]);
    const one = (key: string) => [{ key, value: 'v' }];
    expect(empty.written(one('a'), false).written(one('b'), true).unsynced).toBe(0);
    const rotated = empty.written(one('a'), false).rotated().written(one('b'), true);
    expect(keysOf(rotated.afterPowerLoss(0))).toEqual(['b']);
    expect(rotated.synced().unsynced).toBe(0);
    expect(rotated.compacted().unsynced).toBe(0);
  });

  test('never changes, and a batch is there whole or not at all', async () => {
    const disk = simulatedDisk();
    const db = await disk.open();
    const before = disk.image;
    await db.batch([
      { type: 'put', key: 'a', value: '1' },
      { type: 'put', key: 'b', value: '2' },
    ]);
    expect(keysOf(before)).toEqual([]);
    expect(keysOf(disk.image.afterPowerLoss(0))).toEqual([]);
    expect(keysOf(disk.image.afterPowerLoss(1))).toEqual(['a', 'b']);
  });

  test('is durable once a process has opened it again', async () => {
    const disk = simulatedDisk();
    const db = await disk.open();
    await write(db, 'a');
    await db.close();
    expect(disk.image.unsynced).toBe(1);
    await disk.open();
    expect(disk.image.unsynced).toBe(0);
  });

  test('knows what a chained batch and a clear have done', async () => {
    const disk = simulatedDisk({
      image: DiskImage.of([
        ['x1', ''],
        ['x2', ''],
        ['y', ''],
      ]),
    });
    const db = await disk.open();
    await db.batch().put('z', 'v').del('y').write(synced);
    await db.clear({ gte: 'x1', lt: 'x2' });
    expect(keysOf(disk.image)).toEqual(['x2', 'z']);
    expect(disk.image.unsynced).toBe(1);
    expect([await db.get('z'), await db.getMany(['x1', 'x2']), await db.keys().all()]).toEqual([
      'v',
      [undefined, ''],
      ['x2', 'z'],
    ]);
  });
});

describe('a fault', () => {
  test.each<[DiskFault, string, string[]]>([
    ['crash-before', 'waits for ever', []],
    ['torn', 'waits for ever', []],
    ['crash-after', 'waits for ever', ['a']],
    ['error-before', 'Input/output error, nothing was written', []],
    ['error-after', 'Input/output error, the answer was lost', ['a']],
    ['full', 'No space left on device', []],
  ])('%s: the write %s', async (fault, answer, left) => {
    const disk = simulatedDisk({ plan: failing(fault) });
    const db = await disk.open();
    expect(await settled(write(db, 'a', synced))).toBe(answer);
    expect(keysOf(disk.image)).toEqual(left);
    expect(disk.crashedAt?.operation).toBe(answer === 'waits for ever' ? 'put' : undefined);
  });

  test('that ends the process ends all of it: nothing is answered any more', async () => {
    const disk = simulatedDisk({ plan: failing('crash-after') });
    const db = await disk.open();
    void write(db, 'a');
    await quiet(2);
    expect(await settled(write(db, 'b'))).toBe('waits for ever');
    expect(await settled(db.get('a'))).toBe('waits for ever');
    expect(keysOf(disk.image)).toEqual(['a']);
  });

  test.each<DiskFault>(['error-before', 'full'])(
    '%s of a write: the handle takes no writes until it is opened anew, and reads on',
    async (fault) => {
      const disk = simulatedDisk({ image: DiskImage.of([['x', 'v']]), plan: failing(fault) });
      const db = await disk.open();
      await settled(write(db, 'a'));
      expect(await settled(write(db, 'b'))).not.toBe('answered');
      expect(await db.get('x')).toBe('v');
      await db.close();
      const reopened = fault === 'full' ? await disk.open().catch(() => disk.open()) : await disk.open();
      expect(await settled(write(reopened, 'b'))).toBe('answered');
    },
  );

  test('full: the next opening finds no room either', async () => {
    const disk = simulatedDisk({ plan: failing('full') });
    const db = await disk.open();
    await settled(write(db, 'a'));
    await db.close();
    await expect(disk.open()).rejects.toThrow('No space left');
    expect((await disk.open()).status).toBe('open');
  });

  test.each(['get', 'getMany', 'iterator', 'batch', 'del', 'clear', 'close', 'open'] as const)(
    'meets %s too',
    async (operation) => {
      const disk = simulatedDisk({ plan: failing('error-before', operation) });
      const calls = {
        open: async () => undefined,
        get: (db: Store) => db.get('a'),
        getMany: (db: Store) => db.getMany(['a']),
        iterator: (db: Store) => db.iterator().all(),
        batch: (db: Store) => db.batch().put('a', 'b').write(),
        del: (db: Store) => db.del('a'),
        clear: (db: Store) => db.clear(),
        close: (db: Store) => db.close(),
      };
      const call = async (): Promise<unknown> => calls[operation](await disk.open());
      await expect(call()).rejects.toThrow();
    },
  );

  test('meets a read that is answered at once', async () => {
    const disk = simulatedDisk({ plan: failing('error-before', 'get') });
    const db = await disk.open();
    expect(() => db.getSync('a')).toThrow('Input/output error');
    expect(db.getSync('a')).toBeUndefined();
  });
});

test('one handle at a time', async () => {
  const disk = simulatedDisk();
  const db = await disk.open();
  await expect(disk.open()).rejects.toThrow('open already');
  await db.close();
  expect((await disk.open()).status).toBe('open');
});

test('a seed chooses the order in which operations under way are carried out, the same each time', async () => {
  const orderOf = async (seed: number): Promise<string> => {
    const disk = simulatedDisk({ seed });
    const db = await disk.open();
    const answered: string[] = [];
    const keys = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(keys.map((key) => write(db, key).then(() => answered.push(key))));
    return answered.join('');
  };
  const orders = await Promise.all([1, 2, 3, 4, 5, 6].map(orderOf));
  expect(new Set(orders).size).toBeGreaterThan(2);
  expect(await Promise.all([1, 2, 3, 4, 5, 6].map(orderOf))).toEqual(orders);
});

test('it is watched just before and after each operation', async () => {
  const seen: string[] = [];
  const disk = simulatedDisk({
    observe: (moment, { number, operation, synced: isSynced }, image) =>
      seen.push(`${number} ${operation}${isSynced ? ' synced' : ''} ${moment}: ${keysOf(image)}`),
  });
  const db = await disk.open();
  await write(db, 'a', synced);
  await disk.open.syncWritten?.();
  expect(seen).toEqual([
    '1 open before: ',
    '1 open after: ',
    '2 put synced before: ',
    '2 put synced after: a',
    '3 syncWritten synced before: a',
    '3 syncWritten synced after: a',
  ]);
  expect(disk.points).toBe(3);
});
