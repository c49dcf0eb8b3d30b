// The opening of a store: what is damaged is repaired on a copy and never in place, what is lost is named, and a close in order
// is told from a kill.
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoreReport } from '../../src/journal/store/store-report.ts';
import { readPages, seqsIn } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { printDirectory } from '../support/directory-print.ts';
import { flip, StoredJournal } from '../support/stored-journal.ts';

const [a, b] = ['session/a', 'session/b'];

let store: StoredJournal;
const heard: string[] = [];
const telemetry = (name: string): void => void heard.push(name);

beforeEach(async () => {
  store = await StoredJournal.make();
  heard.length = 0;
});

afterEach(() => store.remove());

/** Opens, reads the report and how many events each stream shows, and closes. */
async function look(): Promise<{ report: StoreReport; counts: readonly (number | string)[] }> {
  const journal = await store.open({ telemetry });
  const counts: (number | string)[] = [];
  for (const stream of [a, b]) {
    const events = readPages(journal, 100, stream).then((pages) =>
      pages.flatMap((page) => seqsIn(page.events)),
    );
    counts.push(
      await events.then(
        ({ length }) => length,
        ({ code }) => code,
      ),
    );
  }
  const { opening: report } = journal;
  await journal.close();
  return { report, counts };
}

describe('a stop', () => {
  test('is new, then clean, then unclean when the flag is not there', async () => {
    expect((await look()).report).toMatchObject({ shutdown: 'new', witness: 'none', checkedStreams: 0 });
    await store.write(3, a);
    expect((await look()).report).toMatchObject({ shutdown: 'clean', witness: 'whole', checkedStreams: 1 });
    await store.forgetClose();
    expect((await look()).report).toMatchObject({ shutdown: 'unclean', witness: 'whole', checkedStreams: 1 });
    expect(heard.filter((name) => name === 'store.unclean').length).toBe(1);
    expect(heard.filter((name) => name === 'store.opened').length).toBe(3);
  });

  test('leaves no flag while the store is open', async () => {
    await store.write(3, a);
    const marker = async (): Promise<object> =>
      JSON.parse(await readFile(store.path('HOLDFAST.json'), 'utf8'));
    expect(await marker()).toHaveProperty('closed');
    const journal = await store.open();
    expect(await marker()).not.toHaveProperty('closed');
    await journal.close();
    expect(await marker()).toHaveProperty('closed');
  });

  test('of an owner that is gone is told with who it was', async () => {
    await store.write(3, a);
    await store.forgetClose();
    await writeFile(store.path('owner.json'), JSON.stringify({ pid: 1, startedAt: '0', bootId: 'before' }));
    const { report } = await look();
    expect(report.previousOwner).toEqual({ pid: 1, startedAt: '0', bootId: 'before' });
  });

  test('of a version that knows no flag is not taken for the one before', async () => {
    await store.write(3, a);
    const marker = await readFile(store.path('HOLDFAST.json'));
    await store.write(6, a);
    await writeFile(store.path('HOLDFAST.json'), marker);
    expect(await look()).toMatchObject({
      report: { shutdown: 'unclean', lost: [], damaged: [] },
      counts: [6, 0],
    });
  });
});

