// A restored store is what was backed up, under a higher epoch; it takes a place that is empty, or one that was backed up first.
import { mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreBackup } from 'holdfast';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { finishSwap, swapStores } from '../../src/journal/backup/restore-swap.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { commit, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type BackupScene, backupScene, contentOf, damage, fill } from '../support/backup-fixture.ts';
import { printDirectory } from '../support/directory-print.ts';
import { codeOf } from '../support/outcome.ts';

let scene: BackupScene;
let from = '';
let to = '';
beforeEach(async () => {
  scene = await backupScene();
  await fill(scene.journal, 3);
  from = join(scene.directory, (await scene.backUp()).backupId);
  to = join(scene.root, 'store');
});
afterEach(() => scene.end());

async function storeWith(streams: number): Promise<void> {
  const journal = await openLevelJournal(to);
  await fill(journal, streams);
  await journal.close();
}

const streamsAt = async (location: string): Promise<number> => {
  const journal = await openLevelJournal(location);
  const { heads } = await journal.list();
  await journal.close();
  return heads.length;
};

const beside = async (): Promise<readonly string[]> =>
  (await readdir(scene.root)).filter((name) => name !== 'backups').toSorted();

describe('a backup is restored', () => {
  test('to a place where nothing is, with every key and value, under a higher epoch', async () => {
    const report = await restoreBackup({ from, to });
    expect(report).toMatchObject({
      streams: 3,
      events: 15,
      from: { epoch: 1, feedPosition: 3, damaged: [] },
    });
    const journal = await openLevelJournal(to);
    expect(await contentOf(journal)).toEqual(await contentOf(scene.journal));
    expect(journal.epoch).toBeGreaterThan(report.epoch);
    expect(report.epoch).toBeGreaterThan(1);
    expect(journal.feedEnd()).toBe(scene.journal.feedEnd());
    const head = await journal.head('session/s0');
    await commit(journal, head?.version ?? null, drafts(6, 6, 'session/s0'), { of: 'session/s0' });
    await journal.close();
    expect(await beside()).toEqual(['store']);
  });

  test('to a directory that is empty', async () => {
    await mkdir(to);
    expect((await restoreBackup({ from, to })).streams).toBe(3);
    expect(await streamsAt(to)).toBe(3);
  });

  test('over a store only by force, and then with a backup of that store', async () => {
    await storeWith(7);
    const before = await printDirectory(to);
    expect(await codeOf(restoreBackup({ from, to }))).toBe('RESTORE_REFUSED');
    expect(await printDirectory(to)).toEqual(before);
    const { preRestoreBackup = '', streams } = await restoreBackup({ from, to, force: true });
    expect(streams).toBe(3);
    expect(await streamsAt(to)).toBe(3);
    expect(await beside()).toEqual(['store', 'store-backups']);
    const undone = join(scene.root, 'undone');
    expect((await restoreBackup({ from: preRestoreBackup, to: undone })).streams).toBe(7);
  });

  test('never into the backup itself, nor over what it is read from or what is kept of the old store', async () => {
    await storeWith(1);
    await symlink(from, join(scene.root, 'link'));
    const before = await printDirectory(scene.root);
    const refused = (options: object): Promise<string> =>
      codeOf(restoreBackup({ from, to, force: true, ...options }));
    expect(await refused({ to: join(from, 'inner') })).toBe('RESTORE_REFUSED');
    expect(await refused({ to: from })).toBe('RESTORE_REFUSED');
    expect(await refused({ to: join(scene.root, 'link', 'inner') })).toBe('RESTORE_REFUSED');
    expect(await refused({ to: scene.directory })).toBe('RESTORE_REFUSED');
    expect(await refused({ backupDirectory: join(to, 'kept') })).toBe('RESTORE_REFUSED');
    expect(await refused({ backupDirectory: join(from, 'kept') })).toBe('RESTORE_REFUSED');
    expect(await printDirectory(scene.root)).toEqual(before);
  });

  test('under an epoch above that of the store which it replaces', async () => {
    await storeWith(1);
    for (let opened = 0; opened < 5; opened++) await streamsAt(to);
    const { epoch } = await restoreBackup({ from, to, force: true });
    expect(epoch).toBeGreaterThan(6);
  });

  test('over a store that cannot be opened any more, which is kept', async () => {
    await storeWith(2);
    await rename(join(to, 'store'), join(to, 'lost'));
    const { keptAside = '', preRestoreBackup } = await restoreBackup({ from, to, force: true });
    expect(preRestoreBackup).toBeUndefined();
    expect(await readdir(keptAside)).toContain('lost');
    expect(await streamsAt(to)).toBe(3);
  });
});

