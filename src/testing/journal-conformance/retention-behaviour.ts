// What is kept of a stream's past: three snapshots, what trimming leaves, and the tombstone of a removed stream.
import {
  commit,
  commitNew,
  committed,
  draft,
  headDraft,
  type JournalSuite,
  placesIn,
  readFeed,
  readPages,
  seqsIn,
  snapshotAt,
  snapshotsOf,
  stream,
} from './journal-fixture.ts';

export function testRetention(suite: JournalSuite): void {
  testSnapshots(suite);
  testTrimming(suite);
  testRemoval(suite);
}

function testSnapshots({ describe, test, expect, withJournal }: JournalSuite): void {
  describe('snapshots', () => {
    test('come newest first, the newest three, also in a later process', () =>
      withJournal(async (journal, reopen) => {
        const head = await commitNew(journal, 9);
        const made = [2, 9, 4, 7, 5].map((seq) => snapshotAt({ ...head, seq }, seq));
        for (const snapshot of made) await journal.putSnapshot(stream, snapshot);
        const kept = [9, 7, 5].map((seq) => made.find((snapshot) => snapshot.seq === seq));
        expect(await snapshotsOf(journal)).toEqual(kept);
        expect(await snapshotsOf(await reopen())).toEqual(kept);
      }));

    test('of one seq replace each other, and those of other streams stay apart', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 1);
        await commitNew(journal, 1, `${stream}1`);
        await journal.putSnapshot(stream, snapshotAt(head, 1));
        await journal.putSnapshot(stream, snapshotAt(head, 2));
        expect(await snapshotsOf(journal)).toEqual([snapshotAt(head, 2)]);
        expect(await snapshotsOf(journal, `${stream}1`)).toEqual([]);
      }));

    test('of events that are not durable are refused', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 1);
        await expect(journal.putSnapshot(stream, snapshotAt({ ...head, seq: 2 }, 2))).rejects.toThrow(
          RangeError,
        );
        expect(await snapshotsOf(journal)).toEqual([]);
      }));
  });
}

function testTrimming({ describe, test, testStored, expect, withJournal }: JournalSuite): void {
  describe('trimming', () => {
    test('forgets a prefix below the oldest kept snapshot, and the rest reads on', () =>
      withJournal(async (journal, reopen) => {
        const head = await commitNew(journal, 8);
        await journal.putSnapshot(stream, snapshotAt({ ...head, seq: 5 }, 5));
        await journal.trim(stream, 4);
        for (const open of [async () => journal, reopen]) {
          const opened = await open();
          expect(await opened.head(stream)).toEqual({ ...head, firstSeq: 5 });
          expect(seqsIn((await opened.readFrom(stream, 4)).events)).toEqual([5, 6, 7, 8]);
          await expect(opened.readFrom(stream, 3)).rejects.toMatchObject({
            code: 'HISTORY_TRIMMED',
            details: { stream, firstSeq: 5 },
          });
        }
      }));

    test('at or above the oldest kept snapshot, or without one, is refused', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 8);
        await expect(journal.trim(stream, 1)).rejects.toThrow(RangeError);
        for (const seq of [3, 6]) await journal.putSnapshot(stream, snapshotAt({ ...head, seq }, seq));
        await expect(journal.trim(stream, 3)).rejects.toThrow(RangeError);
        await expect(journal.trim(stream, 4)).rejects.toThrow(RangeError);
        expect(seqsIn((await journal.readFrom(stream, 0)).events)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
        await journal.trim(stream, 2);
        await journal.trim(stream, 1);
        expect(await journal.head(stream)).toMatchObject({ firstSeq: 3 });
      }));

    test('leaves the version and the seq, so that appends go on beside it', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 4);
        await journal.putSnapshot(stream, snapshotAt({ ...head, seq: 3 }, 3));
        const trimmed = journal.trim(stream, 2);
        const next = await commit(journal, head.version, [draft(5)]);
        await trimmed;
        expect(next.seq).toBe(5);
        expect(await journal.head(stream)).toMatchObject({ seq: 5, firstSeq: 3, version: next.version });
        expect(seqsIn((await journal.readFrom(stream, 2)).events)).toEqual([3, 4, 5]);
      }));

    testStored('leaves trimmed events out of the feed, and keeps the order of the others', () =>
      withJournal(async (journal, reopen) => {
        const head = await commitNew(journal, 3);
        await commitNew(journal, 1, 'session/beta');
        await journal.putSnapshot(stream, snapshotAt({ ...head, seq: 3 }, 3));
        await journal.trim(stream, 2);
        expect(placesIn(await readFeed(await reopen(), null))).toEqual(['session/alpha#3', 'session/beta#1']);
      }),
    );

    test('makes a snapshot from below it useless, and does not keep one that comes late', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 8);
        await journal.putSnapshot(stream, snapshotAt({ ...head, seq: 7 }, 7));
        await journal.trim(stream, 5);
        await journal.putSnapshot(stream, snapshotAt({ ...head, seq: 2 }, 2));
        expect((await snapshotsOf(journal)).map(({ seq }) => seq)).toEqual([7]);
      }));
  });
}

