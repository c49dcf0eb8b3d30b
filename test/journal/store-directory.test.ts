// The directory of a store: taken only when it is new or ours and free, and refused by name with nothing in it changed.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { openLevelJournal } from '../../src/journal/open-level-journal.ts';
import {
  commitNew,
  readPages,
  seqsIn,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { printDirectory } from '../support/directory-print.ts';

const ownerProgram = fileURLToPath(
  new URL('../../.build/test/support/journal-owner-child.js', import.meta.url),
);

let base: string;
let directory: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdfast-directory-'));
  directory = join(base, 'data');
});

afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
  await rm(base, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A living process that owns the directory and has appended that many events. */
async function startOwner(events: number): Promise<ChildProcess> {
  const child = fork(ownerProgram, [directory, stream, String(events)]);
  children.push(child);
  await told(child, 'done');
  return child;
}

/** Resolves when the child has said it; rejects when it ends without. */
function told(child: ChildProcess, message: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('message', (said) => said === message && resolve());
    child.once('exit', (code) => reject(new Error(`The child ended with ${code}: is .build up to date?`)));
  });
}

/** A store that was written and closed. */
async function writeStore(): Promise<void> {
  const journal = await openLevelJournal(directory);
  await commitNew(journal, 3);
  await journal.close();
}

async function expectRefusal(code: string, details: object = {}, location = directory): Promise<void> {
  const before = await printDirectory(base);
  const refused = openLevelJournal(location);
  await expect(refused).rejects.toMatchObject({ code, details: { location, ...details } });
  expect(await printDirectory(base)).toEqual(before);
}

async function expectUsable(events = 3): Promise<void> {
  const journal = await openLevelJournal(directory);
  if (events === 0) await commitNew(journal, 3);
  const pages = await readPages(journal, 100);
  expect(pages.flatMap((page) => seqsIn(page.events)).length).toBe(events === 0 ? 3 : events);
  await journal.close();
}

const ownerFile = (): Promise<string> => readFile(join(directory, 'owner.json'), 'utf8');

describe('a directory that is in use', () => {
  test('by another process is refused, and its owner goes on', async () => {
    const owner = await startOwner(5);
    await expectRefusal('JOURNAL_LOCKED', {
      pid: owner.pid,
      problem: expect.stringMatching('^another process owns it: close'),
    });
    await kill(owner);
    await expectUsable(5);
  });

  test('by this process is refused, under whatever name', async () => {
    const journal = await openLevelJournal(directory);
    await commitNew(journal, 1);
    const link = join(base, 'link');
    await symlink(directory, link);
    await expectRefusal('JOURNAL_LOCKED', { pid: process.pid });
    await expectRefusal('JOURNAL_LOCKED', { pid: process.pid }, link);
    const opened = openLevelJournal(directory);
    await expect(opened).rejects.toThrow('this very process has it open: share that system, or close it');
    expect(await journal.head(stream)).toMatchObject({ seq: 1 });
    await commitNew(journal, 1, 'session/b');
    await journal.close();
    await expectUsable(1);
  });

  test('is given to one alone when several ask at once', async () => {
    const opened = await Promise.allSettled([1, 2, 3].map(() => openLevelJournal(directory)));
    const journals = opened.flatMap((result): Journal[] =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    expect(journals.length).toBe(1);
    for (const result of opened) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'JOURNAL_LOCKED' });
    }
    for (const journal of journals) await commitNew(journal, 1);
    await expectRefusal('JOURNAL_LOCKED');
    for (const journal of journals) await journal.close();
  });
});

