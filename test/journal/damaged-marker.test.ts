// A marker that is damaged, empty or gone locks nobody out of a store whose database says whose it is, and lets nobody into what is not ours.
import { cp, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keys } from '../../src/journal/keys.ts';
import type { OpenLevelJournalOptions } from '../../src/journal/open-level-journal.ts';
import { readMarkerText } from '../../src/journal/store/marker-reading.ts';
import { type Marker, textOfMarker } from '../../src/journal/store/store-marker.ts';
import type { StoreReport } from '../../src/journal/store/store-report.ts';
import { type StoreVersions, versionsKey } from '../../src/journal/store/store-versions.ts';
import { printDirectory } from '../support/directory-print.ts';
import { codeOf, errorOf } from '../support/outcome.ts';
import { flip, StoredJournal } from '../support/stored-journal.ts';

const streams = ['session/a', 'session/b'];
const versions: StoreVersions = { record: 1, laws: { session: 4 }, events: { 'a.b': 2 }, library: '0.1.0' };
const gate = { supported: versions, upgrade: 'auto' } as const;
const markerFile = 'HOLDFAST.json';

let store: StoredJournal;
let uuid: string | undefined;

beforeEach(async () => {
  store = await written();
  uuid = (await store.marker()).uuid;
});

async function written(): Promise<StoredJournal> {
  const made = await StoredJournal.make();
  const journal = await made.open({ gate });
  await journal.raise(versions);
  await journal.close();
  await made.write(5, ...streams);
  return made;
}

afterEach(() => store.remove());

/** Opens it as whoever serves it does; all that was acknowledged is there. */
async function whole(options: OpenLevelJournalOptions = {}): Promise<StoreReport> {
  const journal = await store.open({ gate, ...options });
  try {
    for (const stream of streams) expect((await journal.readFrom(stream, 0)).events.length).toBe(5);
    return journal.opening;
  } finally {
    await journal.close();
  }
}

const write = (text: string | Buffer): Promise<void> => writeFile(store.path(markerFile), text);

async function inDatabase(change: (db: Level<string, string>) => Promise<unknown>): Promise<void> {
  const db = new Level<string, string>(store.path('store'));
  await change(db);
  await db.close();
}

/** Fixed, so that each run draws the same bits; as many as are opened within a few seconds. */
const openedBits = (bits: number): readonly number[] =>
  Array.from({ length: 60 }, (_, n) => (n * 7919 + 13) % bits);

const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
};

const kinds = ['closed', 'killed'] as const;

describe.each(kinds)('of a store that was %s, each flipped bit of the marker', (kind) => {
  beforeEach(async () => {
    if (kind === 'killed') await store.forgetClose();
  });

  test('is found, and none of them passes for a newer version', async () => {
    const marker = await readFile(store.path(markerFile));
    const before = readMarkerText(marker.toString());
    const passing: number[] = [];
    for (let bit = 0; bit < marker.length * 8; bit++) {
      const reading = readMarkerText(flipped(marker, bit).toString());
      if (reading.kind === 'read') expect(reading).toEqual(before);
      if (reading.kind !== 'damaged') passing.push(bit);
    }
    // The line end behind it, as white space of another kind.
    expect(passing.every((bit) => bit >= (marker.length - 1) * 8)).toBe(true);
  });

  test('leaves a store that opens with all sessions, under its own id, and says so', async () => {
    const marker = await readFile(store.path(markerFile));
    for (const bit of openedBits((marker.length - 1) * 8)) {
      await write(flipped(marker, bit));
      const report = await whole();
      expect(report).toMatchObject({
        marker: expect.any(String),
        shutdown: 'unclean',
        lost: [],
        damaged: [],
      });
      expect(await store.marker()).toMatchObject({ uuid, witnessed: true, versions });
      if (kind === 'killed') await store.forgetClose();
    }
    expect(await whole()).not.toHaveProperty('marker');
  });
});