describe('a restore that is refused changes nothing', () => {
  test('while the store is open', async () => {
    const open = await openLevelJournal(to);
    expect(await codeOf(restoreBackup({ from, to, force: true }))).toBe('JOURNAL_LOCKED');
    await open.close();
    expect(await streamsAt(to)).toBe(0);
    expect(await beside()).toEqual(['store']);
  });

  test('where files are that are not ours', async () => {
    await mkdir(to);
    await writeFile(join(to, 'letter.txt'), 'dear');
    const before = await printDirectory(to);
    expect(await codeOf(restoreBackup({ from, to }))).toBe('RESTORE_REFUSED');
    expect(await codeOf(restoreBackup({ from, to, force: true }))).toBe('JOURNAL_FOREIGN');
    expect(await printDirectory(to)).toEqual(before);
  });

  test('from a backup that is damaged, or is none', async () => {
    await storeWith(2);
    await damage(join(from, 'records-00001.bin.gz'), (bytes) => bytes.subarray(1));
    expect(await codeOf(restoreBackup({ from, to, force: true }))).toBe('BACKUP_DAMAGED');
    expect(await streamsAt(to)).toBe(2);
    const none = join(scene.root, 'none');
    await expect(restoreBackup({ from: none, to: join(scene.root, 'new') })).rejects.toMatchObject({
      code: 'BACKUP_NOT_FOUND',
      details: { backup: none },
    });
    expect(await beside()).toEqual(['store', 'store-backups']);
  });
});

describe('a restore that dies', () => {
  const staged = (): string => `${to}.restored-x`;
  const aside = (): string => `${to}.replaced-x`;
  const plan = { holdfast: 'restore', staged: 'store.restored-x', aside: 'store.replaced-x' };

  beforeEach(async () => {
    await storeWith(1);
    await restoreBackup({ from, to: staged() });
  });

  test('before it was certain has changed nothing', async () => {
    expect(await streamsAt(to)).toBe(1);
  });

  test.each<[string, () => Promise<void>]>([
    ['before the first rename', async () => {}],
    ['between the renames', () => rename(to, aside())],
    [
      'after both',
      async () => {
        await rename(to, aside());
        await rename(staged(), to);
      },
    ],
  ])('%s is finished by whoever opens the store', async (_, die) => {
    await writeFile(`${to}.restore.json`, JSON.stringify(plan));
    await die();
    expect(await streamsAt(to)).toBe(3);
    expect(await streamsAt(aside())).toBe(1);
    expect(await beside()).toEqual(['store', 'store.replaced-x']);
  });

  test('and is finished by two at once is finished once', async () => {
    await writeFile(`${to}.restore.json`, JSON.stringify(plan));
    await Promise.all([finishSwap(to), finishSwap(to), finishSwap(to)]);
    expect(await streamsAt(to)).toBe(3);
    expect(await streamsAt(aside())).toBe(1);
  });

  test('leaves no plan that renames anything else', async () => {
    await writeFile(`${to}.restore.json`, JSON.stringify({ ...plan, staged: '../store.x' }));
    expect(await codeOf(openLevelJournal(to))).toBe('BACKUP_FAILED');
  });

  test('not at all replaces one by the other', async () => {
    await swapStores(to, { staged: staged(), aside: aside() });
    expect(await streamsAt(to)).toBe(3);
  });
});
