// The part of the feed that is in memory: a bounded end of the whole, which never shows a gap as if it were none.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cursorAt, FeedTail, positionAt, rangesOf } from '../../src/journal/feed.ts';
import { keys } from '../../src/journal/keys.ts';
import { commit, draft, stream } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { memoryJournal } from '../support/memory-journal.ts';

const eventsOf = (count: number, seq = 1) => Array.from({ length: count }, (_, i) => draft(seq + i).event);

/** How many of the entries 1 to `last` the tail still holds. */
function keptOf(tail: FeedTail, last: number): number {
  for (let position = 0; position <= last; position++) {
    const entries = tail.after(position, last);
    if (entries !== undefined) return entries.length;
  }
  return 0;
}

describe('the tail of the feed', () => {
  const commit = fc.record({ events: fc.integer({ min: 1, max: 6 }), bytes: fc.nat(40) });

  test('gives what follows a position exactly, or says that it reaches not so far back', () => {
    fc.assert(
      fc.property(
        fc.array(commit, { maxLength: 60, size: 'max' }),
        fc.nat(60),
        fc.integer({ min: 1, max: 9 }),
        (commits, after, limit) => {
          const tail = new FeedTail(20, 100);
          const whole = commits.map(({ events, bytes }, i) => {
            const entry = { cursor: cursorAt(i + 1), events: eventsOf(events) };
            tail.push(i + 1, entry.events, bytes);
            return entry;
          });
          const found = tail.after(after, limit);
          if (found !== undefined) expect(found).toEqual(whole.slice(after, after + limit));
          expect(tail.after(commits.length, limit)).toEqual([]);
          if (whole.length > 0) expect(tail.after(whole.length - 1, limit)).toEqual(whole.slice(-1));
        },
      ),
    );
  });

  test('is bounded in events and in bytes, and drops half at a time', () => {
    const byEvents = new FeedTail(10, 1_000);
    const byBytes = new FeedTail(1_000, 100);
    const kept: [number, number][] = [];
    for (let position = 1; position <= 40; position++) {
      byEvents.push(position, eventsOf(1), 1);
      byBytes.push(position, eventsOf(1), 10);
      kept.push([keptOf(byEvents, position), keptOf(byBytes, position)]);
    }
    expect(Math.max(...kept.flat())).toBe(10);
    expect(Math.min(...kept.slice(10).flat())).toBe(5);
  });

  test('keeps the newest entry, however large', () => {
    const tail = new FeedTail(10, 100);
    tail.push(1, eventsOf(1), 1);
    tail.push(2, eventsOf(50), 5_000);
    expect(tail.after(1, 9)?.[0]?.events.length).toBe(50);
    expect(tail.after(0, 9)).toBeUndefined();
  });

  test('forgets everything when it is reset', () => {
    const tail = new FeedTail();
    tail.push(1, eventsOf(1), 1);
    tail.reset(2);
    expect(tail.after(0, 9)).toBeUndefined();
    expect(tail.after(1, 9)).toEqual([]);
    tail.push(2, eventsOf(1), 1);
    expect(tail.after(1, 9)?.map(({ cursor }) => cursor)).toEqual([cursorAt(2)]);
  });
});

describe('the feed of a journal', () => {
  test('keeps large events in memory no longer than their bytes allow', async () => {
    const { disk, open } = memoryJournal();
    const journal = await open();
    const large = 'x'.repeat(3 * 1024 * 1024);
    let head = await commit(journal, null, [draft(1)]);
    for (let seq = 2; seq <= 7; seq++) head = await commit(journal, head.version, [draft(seq, large)]);
    await disk.data.del(keys.event(stream, 1));
    const [oldest] = await journal.readAll(null, 1);
    expect(oldest?.damaged).toEqual([{ stream, seq: 1 }]);
    const newest = await journal.readAll(cursorAt(6), 1);
    expect(newest[0]?.events[0]?.seq).toBe(7);
  });
});

describe('a cursor', () => {
  test('that lies beyond the end is refused: what comes before it would be passed over', async () => {
    const journal = await memoryJournal().open();
    await commit(journal, null, [draft(1)]);
    expect(await journal.readAll(cursorAt(1))).toEqual([]);
    await expect(journal.readAll(cursorAt(2))).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
  });
});

describe('a feed entry', () => {
  test('names the events of a commit by stream and seqs, in their order', () => {
    const of = (stream: string, seq: number) => draft(seq, {}, stream).event;
    const events = [
      of('session/a', 1),
      of('session/a', 2),
      of('session/b', 7),
      of('session/a', 3),
      of('session/a', 5),
    ];
    expect(rangesOf(events)).toEqual([
      ['session/a', 1, 2],
      ['session/b', 7, 7],
      ['session/a', 3, 3],
      ['session/a', 5, 5],
    ]);
    expect(rangesOf([])).toEqual([]);
  });

  test('stands at a position that its cursor gives back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 36 ** 9 - 1 }), (position) => {
        expect(positionAt(cursorAt(position))).toBe(position);
      }),
    );
    expect(positionAt(null)).toBe(0);
  });
});