describe('a store whose marker', () => {
  const losses: [string, () => Promise<unknown>][] = [
    ['is empty', () => truncate(store.path(markerFile))],
    ['is cut off', () => truncate(store.path(markerFile), 40)],
    ['is gone', () => rm(store.path(markerFile))],
    ['is of somebody else', () => write('{"name":"holdfast"}')],
    ['is a list', () => write('[1]')],
    ['is null', () => write('null')],
    ['lacks what it was', () => write('{"holdfast":"store"}')],
  ];

  test.each(losses)('%s opens with all sessions, as after a kill, and says so', async (_, lose) => {
    // Of a served store more stands beside it than a first start leaves.
    await writeFile(store.path('heartbeat.json'), '{}');
    await lose();
    const heard: string[] = [];
    const report = await whole({ telemetry: (name) => void heard.push(name) });
    expect(report).toMatchObject({ marker: expect.any(String), shutdown: 'unclean', witness: 'whole' });
    expect(heard.filter((name) => name === 'marker.unreadable').length).toBe(1);
    expect(await store.marker()).toMatchObject({ uuid, versions });
    expect(await whole()).toMatchObject({ shutdown: 'clean' });
  });

  test.each(losses)('%s is left as it is where repair is refused', async (_, lose) => {
    await lose();
    const before = await printDirectory(store.location);
    const error = await errorOf(store.open({ repair: 'refuse', gate }));
    expect(error.code).toBe('JOURNAL_DAMAGED');
    expect(String(error.details.problem)).toContain(markerFile);
    expect(await printDirectory(store.location)).toEqual(before);
  });

  test.each(losses)('%s is compared with what was witnessed', async (_, lose) => {
    await lose();
    const log = await store.file(/\.log$/);
    const { length } = await readFile(log);
    await truncate(log, length - 10);
    const journal = await store.open();
    expect(journal.opening.lost).toEqual([{ stream: 'session/b', found: 0, witnessed: 5 }]);
    await journal.close();
  });

  test.each(losses)('%s is refused by a version that is too old for its database', async (_, lose) => {
    await lose();
    const before = await readFile(store.path(markerFile), 'utf8').catch(() => 'gone');
    const older = { supported: { ...versions, laws: { session: 3 } }, upgrade: 'auto' } as const;
    const error = await errorOf(store.open({ gate: older }));
    expect(error).toMatchObject({ code: 'JOURNAL_FORMAT', details: { what: 'law session', found: 4 } });
    expect(await readFile(store.path(markerFile), 'utf8').catch(() => 'gone')).toBe(before);
    await whole();
  });

  const unproven: [string, string, () => Promise<unknown>][] = [
    ['says no id', 'does not say whose it is', () => inDatabase((db) => db.del(keys.store))],
    [
      'has a damaged id',
      'does not say whose it is',
      () => inDatabase((db) => db.put(keys.store, 'x'.repeat(80))),
    ],
    [
      'has damaged versions',
      'last written with cannot be read',
      () => inDatabase((db) => db.put(keys.kv(versionsKey), 'x'.repeat(80))),
    ],
    ['is damaged too', 'CURRENT: it is missing', () => rm(store.path('store', 'CURRENT'))],
    ['is gone', 'its database is missing', () => rename(store.path('store'), store.path('aside'))],
  ];

  test.each(unproven)('is damaged beside a database that %s is refused with both', async (_, why, damage) => {
    await flip(store.path(markerFile), 20);
    await damage();
    const marker = await readFile(store.path(markerFile), 'utf8');
    const error = await errorOf(store.open({ gate }));
    expect(error.code).toBe('JOURNAL_OPEN_FAILED');
    expect(error.details.problem).toContain(why);
    expect(error.details.problem).toContain(markerFile);
    expect(await readFile(store.path(markerFile), 'utf8')).toBe(marker);
  });

  test.each([
    ['as it was written', undefined],
    ['as somebody writes it by hand', 2],
  ])('is damaged beside the database of another store is refused with both ids, %s', async (_, indent) => {
    const other = await written();
    await rm(store.path('store'), { recursive: true });
    await cp(other.path('store'), store.path('store'), { recursive: true });
    const text = JSON.stringify(JSON.parse(await readFile(store.path(markerFile), 'utf8')), null, indent);
    await write(text.replace(/("witnessed": ?)true/, '$1tru'));
    const { problem } = (await errorOf(store.open())).details;
    expect(problem).toContain(
      `names the store ${uuid}, while its database is of ${(await other.marker()).uuid}`,
    );
    await other.remove();
  });

  test('is damaged after a repair is compared as a whole: nobody knows whether it was', async () => {
    await mkdir(store.path('store.damaged-before'));
    await inDatabase((db) => db.del(keys.event('session/a', 2)));
    await truncate(store.path(markerFile));
    const journal = await store.open();
    expect(journal.opening.repaired?.evidence).toBe(store.path('store.damaged-before'));
    expect(journal.opening.damaged).toMatchObject([{ stream: 'session/a' }]);
    await journal.close();
  });
});

