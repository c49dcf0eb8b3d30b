// Reading one stream back: in pages, each linked to the one before it, never further than what is durable.
import {
  commit,
  commitNew,
  draft,
  drafts,
  type JournalSuite,
  readPages,
  seqsIn,
  stream,
} from './journal-fixture.ts';

export function testReading({ describe, test, expect, withJournal }: JournalSuite): void {
  describe('reading a stream', () => {
    test('that does not exist gives nothing, and its end', () =>
      withJournal(async (journal) => {
        expect(await journal.readFrom(stream, 0)).toMatchObject({ events: [], end: true });
      }));

    test('gives what was appended, whatever it holds', () =>
      withJournal(async (journal, reopen) => {
        const values = [
          null,
          0,
          'line\nbreak\r\n\u2028 and "quotes" \\n',
          { ä: '€𝄞', '': [], nested: { a: [1, [2, { b: null }]] } },
          'half a character \ud800 and the other \udc00',
          '\u0000\ufffd\uffff',
          JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
        ];
        await commit(
          journal,
          null,
          values.map((value, i) => draft(i + 1, value)),
        );
        const { events } = await (await reopen()).readFrom(stream, 0);
        expect(events.map(({ data }) => JSON.stringify(data))).toEqual(
          values.map((value) => JSON.stringify(value)),
        );
        expect(({} as Record<string, unknown>).polluted).toBeUndefined();
      }));

    test('gives events that cannot be changed', () =>
      withJournal(async (journal, reopen) => {
        await commit(journal, null, [draft(1, { list: [{ a: 1 }] })]);
        const [event] = (await (await reopen()).readFrom(stream, 0)).events;
        const data = event?.data as { list: [object] };
        const parts = [event, event?.meta, data, data.list, data.list[0]];
        expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true, true, true]);
      }));

    test('begins behind the given seq and ends with the last event', () =>
      withJournal(async (journal) => {
        await commitNew(journal, 5);
        const page = await journal.readFrom(stream, 2);
        expect(seqsIn(page.events)).toEqual([3, 4, 5]);
        expect(page.end).toBe(true);
        expect(await journal.readFrom(stream, 5)).toMatchObject({ events: [], end: true });
        expect(await journal.readFrom(stream, 9)).toMatchObject({ events: [], end: true });
      }));

    test('comes in pages that say which is the last', () =>
      withJournal(async (journal) => {
        await commitNew(journal, 9);
        const pages = await readPages(journal, 4);
        expect(pages.map(({ events }) => seqsIn(events))).toEqual([[1, 2, 3, 4], [5, 6, 7, 8], [9]]);
        expect(pages.map(({ end }) => end)).toEqual([false, false, true]);
        const whole = await readPages(journal, 9);
        expect(whole.map(({ end }) => end)).toEqual([true]);
      }));

    test('hands on a hash that ends in that of the head, and that the next page must follow', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 4);
        const [first, second] = await readPages(journal, 2);
        expect(second?.chain).toBe(head.chain);
        const foreign = second?.chain ?? '';
        await expect(journal.readFrom(stream, 2, { chain: foreign })).rejects.toMatchObject({
          code: 'JOURNAL_CORRUPT',
          details: { stream, seq: 3 },
        });
        expect(await journal.readFrom(stream, 2, { chain: first?.chain ?? '' })).toEqual(second);
        const end = await journal.readFrom(stream, 4, { chain: head.chain });
        expect(end).toEqual({ events: [], chain: head.chain, end: true });
      }));

    test('from a place that it lost since is found: a hash names what was there', () =>
      withJournal(async (journal) => {
        const head = await commitNew(journal, 4);
        const [first] = await readPages(journal, 2);
        const gone = journal.readFrom(stream, 5, { chain: head.chain });
        await expect(gone).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', details: { stream, seq: 5 } });
        const other = journal.readFrom(stream, 4, { chain: first?.chain ?? '' });
        await expect(other).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', details: { stream, seq: 4 } });
      }));

    test('gives large pages in parts, none of them lost', () =>
      withJournal(async (journal) => {
        const large = Math.min(3 * 1024 * 1024, Math.floor(journal.limits.valueBytes / 2));
        let head = await commit(journal, null, [draft(1, 'x'.repeat(large))]);
        for (let seq = 2; seq <= 5; seq++) {
          head = await commit(journal, head.version, [draft(seq, String(seq).repeat(large))]);
        }
        const pages = await readPages(journal, 256);
        expect(seqsIn(pages.flatMap(({ events }) => events))).toEqual([1, 2, 3, 4, 5]);
        expect(pages.at(-1)?.chain).toBe(head.chain);
      }));

    test('shows nothing that is not durable yet, and all that is', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const appended = journal.append(stream, version, drafts(2, 3), {
          head: { status: 'active', dueAt: null, summary: null },
        });
        const { events } = await journal.readFrom(stream, 0);
        expect(seqsIn(events)).toEqual([1]);
        await appended;
        expect(seqsIn((await journal.readFrom(stream, 0)).events)).toEqual([1, 2, 3]);
      }));
  });
}
