// A restore takes the place of a store while somebody else tries to open it, at each step of the way: he gets the store that is
// there for good, or is refused; never the one that is about to go, and never a new one.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreBackup } from 'holdfast';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import { prepareDirectory } from '../../src/journal/store/store-directory.ts';
import { type BackupScene, backupScene, fill } from '../support/backup-fixture.ts';
import { codeOf } from '../support/outcome.ts';

/** Called before a rename. */
let renaming: ((from: string, to: string) => Promise<void>) | undefined;
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const rename = async (from: string, to: string): Promise<void> => {
    await renaming?.(from, to);
    return real.rename(from, to);
  };
  return { ...real, rename };
});

let scene: BackupScene;
let from = '';
let to = '';
beforeEach(async () => {
  scene = await backupScene();
  await fill(scene.journal, 3);
  from = join(scene.directory, (await scene.backUp()).backupId);
  to = join(scene.root, 'store');
});
afterEach(() => {
  renaming = undefined;
  return scene.end();
});

const storeWith = async (streams: number): Promise<void> => {
  const journal = await openLevelJournal(to);
  await fill(journal, streams);
  await journal.close();
};

/** How many streams somebody finds who opens the store, or with what he is refused. */
async function found(): Promise<number | string> {
  let streams = 0;
  const code = await codeOf(
    openLevelJournal(to).then(async (journal) => {
      streams = (await journal.list()).heads.length;
      await journal.close();
    }),
  );
  return code === 'answered' ? streams : code;
}

type Step = 'before it is certain' | 'before the first rename' | 'between the renames';

/** Has `look` done once, at the step. */
function once<T>(step: Step, look: () => Promise<T>): () => T | undefined {
  let seen: T | undefined;
  renaming = async (source, target) => {
    const isPlan = target === `${to}.restore.json`;
    const isFirst = source === to;
    const isSecond = target === to;
    const isStep = { 'before it is certain': isPlan, 'before the first rename': isFirst };
    if (!({ ...isStep, 'between the renames': isSecond }[step] ?? false)) return;
    renaming = undefined;
    seen = await look();
  };
  return () => seen;
}

const steps: readonly [Step, number | string][] = [
  ['before it is certain', 'JOURNAL_LOCKED'],
  ['before the first rename', 3],
  ['between the renames', 3],
];

for (const [step, expected] of steps) {
  test(`who opens the store that is replaced ${step}: ${expected}`, async () => {
    await storeWith(5);
    const seen = once(step, found);
    const { streams, preRestoreBackup } = await restoreBackup({ from, to, force: true });
    expect([seen(), streams, preRestoreBackup === undefined]).toEqual([expected, 3, false]);
    expect(await found()).toBe(3);
    expect((await readdir(scene.root)).filter((name) => name.startsWith('store.'))).toEqual([]);
  });

  for (const isThere of [false, true])
    test(`who opens a store where ${isThere ? 'an empty directory' : 'nothing'} is, ${step}: ${expected}`, async () => {
      if (isThere) await mkdir(to);
      const seen = once(step, found);
      expect((await restoreBackup({ from, to })).streams).toBe(3);
      expect(seen()).toBe(expected);
      expect(await found()).toBe(3);
      expect((await readdir(scene.root)).filter((name) => name.startsWith('store.'))).toEqual([]);
    });
}

test('who finds nothing between the renames makes nothing there', async () => {
  await storeWith(5);
  const seen = once('between the renames', () => codeOf(prepareDirectory(to)));
  await restoreBackup({ from, to, force: true });
  expect(seen()).toBe('JOURNAL_LOCKED');
  expect(await found()).toBe(3);
});

test('a store that somebody has made in the empty place meanwhile is left to him', async () => {
  let journal: Awaited<ReturnType<typeof openLevelJournal>> | undefined;
  renaming = async (_, target) => {
    if (!target.startsWith(`${to}.restored-`)) return;
    renaming = undefined;
    journal = await openLevelJournal(to);
  };
  expect(await codeOf(restoreBackup({ from, to }))).toBe('JOURNAL_LOCKED');
  await fill(journal as Awaited<ReturnType<typeof openLevelJournal>>, 4);
  await journal?.close();
  expect(await codeOf(restoreBackup({ from, to }))).toBe('RESTORE_REFUSED');
  expect(await found()).toBe(4);
});

test('a restore that fails before it is certain gives the place back', async () => {
  await storeWith(5);
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const fail = (): Promise<never> => Promise.reject(full);
  once('before it is certain', fail);
  expect(await codeOf(restoreBackup({ from, to, force: true }))).toBe('BACKUP_FAILED');
  expect(await found()).toBe(5);
  const empty = join(scene.root, 'empty');
  renaming = (_, target) => (target.endsWith('empty.restore.json') ? fail() : Promise.resolve());
  expect(await codeOf(restoreBackup({ from, to: empty }))).toBe('BACKUP_FAILED');
  expect((await readdir(scene.root)).filter((name) => name.startsWith('empty'))).toEqual([]);
});
