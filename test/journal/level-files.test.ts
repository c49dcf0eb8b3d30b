// LevelDB's files as Holdfast reads them: what LevelDB wrote is understood, and no flipped bit or cut passes.
import { readdir, readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crc32c } from '../../src/journal/store/crc32c.ts';
import { readFraming, writeFraming } from '../../src/journal/store/log-framing.ts';
import { readManifest } from '../../src/journal/store/manifest.ts';
import { checkTable } from '../../src/journal/store/table-check.ts';
import { flip, StoredJournal } from '../support/stored-journal.ts';

let store: StoredJournal;

beforeAll(async () => {
  store = await StoredJournal.make();
  for (const last of [3, 6, 9]) await store.write(last, 'session/a', 'session/b');
});

afterAll(() => store.remove());

test('the checksum is the known one, at whatever place it begins', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.from('..123456789.'), 2, 11)).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
});

const records = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer({ min: 1, max: 70_000 }).map((size) => new Uint8Array(size).fill(7)),
    // So that blocks end in too little room for one more header.
    fc.integer({ min: 32_740, max: 32_768 }).map((size) => new Uint8Array(size).fill(1)),
  ),
  { minLength: 1, maxLength: 6 },
);

/** Comparing buffers member by member would take the time of a suite. */
const sameRecords = (read: readonly Buffer[], written: readonly Buffer[]): boolean =>
  read.length === written.length && read.every((record, n) => written[n]?.equals(record));

describe('framing', () => {
  test('reads back what it wrote', () => {
    fc.assert(
      fc.property(records, (parts) => {
        const written = parts.map((part) => Buffer.from(part));
        const { records: read, damage, torn } = readFraming(writeFraming(written));
        expect({ damage, torn, same: sameRecords(read, written) }).toEqual({
          damage: [],
          torn: undefined,
          same: true,
        });
      }),
      { numRuns: 60 },
    );
  });

  test('passes over no flipped bit, and loses no record but those that it is in', () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(7), (parts, place, bit) => {
        const written = parts.map((part) => Buffer.from(part));
        const file = writeFraming(written);
        const at = place % file.length;
        file.writeUInt8(file.readUInt8(at) ^ (1 << bit), at);
        const read = readFraming(file);
        const isPadding = read.records.length === written.length;
        if (!isPadding) expect(read.damage.length + (read.torn === undefined ? 0 : 1)).toBeGreaterThan(0);
        for (const record of read.records) expect(written.some((one) => one.equals(record))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('a file that is cut off within a record is torn, and not damaged', () => {
    fc.assert(
      fc.property(records, fc.nat(), (parts, place) => {
        const written = parts.map((part) => Buffer.from(part));
        const file = writeFraming(written);
        const { records: read, damage } = readFraming(file.subarray(0, place % file.length));
        expect(damage).toEqual([]);
        expect(sameRecords(read, written.slice(0, read.length))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('a damaged record in the middle of a block does not take along those behind it', () => {
    const written = ['one', 'two', 'three'].map((text) => Buffer.from(text));
    const file = writeFraming(written);
    file.writeUInt8(file.readUInt8(18) ^ 1, 18);
    expect(readFraming(file).records.map(String)).toEqual(['one', 'three']);
    expect(readFraming(file).damage).toEqual([10]);
  });
});

test('the MANIFEST names the tables that there are, with their sizes, and the log', async () => {
  const manifest = readManifest(readFraming(await readFile(await store.file(/^MANIFEST/))).records);
  const names = await readdir(store.path('store'));
  const tables = names.filter((name) => name.endsWith('.ldb')).sort();
  expect(tables.length).toBeGreaterThan(1);
  const numbers = [...(manifest?.tables.keys() ?? [])].sort((a, b) => a - b);
  expect(numbers).toEqual(tables.map((name) => Number.parseInt(name, 10)));
  expect(names).toContain(`${String(manifest?.logNumber).padStart(6, '0')}.log`);
  for (const name of tables) {
    const bytes = await readFile(store.path('store', name));
    expect(manifest?.tables.get(Number.parseInt(name, 10))).toBe(bytes.length);
    expect(await checkTable(store.path('store', name), bytes.length)).toBeUndefined();
  }
});

test('no bit of the skeleton of a table flips without being found', async () => {
  const path = await store.file(/\.ldb$/);
  const whole = await readFile(path);
  // Filter, its place, index and footer follow each other; the padding of the footer means nothing.
  const index = whole.length - 48 - 40;
  const found: (boolean | undefined)[] = [];
  for (let at = index; at < whole.length; at++) {
    await flip(path, at);
    found.push((await checkTable(path, whole.length))?.inFilter);
    await flip(path, at);
  }
  expect(found.slice(0, 40)).not.toContain(undefined);
  expect(found.slice(-8)).toEqual(Array.from({ length: 8 }, () => false));
  expect(found.slice(40, 44)).not.toContain(undefined);
});
