// Appends: atomic, one winner for each version, in order, and answered from their receipts.
import type { EventDraft, StoredEvent, Version } from '../../journal/journal.ts';
import {
  commit,
  commitNew,
  draft,
  drafts,
  headDraft,
  type JournalSuite,
  readPages,
  stream,
} from './journal-fixture.ts';

export function testAppends({ describe, test, testStored, expect, withJournal }: JournalSuite): void {
  describe('an append', () => {
    test('to a new stream expects no version, and its head is found again', () =>
      withJournal(async (journal) => {
        expect(await journal.head(stream)).toBeUndefined();
        const head = await commit(journal, null, drafts(1, 3), {
          head: { status: 'idle', dueAt: 77, summary: { title: 'first' } },
        });
        expect(head).toMatchObject({
          ...{ stream, seq: 3, firstSeq: 1, status: 'idle', dueAt: 77, operations: 0 },
          ...{ summary: { title: 'first' }, epoch: journal.epoch, updatedAt: draft(3).event.at },
        });
        expect(await journal.head(stream)).toEqual(head);
      }));

    test('is found again by a later process', () =>
      withJournal(async (journal, reopen) => {
        const head = await commitNew(journal, 3);
        const reopened = await reopen();
        expect(await reopened.head(stream)).toEqual(head);
        const [page] = await readPages(reopened, 10);
        expect(page?.events).toEqual(drafts(1, 3).map(({ event }) => event));
      }));

    test('on another version than the newest is a conflict that writes nothing and names the head', () =>
      withJournal(async (journal) => {
        const first = await commitNew(journal, 1);
        const second = await commit(journal, first.version, [draft(2)]);
        const receipts = [{ key: 'late', value: 1 }];
        for (const expected of [null, first.version]) {
          const result = await journal.append(stream, expected, [draft(2)], { head: headDraft, receipts });
          expect(result).toEqual({ ok: false, reason: 'conflict', head: second });
        }
        expect(await journal.receipt(stream, 'late')).toBeUndefined();
        expect(await journal.head(stream)).toEqual(second);
      }));

    test('on a version of a stream that does not exist is a conflict without a head', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const result = await journal.append('session/none', version, [], { head: headDraft });
        expect(result).toEqual({ ok: false, reason: 'conflict', head: undefined });
      }));

    test('wins alone when several are built on one version at once', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const rivals = ['a', 'b', 'c'].map((by) =>
          journal.append(stream, version, [draft(2, { by })], { head: headDraft }),
        );
        const results = await Promise.all(rivals);
        const winners = ['a', 'b', 'c'].filter((_, i) => results[i]?.ok);
        expect(winners.length).toBe(1);
        const { events } = await journal.readFrom(stream, 1);
        expect(events.map(({ data }) => data)).toEqual(winners.map((by) => ({ by })));
      }));

    test('under a lower epoch than the head has is a conflict, under the same or a higher one it is not', () =>
      withJournal(async (journal) => {
        const first = await commit(journal, null, [draft(1)], { epoch: 7 });
        expect(first.epoch).toBe(7);
        const stale = await journal.append(stream, first.version, [draft(2)], { head: headDraft, epoch: 6 });
        expect(stale).toEqual({ ok: false, reason: 'conflict', head: first });
        const second = await commit(journal, first.version, [draft(2)], { epoch: 7 });
        const third = await commit(journal, second.version, [draft(3)], { epoch: 8 });
        expect(third.epoch).toBe(8);
      }));

    testStored(
      'is under the epoch of the opening when it names none, and each opening has a higher one',
      () =>
        withJournal(async (journal, reopen) => {
          const earlier = journal.epoch;
          await commitNew(journal, 1);
          const reopened = await reopen();
          expect(reopened.epoch).toBeGreaterThan(earlier);
          const head = await reopened.head(stream);
          const next = await commit(reopened, head?.version ?? null, [draft(2)]);
          expect(next.epoch).toBe(reopened.epoch);
        }),
    );

    test('that is sent as soon as the one before it is answered keeps its order among many streams', () =>
      withJournal(async (journal) => {
        const streams = Array.from({ length: 20 }, (_, i) => `session/s${i}`);
        const write = async (of: string): Promise<void> => {
          let version: Version | null = null;
          for (let seq = 1; seq <= 20; seq++) {
            ({ version } = await commit(journal, version, [draft(seq, { seq }, of)], { of }));
          }
        };
        await Promise.all(streams.map(write));
        for (const of of streams) {
          const pages = await readPages(journal, 7, of);
          const expected = drafts(1, 20).map((_, i) => ({ seq: i + 1 }));
          expect(pages.flatMap(({ events }) => events).map(({ data }) => data)).toEqual(expected);
        }
      }));

    test('of no events moves the head and leaves the version', () =>
      withJournal(async (journal) => {
        const first = await commitNew(journal, 2);
        const head = { status: 'paused', dueAt: 5, summary: { n: 2 } };
        const moved = await commit(journal, first.version, [], { head });
        expect(moved).toEqual({ ...first, ...head });
        expect(await journal.head(stream)).toEqual(moved);
      }));

    test('that does not continue its stream, or could not be read back, is refused, and nothing of it is written', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const wrong = [
          [draft(3)],
          [draft(2), draft(2)],
          [draft(2, {}, 'session/other')],
          [changed(draft(2), { at: Number.NaN })],
          [changed(draft(2), { typeVersion: 1.5 })],
        ];
        for (const events of wrong) {
          await expect(journal.append(stream, version, events, { head: headDraft })).rejects.toThrow(
            RangeError,
          );
        }
        expect(await journal.head(stream)).toMatchObject({ seq: 1, version });
        await commit(journal, version, [draft(2)]);
      }));
  });

  describe('a receipt', () => {
    test('is there with its append and not without it, counted in the head, and kept for later processes', () =>
      withJournal(async (journal, reopen) => {
        expect(await journal.receipt(stream, 'key')).toBeUndefined();
        const answer = { seq: 1, reply: { ok: true, text: 'é\u2028' } };
        const receipts = [
          { key: 'key', value: answer },
          { key: 'a!b/ü', value: null },
        ];
        const head = await commit(journal, null, [draft(1)], { receipts });
        expect(head.operations).toBe(2);
        expect(await journal.receipt(stream, 'key')).toEqual(answer);
        expect(await journal.receipt('session/other', 'key')).toBeUndefined();
        const reopened = await reopen();
        expect(await reopened.receipt(stream, 'key')).toEqual(answer);
        expect(await reopened.receipt(stream, 'a!b/ü')).toBe(null);
      }));

    test('under a key that was used before takes its place', () =>
      withJournal(async (journal) => {
        const first = await commit(journal, null, [draft(1)], { receipts: [{ key: 'from', value: 1 }] });
        await commit(journal, first.version, [draft(2)], { receipts: [{ key: 'from', value: 2 }] });
        expect(await journal.receipt(stream, 'from')).toBe(2);
      }));

    test('under a key that holds half a character is refused: two such keys would be one', () =>
      withJournal(async (journal) => {
        const receipts = [{ key: 'half \ud800', value: 1 }];
        const append = journal.append(stream, null, [draft(1)], { head: headDraft, receipts });
        await expect(append).rejects.toMatchObject({ code: 'INVALID_ID' });
        expect(await journal.head(stream)).toBeUndefined();
      }));
  });

  describe('the head', () => {
    test('is the one after everything that was appended before it was asked for', () =>
      withJournal(async (journal) => {
        const appended = journal.append(stream, null, [draft(1)], { head: headDraft });
        const head = await journal.head(stream);
        const result = await appended;
        expect(result).toMatchObject({ ok: true, head });
      }));

    test('is answered although appends to its stream never stop', () =>
      withJournal(async (journal) => {
        let stop = false;
        let version: Version | null = null;
        const load = async (): Promise<void> => {
          for (let seq = 1; !stop; seq++) ({ version } = await commit(journal, version, [draft(seq)]));
        };
        const loading = load();
        for (let i = 0; i < 20; i++) await journal.head(stream);
        stop = true;
        await loading;
        expect(await journal.head(stream)).toMatchObject({ version });
      }));
  });

  describe('a stream name', () => {
    test('that is not "kind/id" is refused wherever it is given', () =>
      withJournal(async (journal) => {
        const bad = [
          '',
          'session',
          'session/',
          '/a',
          'session/a!b',
          'session/a b',
          'Session/a',
          'session/-a',
        ];
        for (const name of [...bad, `session/${'x'.repeat(65)}`, 'session/../a', 'session/ä']) {
          const calls = [
            journal.head(name),
            journal.append(name, null, [], { head: headDraft }),
            journal.readFrom(name, 0),
            journal.trim(name, 1),
            journal.remove(name, '1' as Version),
          ];
          for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'INVALID_ID' });
        }
      }));
  });
}

function changed({ event, payload }: EventDraft, change: Partial<StoredEvent>): EventDraft {
  return { event: { ...event, ...change }, payload };
}