describe('an owner that is gone', () => {
  test('by kill -9 leaves all that it told, and does not stand in the way', async () => {
    const child = fork(ownerProgram, [directory, stream, '1000000']);
    children.push(child);
    await told(child, 25);
    await kill(child);
    expect(JSON.parse(await ownerFile())).toMatchObject({ pid: child.pid });
    const journal = await openLevelJournal(directory);
    const pages = await readPages(journal, 100);
    expect(pages.flatMap((page) => seqsIn(page.events)).length).toBeGreaterThanOrEqual(25);
    expect(JSON.parse(await ownerFile())).toMatchObject({ pid: process.pid });
    await journal.close();
    await expect(ownerFile()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('whose pid another process has now does not stand in the way', async () => {
    const journal = await openLevelJournal(directory);
    await commitNew(journal, 3);
    const own = JSON.parse(await ownerFile());
    await journal.close();
    await writeFile(join(directory, 'owner.json'), JSON.stringify(own));
    await expectRefusal('JOURNAL_LOCKED');
    await writeFile(join(directory, 'owner.json'), JSON.stringify({ ...own, startedAt: '1' }));
    await expectUsable();
  });

  test.each([
    ['of an earlier run of the machine', () => JSON.stringify({ pid: 1, startedAt: '1', bootId: 'other' })],
    [
      'who could not write down who it was',
      () => JSON.stringify({ pid: process.pid, startedAt: '', bootId: '' }),
    ],
    ['of which half was written', () => '{"pid":'],
    ['of which nothing was written', () => ''],
    ['of which something else was written', () => 'null'],
  ])('%s does not stand in the way', async (_, owner) => {
    await writeStore();
    await writeFile(join(directory, 'owner.json'), owner());
    await expectUsable();
  });
});

describe('a directory that cannot be written', () => {
  test('is refused when it is empty, a store, or not there yet', async () => {
    await mkdir(directory);
    await chmod(directory, 0o555);
    await expectRefusal('JOURNAL_READ_ONLY');
    await expectRefusal('JOURNAL_READ_ONLY', {}, join(directory, 'deeper', 'still'));
    await chmod(directory, 0o755);
    await writeStore();
    await chmod(directory, 0o555);
    await expectRefusal('JOURNAL_READ_ONLY');
    await chmod(directory, 0o755);
    await chmod(join(directory, 'store'), 0o555);
    await expectRefusal('JOURNAL_READ_ONLY');
    await chmod(join(directory, 'store'), 0o755);
    await expectUsable();
  });
});

describe('a directory that is empty but for what a file system leaves', () => {
  test.each(['lost+found', '.DS_Store'])('such as %s is taken', async (name) => {
    await mkdir(join(directory, name), { recursive: true });
    await expectUsable(0);
  });
});

describe('a directory of somebody else', () => {
  const writeFiles = async (files: Readonly<Record<string, string>>): Promise<void> => {
    await mkdir(join(directory, 'store'), { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  };

  test.each<[string, Readonly<Record<string, string>>]>([
    ['with a file', { 'notes.txt': 'mine' }],
    ['with a folder of the same name as ours', { 'store/notes.txt': 'mine' }],
    [
      'with another LevelDB in it',
      { CURRENT: 'MANIFEST-000002\n', 'MANIFEST-000002': 'x', '000003.log': '' },
    ],
    ['with a marker that is not ours', { 'HOLDFAST.json': '{"name":"holdfast"}' }],
    ['with a marker that is no JSON', { 'HOLDFAST.json': '' }],
    ['with a marker that is null', { 'HOLDFAST.json': 'null' }],
    [
      'with tables whose CURRENT and marker are gone',
      { 'store/000005.ldb': 'x', 'store/MANIFEST-000004': 'x' },
    ],
  ])('%s is refused', async (_, files) => {
    await writeFiles(files);
    await expectRefusal('JOURNAL_FOREIGN');
  });

  test('or a file in its place is refused', async () => {
    await writeFile(directory, 'mine');
    await expectRefusal('JOURNAL_FOREIGN', { problem: 'is a file, not a directory' });
    await expectRefusal('JOURNAL_FOREIGN', { problem: 'lies below a file' }, join(directory, 'below'));
  });
});

describe('a store', () => {
  test('of a newer format is refused', async () => {
    await writeStore();
    await writeFile(join(directory, 'HOLDFAST.json'), JSON.stringify({ holdfast: 'store', format: 2 }));
    await expectRefusal('JOURNAL_FORMAT', { found: 2, supported: 1 });
  });

  test('whose owner is a link that leads nowhere is refused with what to do, and serves once that was done', async () => {
    await writeStore();
    const owner = join(directory, 'owner.json');
    await symlink(join(base, 'nowhere'), owner);
    await expect(openLevelJournal(directory)).rejects.toMatchObject({
      code: 'JOURNAL_OPEN_FAILED',
      message: expect.stringContaining(`${owner} is a link that cannot be followed: remove it`),
    });
    await rm(owner);
    await expectUsable();
  });

  test('whose database is gone is refused, and nothing is made in its place', async () => {
    await writeStore();
    await rename(join(directory, 'store'), join(base, 'aside'));
    await expectRefusal('JOURNAL_OPEN_FAILED');
    await rename(join(base, 'aside'), join(directory, 'store'));
    await expectUsable();
  });

  test('that cannot be claimed is refused and left free', async () => {
    await writeStore();
    await mkdir(join(directory, 'owner.json'));
    await expect(openLevelJournal(directory)).rejects.toMatchObject({ code: 'JOURNAL_OPEN_FAILED' });
    await rm(join(directory, 'owner.json'), { recursive: true });
    await expectUsable();
  });

  test('that is new belongs to its user alone', async () => {
    await writeStore();
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });
});

describe('a first start that was interrupted', () => {
  const files: [string, readonly string[]][] = [
    ['before anything was made', []],
    ['before LevelDB had its first file', ['store/LOCK', 'store/LOG']],
    [
      'before LevelDB named its manifest',
      ['store/LOCK', 'store/LOG', 'store/MANIFEST-000001', 'store/000001.dbtmp'],
    ],
    ['while the marker was written', ['HOLDFAST.json.draft']],
  ];

  test.each(files)('%s is started anew', async (_, names) => {
    await mkdir(join(directory, 'store'), { recursive: true });
    for (const name of names) await writeFile(join(directory, name), '');
    await expectUsable(0);
    await expectUsable();
  });

  test('after LevelDB was open, and again after that, is started anew', async () => {
    await writeStore();
    await rm(join(directory, 'HOLDFAST.json'));
    await expectUsable();
    await rm(join(directory, 'HOLDFAST.json'));
    await expectUsable();
  });
});
