// A repair that is interrupted, refused by the disk, or meets what LevelDB had replaced: nothing that it costs goes unnamed, and
// nothing that was deleted comes back.
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keys } from '../../src/journal/keys.ts';
import { footerSize, placesByIndex } from '../../src/journal/store/table-blocks.ts';
import { readTable } from '../../src/journal/store/table-salvage.ts';
import { commit, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { quiet } from '../support/outcome.ts';
import { StoredJournal } from '../support/stored-journal.ts';

const disk = vi.hoisted(() => ({ isFull: false }));
vi.mock('node:fs/promises', async (original) => {
  const fs = (await original()) as typeof import('node:fs/promises');
  const copyFile = (async (from: string, to: string, mode?: number) => {
    if (disk.isFull && to.includes('.repairing'))
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    return fs.copyFile(from, to, mode);
  }) as typeof fs.copyFile;
  return { ...fs, copyFile };
});

const streams = Array.from({ length: 20 }, (_, n) => `session/s${1_000 + n}`);
const scrubbing = { bytesPerSecond: 1e9, onDamage: () => {} };

let store: StoredJournal;

beforeEach(async () => {
  disk.isFull = false;
  store = await StoredJournal.make();
});

afterEach(async () => {
  vi.restoreAllMocks();
  await store.remove();
});

type Db = Level<string, string> & { compactRange(start: string, end: string): Promise<void> };

/** LevelDB alone, with all of its contents in tables afterwards. */
async function compacted(change: (db: Db) => Promise<void> = async () => {}): Promise<void> {
  const db = new Level<string, string>(store.path('store')) as Db;
  await db.open();
  await change(db);
  await db.compactRange('\u0000', '\u{10ffff}');
  await db.close();
}

/** Flips a bit of the nth block of the newest table: in its middle, or in its checksum, which LevelDB does not miss when it reads. */
async function damage(block: number, part: 'middle' | 'checksum' = 'middle'): Promise<void> {
  const path = await store.file(/\.ldb$/);
  const table = await readFile(path);
  const { offset, size } = (placesByIndex(table) ?? []).at(block) ?? { offset: 0, size: 2 };
  const kindSize = 1;
  const at = part === 'middle' ? offset + (size >> 1) : offset + size + kindSize;
  table.writeUInt8(table.readUInt8(at) ^ 1, at);
  await writeFile(path, table);
}

test('what a repair cost is told although the first opening behind it fails', async () => {
  await store.write(10, ...streams);
  await store.write(11, ...streams);
  await compacted();
  await store.forgetClose();
  const heard: string[] = [];
  const journal = await store.open({ telemetry: (name) => void heard.push(name) });
  const recorded: number[] = [];
  await journal.settleFindings(async ({ lost, damaged }) => void recorded.push(lost.length + damaged.length));
  await damage(-1);
  const open = Level.prototype.open;
  let failing: unknown;
  vi.spyOn(Level.prototype, 'open').mockImplementation(function (this: Db, ...args) {
    // A database opens itself too: the one that fails is to fail each time.
    if (this.location.endsWith('/store')) failing ??= this;
    return failing === this ? Promise.reject(new Error('IO error')) : open.apply(this, args);
  });
  await journal
    .scrub(scrubbing)
    .run()
    .catch(() => undefined);
  await journal.incident;
  expect(heard).toContain('journal.reopenFailed');
  expect(heard).toContain('store.repaired');
  await vi.waitFor(() => expect(recorded.length).toBe(1));
  expect(recorded[0]).toBeGreaterThan(0);
  await journal.close();
});

test('a close waits until what a repair cost is recorded', async () => {
  await store.write(10, ...streams);
  await store.write(11, ...streams);
  await compacted();
  await store.forgetClose();
  const journal = await store.open();
  let recorded = (): void => {};
  const recording = new Promise<void>((begun) => {
    void journal.settleFindings(() => {
      begun();
      return new Promise((resolve) => {
        recorded = resolve;
      });
    });
  });
  await damage(-1);
  await journal
    .scrub(scrubbing)
    .run()
    .catch(() => undefined);
  await journal.incident;
  await recording;
  const closed = journal.close();
  await quiet(200);
  recorded();
  await closed;
  const again = await store.open();
  expect(again.opening.repaired).toBeUndefined();
  await again.close();
});

test('a repair whose cost nobody had compared, or recorded, when the process was killed is compared by the next', async () => {
  await store.write(10, ...streams);
  const unchecked = { evidence: 'store.damaged', reasons: ['a table'] };
  await store.forgetClose();
  await store.writeMarker({ ...(await store.marker()), unchecked });
  const [stream = ''] = streams;
  await compacted((db) => db.del(keys.event(stream, 4)));
  const journal = await store.open();
  expect(journal.opening.repaired).toEqual(unchecked);
  expect(journal.opening.damaged).toContainEqual(expect.objectContaining({ stream, seq: 4 }));
  expect((await store.marker()).unchecked).toEqual(unchecked);
  await journal.settleFindings(async () => {});
  expect((await store.marker()).unchecked).toBeUndefined();
  await journal.close();
});

test('a repair for which there is no space leaves the store as it is, and all that is well can be read and written', async () => {
  await store.write(10, ...streams);
  await compacted();
  await store.forgetClose();
  const heard: string[] = [];
  const journal = await store.open({ telemetry: (name) => void heard.push(name) });
  await damage(0);
  disk.isFull = true;
  await journal
    .scrub(scrubbing)
    .run()
    .catch(() => undefined);
  await journal.incident;
  expect(heard).toContain('store.repairFailed');
  expect(journal.health).toMatchObject({ health: 'healthy', reads: true, writes: 'all' });
  expect((await commit(journal, null, drafts(1, 1, 'session/new'), { of: 'session/new' })).seq).toBe(1);
  await journal.close();
});

test.each([
  { after: 'soon', lived: 5, finds: true },
  { after: 'long', lived: 300, finds: false },
])('a process that ended $after after it had opened the store may have been ended by it', async (past) => {
  await store.write(10, ...streams);
  await compacted();
  await store.forgetClose();
  await damage(0, 'checksum');
  const owner = store.path('owner.json');
  await writeFile(owner, JSON.stringify({ pid: 1, startedAt: '0', bootId: 'before' }));
  const openedAt = Date.now() / 1_000 - past.lived;
  await utimes(owner, openedAt, openedAt);
  const journal = await store.open();
  expect(journal.opening.repaired !== undefined).toBe(past.finds);
  await journal.close();
});

test('a table that LevelDB had replaced brings no removal back over a stream that was written again', async () => {
  const again = 'session/x';
  await store.write(3, again, ...streams);
  const first = await store.open();
  await first.remove(again, (await first.head(again))?.version ?? ('' as never));
  await first.close();
  // As a kill within the removal leaves it: the marker is there, and goes with the next opening.
  await compacted((db) => db.put(keys.removal(again), ''));
  await store.forgetClose();
  const replaced = await Promise.all(
    (await store.files(/\.ldb$/)).map(async (path) => ({ path, bytes: await readFile(path) })),
  );
  const second = await store.open();
  const head = await second.head(again);
  await commit(second, head?.version ?? null, drafts(4, 8, again), { of: again });
  await second.close();
  await compacted();
  for (const { path, bytes } of replaced)
    if (readTable(bytes).entries.some(({ key }) => key.toString('latin1').startsWith('r!')))
      await writeFile(path, bytes);
  await damage(1);
  await store.forgetClose();
  await writeFile(store.path('store', 'LOG'), '2026/01/01-00:00:00.0 1 Compacting 1@0 + 1@1 files\n');
  const journal = await store.open();
  expect(journal.opening.repaired).toBeDefined();
  expect((await journal.head(again))?.seq).toBe(8);
  expect((await journal.readFrom(again, 3)).events.length).toBe(5);
  await journal.close();
});

test('without an index a value of several blocks and all behind it is found', async () => {
  const folder = store.path('plain');
  const db = new Level<string, string>(folder) as Db;
  const large = Array.from({ length: 300_000 }, (_, n) => ((n * 48_271) % 1_000_003).toString(36)).join('');
  await db.batch([
    { type: 'put', key: 'b', value: large },
    { type: 'put', key: 'c', value: 'small' },
  ]);
  await db.compactRange('\u0000', '\u{10ffff}');
  await db.close();
  const [path = ''] = await store.files(/\.ldb$/, 'plain');
  const table = await readFile(path);
  table.writeUInt8(table.readUInt8(table.length - footerSize - 20) ^ 1, table.length - footerSize - 20);
  expect(readTable(table).entries.map(({ value }) => value.length)).toEqual([large.length, 5]);
});
