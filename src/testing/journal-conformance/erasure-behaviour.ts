// Erasing: of the events named nothing but their headers stays, recorded in the same batch, and the chain holds.
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

export function testErasure(suite: JournalSuite): void {
  suite.describe('erasing', () => {
    testRecords(suite);
    testSnapshots(suite);
    testOrder(suite);
  });
}

function testRecords({ test, testStored, expect, withJournal }: JournalSuite): void {
  test('takes the payloads, leaves the events, and appends what records it', () =>
    withJournal(async (journal, reopen) => {
      const { version: expected } = await commitNew(journal, 4);
      const append = { expected, events: [draft(5, { seqs: [2, 3] })], options: { head: headDraft } };
      const head = committed(await journal.erase(stream, [2, 3], append));
      expect(head).toMatchObject({ stream, seq: 5, firstSeq: 1 });
      for (const open of [async () => journal, reopen]) {
        const opened = await open();
        expect(await opened.head(stream)).toEqual(head);
        for (const limit of [1, 9]) {
          const events = (await readPages(opened, limit)).flatMap((page) => page.events);
          expect(seqsIn(events)).toEqual([1, 2, 3, 4, 5]);
          expect(events.map(({ data }) => data)).toEqual([
            ...[{ n: 1 }, undefined, undefined, { n: 4 }],
            { seqs: [2, 3] },
          ]);
          expect(events[1]).toMatchObject({
            type: 'thing.happened',
            at: draft(2).event.at,
            meta: draft(2).event.meta,
          });
        }
      }
    }));

  testStored('shows the events without their payloads in the feed', () =>
    withJournal(async (journal, reopen) => {
      const { version: expected } = await commitNew(journal, 2);
      await journal.erase(stream, [1], { expected, events: [draft(3)], options: { head: headDraft } });
      for (const open of [async () => journal, reopen]) {
        const entries = await readFeed(await open(), null);
        expect(placesIn(entries)).toEqual([1, 2, 3].map((seq) => `${stream}#${seq}`));
        expect(entries[0]?.events.map(({ data }) => data)).toEqual([undefined, { n: 2 }]);
      }
    }),
  );

  test('can be done again, and keeps receipts', () =>
    withJournal(async (journal) => {
      const first = await commitNew(journal, 1);
      const once = { expected: first.version, events: [draft(2)], options: { head: headDraft } };
      const { version: expected } = committed(await journal.erase(stream, [1], once));
      const receipts = [{ key: 'key', value: 1 }];
      const again = { expected, events: [draft(3)], options: { head: headDraft, receipts } };
      expect(committed(await journal.erase(stream, [1], again))).toMatchObject({ seq: 3, operations: 1 });
      expect(await journal.receipt(stream, 'key')).toBe(1);
      expect(await journal.purge(stream, ['none'])).toBe(true);
      expect(seqsIn((await journal.readFrom(stream, 0)).events)).toEqual([1, 2, 3]);
    }));
}

function testSnapshots({ test, expect, withJournal }: JournalSuite): void {
  test('forgets all snapshots, also one that comes late, and keeps the one that it was given', () =>
    withJournal(async (journal) => {
      const before = await commitNew(journal, 4);
      await journal.putSnapshot(stream, snapshotAt(before, 4));
      const { version: expected } = before;
      const append = { expected, events: [draft(5)], options: { head: headDraft } };
      const erasing = journal.erase(stream, [2], append);
      const late = journal.putSnapshot(stream, snapshotAt(before, 4));
      const head = committed(await erasing);
      await late;
      await journal.putSnapshot(stream, snapshotAt(before, 4));
      expect(await snapshotsOf(journal)).toEqual([]);
      await journal.putSnapshot(stream, snapshotAt(head, 5));
      expect(await snapshotsOf(journal)).toEqual([snapshotAt(head, 5)]);
      const next = { expected: head.version, events: [draft(6)], options: { head: headDraft } };
      const given = committed(
        await journal.erase(stream, [3], { ...next, snapshot: (at) => snapshotAt(at, 6) }),
      );
      expect(await snapshotsOf(journal)).toEqual([snapshotAt(given, 6)]);
    }));
}

function testOrder({ test, expect, withJournal }: JournalSuite): void {
  test('on another version than the newest is a conflict, and erases nothing', () =>
    withJournal(async (journal) => {
      const { version: expected } = await commitNew(journal, 1);
      const newest = await commit(journal, expected, [draft(2)]);
      const late = { expected, events: [draft(2)], options: { head: headDraft } };
      expect(await journal.erase(stream, [1], late)).toEqual({ ok: false, reason: 'conflict', head: newest });
      expect((await journal.readFrom(stream, 0)).events[0]?.data).toEqual({ n: 1 });
      await journal.putSnapshot(stream, snapshotAt(newest, 2));
      expect(await snapshotsOf(journal)).toEqual([snapshotAt(newest, 2)]);
    }));

  test('and an append that were built on one version: exactly one wins', () =>
    withJournal(async (journal) => {
      const { version: expected } = await commitNew(journal, 1);
      const erasure = { expected, events: [draft(2)], options: { head: headDraft } };
      const results = await Promise.all([
        journal.erase(stream, [1], erasure),
        journal.append(stream, expected, [draft(2)], { head: headDraft }),
      ]);
      expect(results.filter(({ ok }) => ok).length).toBe(1);
      expect(results.find(({ ok }) => ok)).toMatchObject({ head: await journal.head(stream) });
    }));

  test('does not touch other streams', () =>
    withJournal(async (journal) => {
      const { version: expected } = await commitNew(journal, 1);
      const other = await commitNew(journal, 1, `${stream}1`);
      await journal.putSnapshot(`${stream}1`, snapshotAt(other, 1));
      await journal.erase(stream, [1], { expected, events: [draft(2)], options: { head: headDraft } });
      expect((await journal.readFrom(`${stream}1`, 0)).events[0]?.data).toEqual({ n: 1 });
      expect((await snapshotsOf(journal, `${stream}1`)).length).toBe(1);
    }));
}
