// A removal is a tombstone first and a clearing after it: whatever comes between them, the end is the same.
import { describe, expect, test } from 'vitest';
import type { Head, Journal } from '../../src/journal/journal.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import {
  commit,
  commitNew,
  committed,
  draft,
  drafts,
  headDraft,
  placesIn,
  readFeed,
  seqsIn,
  snapshotAt,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';

interface Written extends MemoryJournal {
  readonly journal: Journal;
  readonly head: Head;
}

/** A stream with two events, a receipt and a snapshot, and another beside it. */
async function written(): Promise<Written> {
  const store = memoryJournal();
  const journal = await store.open();
  const head = await commit(journal, null, drafts(1, 2), { receipts: [{ key: 'key', value: 1 }] });
  await journal.putSnapshot(stream, snapshotAt(head, 2));
  await commitNew(journal, 1, `${stream}1`);
  return { ...store, journal, head };
}

/** The keys of the removed stream that are still on the disk, and its head. */
async function remains({ disk }: MemoryJournal): Promise<string[]> {
  const keys = await disk.data.keys().all();
  return keys.filter((key) => new RegExp(`${stream}(!|$)`).test(key));
}

/** After the tombstone comes the clearing, in one step where there is little: events, snapshots and receipts, and the marker with them. */
const stepsAfterTombstone = [1];

describe('a removal', () => {
  test.each(stepsAfterTombstone)(
    'that a kill ends before step %i is finished at the next opening',
    async (step) => {
      const store = await written();
      const { journal, disk, open, head } = store;
      const held = disk.holdWrites(step);
      const removed = journal.remove(stream, head.version);
      await held.arrived;
      await disk.crash();
      const reopening = open();
      held.release();
      const reopened = await reopening;
      expect(await remains(store)).toEqual([`h!${stream}`]);
      expect(await reopened.head(stream)).toMatchObject({ status: 'deleted', seq: 2, firstSeq: 3 });
      expect(placesIn(await readFeed(reopened, null))).toEqual([`${stream}1#1`]);
      await removed;
    },
  );

  test.each(stepsAfterTombstone)(
    'whose step %i fails stands, and refuses appends until it is finished',
    async (step) => {
      const store = await written();
      const { journal, disk, open, head, reports } = store;
      disk.failWrites(nthWrite(disk.writes + 1 + step, 'before'));
      const tombstone = committed(await journal.remove(stream, head.version));
      expect(reports.at(-1)).toMatchObject({ name: 'clearing.unfinished', data: { stream } });
      const append = journal.append(stream, tombstone.version, [draft(3)], { head: headDraft });
      await expect(append).rejects.toMatchObject({ code: 'NOT_COMMITTED' });
      await journal.close();
      const reopened = await open();
      expect(await remains(store)).toEqual([`h!${stream}`]);
      await commit(reopened, tombstone.version, [draft(3)]);
    },
  );

  test('whose clearing an incident cuts off is finished by the reopening, and the stream can be written again', async () => {
    const store = await written();
    const { journal, disk, head } = store;
    disk.failWrites(nthWrite(disk.writes + 2, 'before'));
    const tombstone = committed(await journal.remove(stream, head.version));
    const failed = journal.append('session/b', null, [draft(1, {}, 'session/b')], { head: headDraft });
    expect(await failed).toMatchObject({ reason: 'unknown' });
    const restored = await commit(await reopened(journal), tombstone.version, [draft(3)]);
    expect(restored.seq).toBe(3);
    expect(await remains(store)).toEqual([`e!${stream}!000000003`, `h!${stream}`]);
  });

  test('does not clear what is appended while it clears: the append waits for it', async () => {
    const store = await written();
    const { journal, disk, open, head } = store;
    const held = disk.holdWrites(1);
    const removed = journal.remove(stream, head.version);
    await held.arrived;
    const tombstone = await journal.head(stream);
    const receipts = [{ key: 'new', value: 2 }];
    const appended = commit(journal, tombstone?.version ?? null, [draft(3)], { receipts });
    const beside = commit(journal, null, [draft(1, {}, 'session/b')], { of: 'session/b' });
    held.release();
    expect(await removed).toMatchObject({ ok: true, head: tombstone });
    expect(await appended).toMatchObject({ seq: 3, firstSeq: 3 });
    await beside;
    await journal.close();
    const reopened = await open();
    expect(seqsIn((await reopened.readFrom(stream, 2)).events)).toEqual([3]);
    expect(await reopened.receipt(stream, 'new')).toBe(2);
    expect(await reopened.receipt(stream, 'key')).toBeUndefined();
  });

  test('closes with the journal: close waits until it is cleared', async () => {
    const store = await written();
    const { journal, disk, head, clock } = store;
    const held = disk.holdWrites(1);
    const removed = journal.remove(stream, head.version);
    await held.arrived;
    const closed = journal.close();
    await clock.advance(0);
    held.release();
    await closed;
    expect(committed(await removed).status).toBe('deleted');
    expect(await remains(store)).toEqual([`h!${stream}`]);
  });

  test('leaves no trace of the stream in what the feed keeps in memory', async () => {
    const { journal, head } = await written();
    expect(placesIn(await journal.readAll(null)).length).toBe(3);
    await journal.remove(stream, head.version);
    expect(placesIn(await readFeed(journal, null))).toEqual([`${stream}1#1`]);
  });

  test('cannot be asked for through a small value', async () => {
    const { journal, open } = await written();
    await journal.kv.batch([
      { key: `journal/removing/${stream}`, value: true },
      { key: stream, value: true },
    ]);
    await journal.close();
    expect(seqsIn((await (await open()).readFrom(stream, 0)).events)).toEqual([1, 2]);
  });
});

