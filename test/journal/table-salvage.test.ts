// Tables that LevelDB wrote, read without it: all that it shows is found, nothing is found that cannot be proven, and a table
// over which LevelDB ends its process costs one start and the block that is damaged.
import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { uncompress } from '../../src/journal/store/snappy.ts';
import type { StoreReport } from '../../src/journal/store/store-report.ts';
import {
  entriesOf,
  footerSize,
  placesByIndex,
  type TableEntry,
} from '../../src/journal/store/table-blocks.ts';
import { asWrites, readTable } from '../../src/journal/store/table-salvage.ts';
import { StoredJournal } from '../support/stored-journal.ts';

let store: StoredJournal;

beforeEach(async () => {
  store = await StoredJournal.make();
});

afterEach(() => store.remove());

type Db = Level<string, string> & { compactRange(start: string, end: string): Promise<void> };

/** A database of its own, compacted into tables. */
async function tablesOf(values: ReadonlyMap<string, string>): Promise<readonly Buffer[]> {
  const folder = store.path('plain');
  const db = new Level<string, string>(folder) as Db;
  await db.batch([...values].map(([key, value]) => ({ type: 'put', key, value }) as const));
  await db.compactRange('\u0000', '\u{10ffff}');
  await db.close();
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ldb')).sort();
  return Promise.all(names.map((name) => readFile(join(folder, name))));
}

const textOf = ({ key, value }: TableEntry): readonly [string, string] => [
  key.subarray(0, -8).toString(),
  value.toString(),
];

/** Text that compresses, text that does not, and one value that is many blocks long. */
const values = new Map<string, string>([
  ...Array.from({ length: 300 }, (_, n) => [`a${1_000 + n}`, `again and again ${n} `.repeat(9)] as const),
  ...Array.from({ length: 60 }, (_, n) => [`b${1_000 + n}`, noise(n, 300)] as const),
  ['c', noise(7, 90_000)] as const,
]);

function noise(seed: number, length: number): string {
  let [text, state] = ['', seed + 1];
  while (text.length < length) {
    state = (state * 48_271) % 0x7fffffff;
    text += state.toString(36);
  }
  return text;
}

test('all that LevelDB wrote is read', async () => {
  const tables = await tablesOf(values);
  const readings = tables.map(readTable);
  expect(readings.map(({ damaged, hasIndex }) => ({ damaged, hasIndex }))).toEqual(
    tables.map(() => ({ damaged: [], hasIndex: true })),
  );
  expect(new Map(readings.flatMap(({ entries }) => entries.map(textOf)))).toEqual(values);
});

test('a table without footer or index is read all the same', async () => {
  const [table = Buffer.alloc(0)] = await tablesOf(values);
  const whole = readTable(table).entries.map(textOf);
  for (const at of [table.length - 1, table.length - footerSize, table.length - footerSize - 20]) {
    const damaged = Buffer.from(table);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
    expect(readTable(damaged).entries.map(textOf)).toEqual(whole);
  }
});

test('whatever bit is flipped, nothing else than what was written is found, and at most one block is missing', async () => {
  const [table = Buffer.alloc(0)] = await tablesOf(values);
  const data = placesByIndex(table) ?? [];
  const longest = Math.max(...data.map(({ size }) => size));
  const end = data.reduce((last, { offset, size }) => Math.max(last, offset + size), 0);
  const flips = fc.tuple(fc.nat(end - 1), fc.nat(7));
  fc.assert(
    fc.property(flips, ([at, bit]) => {
      const damaged = Buffer.from(table);
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << bit), at);
      const reading = readTable(damaged);
      expect(reading.damaged.length).toBe(1);
      const found = reading.entries.map(textOf);
      for (const [key, value] of found) expect(values.get(key)).toBe(value);
      const missing = [...values].slice(found.length).reduce((sum, [key]) => sum + key.length, 0);
      expect(missing).toBeLessThan(longest);
    }),
    { numRuns: 60 },
  );
});

test('what is no compressed text is refused, not read', () => {
  for (const bytes of [
    [5, 0],
    [4, 1, 1],
    [3, 8, 1, 1, 1, 1],
    [200, 1, 240, 9],
  ])
    expect(() => uncompress(Buffer.from(bytes))).toThrow(RangeError);
  expect(uncompress(Buffer.from([9, 8, 1, 2, 3, 22, 3, 0])).toJSON().data).toEqual([
    1, 2, 3, 1, 2, 3, 1, 2, 3,
  ]);
});

