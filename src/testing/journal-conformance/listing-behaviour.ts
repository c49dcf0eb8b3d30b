// Heads in the order of their streams, page by page, and the small values that stand beside the streams.
import type { Head, HeadDraft, Journal, Version } from '../../journal/journal.ts';
import { commit, commitNew, draft, type JournalSuite } from './journal-fixture.ts';

export function testListing({ describe, test, expect, withJournal }: JournalSuite): void {
  describe('the list of heads', () => {
    const names = ['session/B', 'session/a', 'session/a-b', 'session/ab', 'task/a', 'task/z'];

    test('is in the order of the names, of all streams or of those with a prefix', () =>
      withJournal(async (journal, reopen) => {
        for (const name of [...names].reverse()) await commitNew(journal, 1, name);
        for (const open of [async () => journal, reopen]) {
          const opened = await open();
          expect(await listed(opened, {})).toEqual(names);
          expect(await listed(opened, { prefix: 'session/a' })).toEqual([
            'session/a',
            'session/a-b',
            'session/ab',
          ]);
          expect(await listed(opened, { prefix: 'task/' })).toEqual(['task/a', 'task/z']);
          expect(await listed(opened, { prefix: 'nothing' })).toEqual([]);
        }
      }));

    test('comes in pages, each going on behind the last name of the one before it', () =>
      withJournal(async (journal) => {
        for (const name of names) await commitNew(journal, 1, name);
        for (const limit of [1, 2, 3, 5, 6, 7]) expect(await listed(journal, { limit })).toEqual(names);
        expect(await listed(journal, { prefix: 'session/', limit: 2 })).toEqual(names.slice(0, 4));
        const page = await journal.list({ after: 'session/a0', limit: 2 });
        expect(page.heads.map(({ stream }) => stream)).toEqual(['session/ab', 'task/a']);
        expect(await journal.list({ prefix: 'session/', after: 'task/a' })).toMatchObject({ heads: [] });
      }));

    test('shows each head as it is now', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1, 'session/a');
        const head = { status: 'paused', dueAt: 12, summary: { title: 't' } };
        const moved = await commit(journal, version, [], { of: 'session/a', head });
        expect(await journal.list()).toEqual({ heads: [moved], damaged: [], next: undefined });
      }));
  });

  describe('a survey of heads', () => {
    test('shows each with the prefix once, in the order of their names, as it is now', () =>
      withJournal(async (journal, reopen) => {
        const drafts: readonly HeadDraft[] = [
          { status: 'active', dueAt: null, summary: null },
          { status: 'active', dueAt: 1_767_225_600_000, summary: { title: 'a, "b"' } },
          { status: 'paused', dueAt: 0, summary: ['null,', 1] },
          { status: 'a "status", with\\all', dueAt: null, summary: {} },
          { status: 'back\\slash', dueAt: null, summary: null },
          { status: '', dueAt: 12, summary: 'text' },
          { status: 'active', dueAt: null, summary: { title: '\u2028é' } },
        ];
        const heads: Head[] = [];
        for (const [i, head] of drafts.entries()) {
          const of = `session/s${i}`;
          heads.push(await commit(journal, null, [draft(1, {}, of)], { of, head }));
        }
        await commitNew(journal, 1, 'task/a');
        for (const open of [async () => journal, reopen]) {
          const seen: object[] = [];
          await (await open()).survey('session/', (glance) => {
            seen.push([glance.status, glance.dueAt, glance.whole()]);
          });
          expect(seen).toEqual(heads.map((head) => [head.status, head.dueAt, head]));
        }
      }));
  });
}

export function testKeyValue({ describe, test, expect, withJournal }: JournalSuite): void {
  describe('a small value', () => {
    test('is kept for later processes, replaced and deleted', () =>
      withJournal(async (journal, reopen) => {
        const value = { text: 'é\n\u2028', list: [1, null], __proto__: null };
        expect(await journal.kv.get('a')).toBeUndefined();
        await journal.kv.batch([
          { key: 'a', value },
          { key: 'b', value: null },
        ]);
        await journal.kv.batch([]);
        const { kv } = await reopen();
        expect(JSON.stringify(await kv.get('a'))).toBe(JSON.stringify(value));
        expect(await kv.get('b')).toBe(null);
        await kv.batch([
          { key: 'a', value: 2 },
          { key: 'b', value: undefined },
        ]);
        expect(await kv.get('a')).toBe(2);
        expect(await kv.get('b')).toBeUndefined();
      }));

    test('is found by the prefix of its key, in order, and nothing else is', () =>
      withJournal(async (journal) => {
        await commitNew(journal, 1, 'session/p');
        const keys = ['p!1', 'p!2', 'p"', 'pa', 'pä', 'q'];
        await journal.kv.batch([...keys].reverse().map((key) => ({ key, value: 1 })));
        expect(await journal.kv.keys('p!')).toEqual(['p!1', 'p!2']);
        expect(await journal.kv.keys('p')).toEqual(['p!1', 'p!2', 'p"', 'pa', 'pä']);
        expect(await journal.kv.keys('')).toEqual(keys);
        expect(await journal.kv.keys('x')).toEqual([]);
      }));

    test('of the batch that was given last wins, however many are under way', () =>
      withJournal(async (journal) => {
        for (let round = 0; round < 20; round++) {
          const batches = Array.from({ length: 20 }, (_, n) => journal.kv.batch([{ key: 'k', value: n }]));
          await Promise.all(batches);
          expect(await journal.kv.get('k')).toBe(19);
        }
      }));

    test('under a key that holds half a character is refused', () =>
      withJournal(async (journal) => {
        const key = 'half \udfff';
        await expect(journal.kv.batch([{ key, value: 1 }])).rejects.toMatchObject({ code: 'INVALID_ID' });
        await expect(journal.kv.get(key)).rejects.toMatchObject({ code: 'INVALID_ID' });
        expect(await journal.kv.keys('')).toEqual([]);
      }));
  });
}

/** The names of a listing, page by page to its end. */
async function listed(journal: Journal, query: { prefix?: string; limit?: number }): Promise<string[]> {
  const heads: (Head & { version: Version })[] = [];
  let next: string | undefined;
  do {
    const page = await journal.list({ ...query, ...(next !== undefined && { after: next }) });
    heads.push(...page.heads);
    next = page.next;
  } while (next !== undefined);
  return heads.map(({ stream }) => stream);
}