describe('a trim', () => {
  test.each([1, 2])('that a kill ends before step %i is finished at the next opening', async (step) => {
    const store = memoryJournal();
    const { disk, open } = store;
    const journal = await store.open();
    const head = await commitNew(journal, 5);
    await journal.putSnapshot(stream, snapshotAt(head, 5));
    const held = disk.holdWrites(step);
    const trimmed = journal.trim(stream, 2);
    await held.arrived;
    await disk.crash();
    const reopening = open();
    held.release();
    await trimmed;
    const reopened = await reopening;
    expect(await reopened.head(stream)).toEqual({ ...head, firstSeq: 3 });
    expect(await remains(store)).toEqual([
      ...[3, 4, 5].map((seq) => `e!${stream}!00000000${seq}`),
      ...[`h!${stream}`, `s!${stream}!000000005`],
    ]);
  });

  test('whose records cannot be cleared holds, and the reopened journal clears them', async () => {
    const store = await written();
    const { journal, disk, head, reports } = store;
    disk.failWrites(nthWrite(disk.writes + 2, 'before'));
    await journal.trim(stream, 1);
    expect(reports.at(-1)).toMatchObject({ name: 'clearing.unfinished', data: { stream } });
    expect(await journal.head(stream)).toEqual({ ...head, firstSeq: 2 });
    await expect(journal.kv.batch([{ key: 'k', value: 1 }])).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    await journal.incident;
    expect((await remains(store)).filter((key) => key.startsWith('e!'))).toEqual([`e!${stream}!000000002`]);
  });

  test('while a reader pages through the stream tells it what is gone, and not that it is damaged', async () => {
    const journal = await memoryJournal().open();
    const head = await commitNew(journal, 9);
    await journal.putSnapshot(stream, snapshotAt(head, 9));
    const page = await journal.readFrom(stream, 0, { limit: 2 });
    await journal.trim(stream, 5);
    const next = journal.readFrom(stream, 2, { chain: page.chain ?? '' });
    await expect(next).rejects.toMatchObject({ code: 'HISTORY_TRIMMED', details: { firstSeq: 6 } });
  });
});

/** The journal, once no incident is left. */
async function reopened(journal: Journal): Promise<Journal> {
  await journal.incident;
  return journal;
}