describe('a damaged database', () => {
  const losesNothing: [string, () => Promise<unknown>][] = [
    ['whose CURRENT is missing', async () => rm(store.path('store', 'CURRENT'))],
    ['whose CURRENT is empty', async () => truncate(store.path('store', 'CURRENT'))],
    [
      'whose CURRENT names nothing',
      async () => writeFile(store.path('store', 'CURRENT'), 'MANIFEST-999999\n'),
    ],
    [
      'whose CURRENT is a pipe',
      async () => {
        await rm(store.path('store', 'CURRENT'));
        execFileSync('mkfifo', [store.path('store', 'CURRENT')]);
      },
    ],
    ['whose MANIFEST is missing', async () => rm(await store.file(/^MANIFEST/))],
    ['whose MANIFEST is empty', async () => truncate(await store.file(/^MANIFEST/))],
    ['whose MANIFEST is cut off', async () => truncate(await store.file(/^MANIFEST/), 60)],
    ['whose MANIFEST has a flipped bit', async () => flip(await store.file(/^MANIFEST/), 30)],
    ['with a flipped bit in a filter', async () => flip(await store.file(/\.ldb$/), await filterPlace())],
  ];

  /** A byte of the bloom filter of the newest table: before index, its own place and the footer. */
  async function filterPlace(): Promise<number> {
    const table = await readFile(await store.file(/\.ldb$/));
    return table.indexOf('filter.leveldb') - 20;
  }

  test.each(losesNothing)('%s is repaired, and nothing is lost', async (_, damage) => {
    for (const last of [3, 6]) await store.write(last, a, b);
    for (const isKilled of [true, false]) {
      if (isKilled) await store.forgetClose();
      await damage();
      const { report, counts } = await look();
      expect(report).toMatchObject({ lost: [], damaged: [], logFindings: [] });
      expect(report.repaired?.reasons.length).toBeGreaterThan(0);
      expect(counts).toEqual([6, 6]);
      expect((await look()).report.repaired).toBeUndefined();
    }
    expect(heard).toContain('store.repaired');
  });

  test('is kept beside the repaired one, without LOCK having been read or copied', async () => {
    await store.write(3, a);
    await rm(store.path('store', 'CURRENT'));
    const before = Object.values(await printDirectory(store.path('store')));
    const { report } = await look();
    const evidence = report.repaired?.evidence ?? '';
    expect(evidence).toContain('store.damaged-');
    const digests = (prints: readonly { digest: string }[]): string[] =>
      prints.map(({ digest }) => digest).sort();
    expect(digests(Object.values(await printDirectory(evidence)))).toEqual(digests(before));
  });

  test('is left as it is when repair is refused', async () => {
    await store.write(3, a);
    await rm(store.path('store', 'CURRENT'));
    const before = await printDirectory(store.location);
    const { location } = store;
    const findings = ['CURRENT: it is missing'];
    await expect(store.open({ repair: 'refuse' })).rejects.toMatchObject({
      code: 'JOURNAL_DAMAGED',
      details: { location, findings },
    });
    expect(await printDirectory(store.location)).toEqual(before);
  });

  test('of which a table is missing names the streams that lost something, and keeps the others', async () => {
    await store.write(3, a);
    await store.write(6, b);
    await store.write(6, a);
    await store.write(7, b);
    // The second table holds all of b but its last event.
    const [, table = ''] = await store.files(/\.ldb$/);
    await rm(table);
    const { report, counts } = await look();
    expect(report.repaired?.reasons.join()).toContain('it is missing');
    expect(report.damaged).toMatchObject([{ stream: b }]);
    expect(counts).toEqual([6, 'JOURNAL_CORRUPT']);
    expect(heard).toContain('journal.damaged');
  });

  test('with a pipe in the place of a file is repaired, and nobody waits for whoever would write into it', async () => {
    await store.write(3, a);
    const [log] = (await readdir(store.path('store'))).filter((name) => name.endsWith('.log'));
    await rm(store.path('store', String(log)));
    execFileSync('mkfifo', [store.path('store', String(log))]);
    const { report } = await look();
    expect(report.repaired?.reasons).toEqual([`${log}: it is no file`]);
    expect(report.lost.map(({ stream }) => stream)).toEqual([a]);
  });

  test('whose compactions have failed is repaired at the next opening', async () => {
    await store.write(3, a);
    await writeFile(
      store.path('store', 'LOG'),
      '2026/11/21-20:00:00.000000 140 Compaction error: Corruption: bad block\n',
    );
    expect((await look()).report.repaired?.reasons).toEqual(['LOG: Compaction error: Corruption: bad block']);
  });
});