describe('a marker without a checksum', () => {
  const plain = (marker: object): Promise<void> => write(`${JSON.stringify(marker)}\n`);

  test('is read, and has one from the next time that it is written', async () => {
    await plain(await store.marker());
    expect(await whole()).toMatchObject({ shutdown: 'clean' });
    expect(await readFile(store.path(markerFile), 'utf8')).toContain('"checksum":"');
  });

  test.each<[string, unknown]>([
    ['nothing', {}],
    ['no files', { at: 'now', heads: { heads: 2, digest: 1 } }],
    ['no heads', { at: 'now', files: { manifest: ['MANIFEST-000002', 1] } }],
    ['files that are none', { at: 'now', files: { manifest: 'x' }, heads: { heads: 2, digest: 1 } }],
    ['a text', 'yes'],
  ])('and with %s of what the close knew opens as after a kill, and says so', async (_, closed) => {
    await plain({ ...(await store.marker()), closed });
    expect(await whole()).toMatchObject({ shutdown: 'unclean', marker: 'its closed cannot be read' });
    expect(await store.marker()).toMatchObject({ uuid });
  });

  test.each([
    ['a member that nobody knows', { versionz: 1 }],
    ['versions that are none', { versions: { record: 'x', laws: {} } }],
    ['a witness that is none', { witnessed: 'yes' }],
    ['a repair that is none', { unchecked: { reasons: 'x' } }],
  ])('and with %s is made anew', async (_, wrong) => {
    await plain({ ...(await store.marker()), ...wrong });
    expect(await whole()).toMatchObject({ marker: expect.any(String) });
    expect(await store.marker()).toMatchObject({ uuid, versions });
  });
});

describe('a marker with a checksum', () => {
  test('is believed where it says that it is newer, and keeps what a later version has added', async () => {
    const marker: Marker = await store.marker();
    await store.writeMarker({ ...marker, format: 2 });
    expect(await codeOf(store.open())).toBe('JOURNAL_FORMAT');
    const added: Marker & { readonly later: number } = { ...marker, later: 7 };
    await write(textOfMarker(added));
    await whole();
    expect(await store.marker()).toMatchObject({ later: 7 });
  });
});

test.each<[string, string, () => Promise<unknown>]>([
  ['damaged', 'JOURNAL_OPEN_FAILED', () => truncate(store.path(markerFile))],
  ['gone', 'JOURNAL_FOREIGN', () => rm(store.path(markerFile))],
])(
  'a directory whose marker is %s, and whose witness is of somebody else, is left as it is',
  async (_, code, lose) => {
    await rm(store.path('witness'), { recursive: true });
    await mkdir(store.path('witness'));
    await writeFile(store.path('witness', 'notes.txt'), 'mine');
    await writeFile(store.path('heartbeat.json'), '{}');
    await lose();
    const before = await printDirectory(store.location);
    expect(await codeOf(store.open())).toBe(code);
    expect(await printDirectory(store.location)).toEqual(before);
  },
);
