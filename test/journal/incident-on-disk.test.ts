// An incident on LevelDB itself: what is being read while the database is closed and opened again is answered all the same.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import type { Store } from '../../src/journal/level-store.ts';
import {
  commit,
  commitNew,
  draft,
  drafts,
  headDraft,
  placesIn,
  readFeed,
  readPages,
  snapshotAt,
  snapshotsOf,
} from '../../src/testing/journal-conformance/journal-fixture.ts';

let directory: string;
/** How many of the next group commits fail after they were carried out. */
let failures = 0;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-incident-'));
  failures = 0;
});

afterEach(() => rm(directory, { recursive: true }));

async function open(): Promise<Store> {
  const db = new Level<string, string>(directory) as unknown as Store;
  await db.open();
  const { batch } = db;
  const failing = (...args: unknown[]): unknown => {
    const made = Reflect.apply(batch, db, args);
    if (args.length > 0) return made;
    const write = made.write.bind(made);
    return Object.assign(made, {
      async write(options: object) {
        await write(options);
        failures -= 1;
        if (failures >= 0) throw new Error('the disk failed');
      },
    });
  };
  return Object.assign(db, { batch: failing });
}

test('reads that are under way when the disk fails are answered, each as it would have been', async () => {
  const journal = await LevelJournal.open({ open });
  const streams = Array.from({ length: 12 }, (_, i) => `session/s${i}`);
  const text = 'x'.repeat(50_000);
  for (const of of streams) {
    const events = drafts(1, 40, of).map(({ event }) => draft(event.seq, { text }, of));
    const head = await commit(journal, null, events, { of });
    await journal.putSnapshot(of, snapshotAt(head, 40));
  }
  for (let round = 0; round < 3; round++) {
    failures = 1;
    const of = `session/new${round}`;
    const failed = journal.append(of, null, [draft(1, {}, of)], { head: headDraft });
    const reads = Promise.all(
      streams.map(async (stream) => {
        const pages = await readPages(journal, 7, stream);
        expect(pages.flatMap(({ events }) => events).length).toBe(40);
        expect((await snapshotsOf(journal, stream)).length).toBe(1);
        expect(await journal.kv.get('none')).toBeUndefined();
        expect(await journal.receipt(stream, 'none')).toBeUndefined();
        expect((await journal.list({ prefix: 'session/s' })).heads.length).toBe(12);
      }),
    );
    const feeds = Promise.all([1, 2, 256].map((limit) => readFeed(journal, null, limit)));
    expect(await failed).toMatchObject({ ok: false, reason: 'unknown' });
    await reads;
    for (const feed of await feeds) expect(placesIn(feed).length).toBeGreaterThanOrEqual(480 + round);
    expect(await journal.head(of)).toMatchObject({ seq: 1 });
  }
  await journal.close();
});

test('closing while everything is under way ends each call with its answer or with JOURNAL_CLOSED', async () => {
  const journal = await LevelJournal.open({ open });
  for (let i = 0; i < 20; i++) await commitNew(journal, 40, `session/s${i}`);
  const codeOf = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => 'answered',
      (error: { code?: string }) => error.code ?? error,
    );
  const calls = Array.from({ length: 20 }, (_, i) => `session/s${i}`).flatMap((stream) => [
    codeOf(readPages(journal, 3, stream)),
    codeOf(readFeed(journal, null, 2)),
    codeOf(journal.list()),
    codeOf(commitNew(journal, 5, `${stream}-new`)),
    codeOf(journal.kv.batch([{ key: stream, value: 1 }])),
  ]);
  await journal.list({ limit: 1 });
  await journal.close();
  const codes = await Promise.all(calls);
  expect(codes.filter((code) => code !== 'answered' && code !== 'JOURNAL_CLOSED')).toEqual([]);
});