function testRemoval({ describe, test, testStored, expect, withJournal }: JournalSuite): void {
  describe('removing a stream', () => {
    testStored('leaves a tombstone and nothing else, also in a later process', () =>
      withJournal(async (journal, reopen) => {
        const receipts = [{ key: 'key', value: 1 }];
        const head = await commit(journal, null, [draft(1), draft(2)], { receipts });
        await journal.putSnapshot(stream, snapshotAt(head, 2));
        const tombstone = committed(await journal.remove(stream, head.version));
        expect(tombstone).toMatchObject({
          ...{ stream, seq: 2, firstSeq: 3 },
          ...{ status: 'deleted', dueAt: null },
        });
        for (const open of [async () => journal, reopen]) {
          const opened = await open();
          expect(await opened.head(stream)).toEqual(tombstone);
          expect(await opened.receipt(stream, 'key')).toBeUndefined();
          expect(await snapshotsOf(opened)).toEqual([]);
          expect(placesIn(await readFeed(opened, null))).toEqual([]);
          expect(await opened.readFrom(stream, 2)).toMatchObject({ events: [], end: true });
          await expect(opened.readFrom(stream, 0)).rejects.toMatchObject({ code: 'HISTORY_TRIMMED' });
          expect((await opened.list()).heads).toEqual([tombstone]);
        }
      }),
    );

    testStored('keeps its id taken, and its seq goes on when it is written again', () =>
      withJournal(async (journal, reopen) => {
        const head = await commitNew(journal, 2);
        const tombstone = committed(await journal.remove(stream, head.version));
        const anew = await journal.append(stream, null, [draft(1)], { head: headDraft });
        expect(anew).toEqual({ ok: false, reason: 'conflict', head: tombstone });
        const restored = await commit(journal, tombstone.version, [draft(3)]);
        expect(restored).toMatchObject({ seq: 3, firstSeq: 3, status: 'active' });
        const { events } = await (await reopen()).readFrom(stream, 2);
        expect(seqsIn(events)).toEqual([3]);
      }),
    );

    test('on another version than the newest, or of none, is a conflict', () =>
      withJournal(async (journal) => {
        const first = await commitNew(journal, 1);
        const none = await journal.remove('session/none', first.version);
        expect(none).toEqual({ ok: false, reason: 'conflict', head: undefined });
        const second = await commit(journal, first.version, [draft(2)]);
        expect(await journal.remove(stream, first.version)).toEqual({
          ...{ ok: false, reason: 'conflict', head: second },
        });
        expect(seqsIn((await journal.readFrom(stream, 0)).events)).toEqual([1, 2]);
      }));

    testStored('and an append that were built on one version: exactly one wins', () =>
      withJournal(async (journal) => {
        for (const [of, order] of [
          ['session/a', ['remove', 'append']],
          ['session/b', ['append', 'remove']],
        ] as const) {
          const { version } = await commitNew(journal, 1, of);
          const results = await Promise.all(
            order.map((kind) =>
              kind === 'remove'
                ? journal.remove(of, version)
                : journal.append(of, version, [draft(2, {}, of)], { head: headDraft }),
            ),
          );
          expect(results.filter(({ ok }) => ok).length).toBe(1);
          const head = await journal.head(of);
          expect(results.find(({ ok }) => ok)).toMatchObject({ ok: true, head });
        }
      }),
    );

    testStored('makes an append that was decided before it a conflict after it', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 2);
        const tombstone = committed(await journal.remove(stream, head.version));
        const late = await journal.append(stream, head.version, [draft(3)], { head: headDraft });
        expect(late).toEqual({ ok: false, reason: 'conflict', head: tombstone });
        expect(await journal.remove(stream, head.version)).toEqual(late);
      }),
    );

    test('does not touch a stream whose name begins with its name', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 1);
        const other = await commit(journal, null, [draft(1, {}, `${stream}1`)], {
          of: `${stream}1`,
          receipts: [{ key: 'key', value: 1 }],
        });
        await journal.remove(stream, head.version);
        expect(await journal.head(`${stream}1`)).toEqual(other);
        expect((await readPages(journal, 9, `${stream}1`)).flatMap(({ events }) => events).length).toBe(1);
        expect(await journal.receipt(`${stream}1`, 'key')).toBe(1);
      }));

    testStored('ends a snapshot and a trim that come behind it without a trace', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 3);
        const removed = journal.remove(stream, head.version);
        const late = journal.putSnapshot(stream, snapshotAt(head, 3));
        const trimmed = journal.trim(stream, 1).catch(() => undefined);
        await Promise.all([removed, late, trimmed]);
        expect(await snapshotsOf(journal)).toEqual([]);
        expect(await journal.head(stream)).toEqual(committed(await removed));
      }),
    );
  });
}
