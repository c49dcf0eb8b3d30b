// The feed: one order for all streams, in which nothing is lost and nothing comes twice.
import type { Cursor, FeedEntry, Journal } from '../../journal/journal.ts';
import {
  commit,
  commitNew,
  draft,
  drafts,
  type JournalSuite,
  placesIn,
  readFeed,
} from './journal-fixture.ts';

/** More events than any implementation should keep in memory. */
const manyStreams = 40;
const eventsEach = 250;

export function testFeed({ describe, test, expect, withJournal }: JournalSuite): void {
  describe('the feed', () => {
    test('is empty at first, and its end is a cursor like any other', () =>
      withJournal(async (journal) => {
        expect(await journal.readAll(null)).toEqual([]);
        const end = journal.feedEnd();
        expect(await journal.readAll(end)).toEqual([]);
        await commitNew(journal, 2);
        expect(placesIn(await journal.readAll(end))).toEqual(['session/alpha#1', 'session/alpha#2']);
      }));

    test('gives the events of all streams in the order in which they became durable', () =>
      withJournal(async (journal, reopen) => {
        await commitNew(journal, 2, 'session/a');
        await commitNew(journal, 1, 'task/b');
        const { version } = await commitNew(journal, 1, 'session/c');
        await commit(journal, version, [draft(2, { n: 2 }, 'session/c')], { of: 'session/c' });
        const places = ['session/a#1', 'session/a#2', 'task/b#1', 'session/c#1', 'session/c#2'];
        const before = await readFeed(journal, null);
        expect(placesIn(before)).toEqual(places);
        const reopened = await reopen();
        expect(await readFeed(reopened, null)).toEqual(before);
        expect(reopened.feedEnd()).toBe(before.at(-1)?.cursor);
      }));

    test('goes on from any cursor, also in a later process, with nothing lost and nothing twice', () =>
      withJournal(async (journal, reopen) => {
        const streams = Array.from({ length: 7 }, (_, i) => `session/s${i}`);
        await Promise.all(streams.map((of) => commitNew(journal, 3, of)));
        for (const of of streams) await commitNew(journal, 2, `${of}-later`);
        const whole = await readFeed(journal, null);
        expect(placesIn(whole).sort()).toEqual(
          streams.flatMap((of) => [1, 2, 3, 'later'].flatMap((n) => placesOf(of, n))).sort(),
        );
        const reopened = await reopen();
        for (const [index, { cursor }] of whole.entries()) {
          for (const limit of [1, 3, 256]) {
            expect(await readFeed(reopened, cursor, limit)).toEqual(whole.slice(index + 1));
          }
        }
      }));

    test('gives no more entries than asked for', () =>
      withJournal(async (journal, reopen) => {
        for (let i = 0; i < 5; i++) await commitNew(journal, 1, `session/s${i}`);
        expect((await journal.readAll(null, 2)).length).toBe(2);
        expect((await (await reopen()).readAll(null, 2)).length).toBe(2);
      }));

    test('is whole for a reader that is far behind, and for one that reads while it grows', () =>
      withJournal(async (journal) => {
        const streams = Array.from({ length: manyStreams }, (_, i) => `session/s${i}`);
        const growing = Promise.all(streams.map((of) => grow(journal, of)));
        let done = false;
        const watched = watch(journal, () => done);
        await growing;
        done = true;
        const expected = streams.flatMap((of) =>
          drafts(1, eventsEach).map(({ event }) => `${of}#${event.seq}`),
        );
        expect(placesIn(await watched).sort()).toEqual([...expected].sort());
        expect(placesIn(await readFeed(journal, null, 64)).sort()).toEqual([...expected].sort());
      }));

    test('gives all events of an append, however large', () =>
      withJournal(async (journal, reopen) => {
        const large = 'x'.repeat(
          Math.floor(Math.min(journal.limits.valueBytes, journal.limits.batchBytes / 4) / 2),
        );
        await commit(
          journal,
          null,
          [1, 2, 3, 4].map((seq) => draft(seq, large)),
        );
        await commitNew(journal, 1, 'session/z');
        const places = [1, 2, 3, 4].map((seq) => `session/alpha#${seq}`);
        expect(placesIn(await readFeed(await reopen(), null))).toEqual([...places, 'session/z#1']);
      }));

    test('has no entry for an append without events', () =>
      withJournal(async (journal) => {
        const { version } = await commitNew(journal, 1);
        const end = journal.feedEnd();
        await commit(journal, version, []);
        expect(journal.feedEnd()).toBe(end);
      }));

    test('refuses a cursor that it has not handed out', () =>
      withJournal(async (journal) => {
        for (const cursor of ['', '!', 'a b']) {
          await expect(journal.readAll(cursor as Cursor)).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
        }
      }));
  });
}

function placesOf(stream: string, n: number | string): string[] {
  return n === 'later' ? [`${stream}-later#1`, `${stream}-later#2`] : [`${stream}#${n}`];
}

async function grow(journal: Journal, of: string): Promise<void> {
  let { version } = await commitNew(journal, 1, of);
  for (let seq = 2; seq <= eventsEach; seq += 3) {
    ({ version } = await commit(journal, version, drafts(seq, Math.min(seq + 2, eventsEach), of), { of }));
  }
}

/** Follows the feed from its beginning until it has grown and was read to its end. */
async function watch(journal: Journal, isDone: () => boolean): Promise<FeedEntry[]> {
  const seen: FeedEntry[] = [];
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    const last = isDone();
    const entries = await readFeed(journal, seen.at(-1)?.cursor ?? null);
    seen.push(...entries);
    if (last) return seen;
  }
}