describe('a damaged log', () => {
  test('loses the record that is damaged, and none behind it', async () => {
    const journal = await store.open();
    await journal.close();
    await store.write(20, a);
    const log = await store.file(/\.log$/);
    const { length } = await readFile(log);
    await flip(log, length - 40);
    const { report } = await look();
    expect(report.repaired?.reasons).toEqual([
      expect.stringMatching(/log: the record at byte \d+ does not match/),
    ]);
    expect(report.lost).toEqual([{ stream: a, found: 0, witnessed: 20 }]);
    expect(report.damaged).toMatchObject([{ stream: 'feed', seq: 1 }]);
  });

  test.each([
    ['cut off after a kill', true],
    ['cut off after a close', false],
  ])('%s is found by what was witnessed', async (_, isKilled) => {
    await store.write(3, a, b);
    await store.write(6, a, b);
    if (isKilled) await store.forgetClose();
    const log = await store.file(/\.log$/);
    await truncate(log, (await stat(log)).size - 10);
    const { report, counts } = await look();
    expect(report.lost).toEqual([{ stream: b, found: 3, witnessed: 6 }]);
    expect(counts).toEqual([6, 3]);
    expect(heard).toContain('journal.lost');
  });

  test('that is missing is found, and what was lost is found again until it was recorded', async () => {
    await store.write(3, a, b);
    await store.write(6, a);
    await rm(await store.file(/\.log$/));
    const lost = [{ stream: a, found: 3, witnessed: 6 }];
    expect((await look()).report.lost).toEqual(lost);
    expect((await look()).report.lost).toEqual(lost);
    const journal = await store.open();
    await expect(journal.settleFindings(() => Promise.reject(new Error('not now')))).rejects.toThrow(
      'not now',
    );
    await journal.settleFindings(async (report) => expect(report.lost).toEqual(lost));
    await journal.settleFindings(() => Promise.reject(new Error('it was recorded already')));
    await journal.close();
    expect((await look()).report).toMatchObject({ shutdown: 'clean', lost: [] });
    await store.forgetClose();
    expect((await look()).report).toMatchObject({ shutdown: 'unclean', lost: [] });
  });

  test('is named too under a marker that somebody has written anew', async () => {
    await store.write(3, a, b);
    await store.write(6, a, b);
    const createdAt = new Date(0).toISOString();
    const { uuid } = JSON.parse(await readFile(store.path('HOLDFAST.json'), 'utf8'));
    const marker = { holdfast: 'store', format: 1, uuid, createdAt, witnessed: true };
    await writeFile(store.path('HOLDFAST.json'), JSON.stringify(marker));
    const log = await store.file(/\.log$/);
    await truncate(log, (await stat(log)).size - 10);
    const { report, counts } = await look();
    expect(report.lost).toEqual([{ stream: b, found: 3, witnessed: 6 }]);
    expect(counts).toEqual([6, 3]);
  });

  test('with a half written record at its end is what a kill leaves, and no damage', async () => {
    await store.write(3, a);
    await store.forgetClose();
    const log = await store.file(/\.log$/);
    await writeFile(log, Buffer.from([1, 2, 3, 4, 200, 0, 1, 9, 9]), { flag: 'a' });
    const { report, counts } = await look();
    expect(report).toMatchObject({ lost: [], damaged: [], logFindings: [] });
    expect(report.repaired).toBeUndefined();
    expect(counts).toEqual([3, 0]);
  });
});

describe('a repair that a crash interrupted', () => {
  const copyTo = async (name: string): Promise<void> => {
    await mkdir(store.path(name));
    for (const file of await readdir(store.path('store')))
      if (file !== 'LOCK') await copyFile(store.path('store', file), store.path(name, file));
  };

  test('while it worked on its copy begins anew', async () => {
    await store.write(3, a);
    await copyTo('store.repairing');
    await rm(store.path('store.repairing', 'CURRENT'));
    await rm(store.path('store', 'CURRENT'));
    expect((await look()).counts).toEqual([3, 0]);
    expect(await readdir(store.location)).not.toContain('store.repairing');
  });

  test.each([
    ['before the damaged database was put aside', false],
    ['between its two renames', true],
  ])('%s is finished', async (_, isAside) => {
    await store.write(3, a);
    await copyTo('store.repaired');
    await rm(store.path('store', 'CURRENT'));
    if (isAside) await rename(store.path('store'), store.path('store.damaged-before'));
    const { report, counts } = await look();
    expect(report.repaired).toMatchObject({ reasons: ['a repair was interrupted'] });
    expect(counts).toEqual([3, 0]);
    expect(await readdir(store.location)).not.toContain('store.repaired');
  });
});