test('an entry is written again with the sequence number that it had', () => {
  const key = Buffer.from([...Buffer.from('k'), 1, 5, 4, 3, 2, 1, 0, 0]);
  const [put] = asWrites([{ key, value: Buffer.from('v') }]);
  expect(put?.toJSON().data).toEqual([5, 4, 3, 2, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 107, 1, 118]);
  const gone = Buffer.from([...Buffer.from('k'), 0, 5, 0, 0, 0, 0, 0, 0]);
  expect(asWrites([{ key: gone, value: Buffer.alloc(0) }])[0]?.toJSON().data).toEqual([
    5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 107,
  ]);
});

describe('a key that is out of order', () => {
  test('ends LevelDB once; the next start goes on with all but its block, and says what is missing', async () => {
    const streams = Array.from({ length: 40 }, (_, n) => `session/s${1_000 + n}`);
    await store.write(20, ...streams);
    await store.write(21, ...streams);
    const path = await disorder(await store.files(/\.ldb$/));
    const compacting = `
      const { Level } = require('level');
      const db = new Level(${JSON.stringify(store.path('store'))});
      db.open().then(() => db.compactRange('a', 'z'));
    `;
    expect(spawnSync(process.execPath, ['-e', compacting]).signal).toBe('SIGABRT');
    await store.forgetClose();
    const journal = await store.open();
    const { repaired, lost, damaged } = journal.opening;
    const whole = [];
    for (const stream of streams) {
      const page = await journal.readFrom(stream, 0, { limit: 100 }).catch(() => undefined);
      if (page?.events.length === 21) whole.push(stream);
    }
    await journal.close();
    expect(repaired?.reasons.join()).toContain(path);
    expect(repaired?.reasons.join()).toMatch(/the block at byte \d+ does not match/);
    const named = new Set([...lost, ...damaged].map(({ stream }) => stream));
    expect(named.size).toBeGreaterThan(0);
    expect(named.size).toBeLessThan(20);
    expect(whole.filter((stream) => named.has(stream))).toEqual([]);
    expect(whole.length + named.size).toBe(streams.length);
  });
});

/** Alters a key of the first table in which that leaves the block readable, and its keys not in order. Answers with its name. */
async function disorder(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const table = await readFile(path);
    for (const { offset, size } of placesByIndex(table) ?? []) {
      const isCompressed = table[offset + size] === 1;
      for (let at = offset; at < offset + size; at++) {
        const damaged = Buffer.from(table.subarray(offset, offset + size));
        damaged.writeUInt8(damaged.readUInt8(at - offset) ^ 64, at - offset);
        if (!isDisordered(damaged, isCompressed)) continue;
        table.writeUInt8(table.readUInt8(at) ^ 64, at);
        await writeFile(path, table);
        return path.slice(path.lastIndexOf('/') + 1);
      }
    }
  }
  throw new Error('no key can be brought out of its order');
}

function isDisordered(block: Buffer, isCompressed: boolean): boolean {
  try {
    const keys = entriesOf(isCompressed ? uncompress(block) : block).map(({ key }) => key.subarray(0, -8));
    return keys.some((key, n) => n > 0 && key.compare(keys[n - 1] ?? key) < 0);
  } catch {
    return false;
  }
}

test('a scrub finds a damaged block before LevelDB meets it, and the store is repaired while it is open', async () => {
  const streams = Array.from({ length: 40 }, (_, n) => `session/s${1_000 + n}`);
  await store.write(20, ...streams);
  await store.write(21, ...streams);
  const file = await disorder(await store.files(/\.ldb$/));
  const heard: string[] = [];
  const journal = await store.open({ telemetry: (name) => void heard.push(name) });
  const recorded = new Promise<StoreReport>((resolve) => {
    void journal.settleFindings(async (found) => resolve(found));
  });
  const report = await journal.scrub({ bytesPerSecond: 1e9, onDamage: () => {} }).run();
  expect(report.findings).toContainEqual({
    stream: 'store',
    seq: file,
    problem: expect.stringContaining('block at byte'),
  });
  await journal.incident;
  expect(heard).toEqual(expect.arrayContaining(['scrub.damaged', 'store.repaired', 'journal.reopened']));
  expect(journal.opening.repaired?.reasons.join()).toContain(file);
  const { lost, damaged } = await recorded;
  expect([...lost, ...damaged].length).toBeGreaterThan(0);
  const head = await journal.head(streams[39] ?? '');
  expect(head?.seq).toBe(21);
  await journal.close();
  const { opening } = await reopened();
  expect(opening.repaired).toBeUndefined();
});

async function reopened() {
  const journal = await store.open();
  await journal.close();
  return journal;
}
