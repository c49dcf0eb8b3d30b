// A follower hands on everything that the feed holds, in order, from where it stood; being woken is all it needs others for.
import { describe, expect, test } from 'vitest';
import { Follower, type FollowerOptions } from '../../src/entity/follower.ts';
import type { Cursor, FeedEntry, Journal } from '../../src/journal/journal.ts';
import { add, type LedgerEntity, linesOf, openLedger } from '../support/ledger.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet, watch } from '../support/outcome.ts';

interface Started extends MemoryJournal {
  readonly journal: Journal;
  readonly entity: LedgerEntity;
  readonly heard: string[];
  /** Tells whoever follows that the feed has grown. */
  readonly wakers: Set<() => void>;
  follow(options?: Partial<FollowerOptions>): Follower;
}

async function started(): Promise<Started> {
  const store = memoryJournal();
  const journal = await store.open();
  const wakers = new Set<() => void>();
  const tell = (): void => {
    for (const wake of wakers) wake();
  };
  const { entity } = await openLedger(store, journal, { tell });
  const heard: string[] = [];
  const follow = (options: Partial<FollowerOptions> = {}): Follower =>
    new Follower({
      name: 'test',
      journal,
      clock: store.clock,
      telemetry: (name, data = {}) => store.reports.push({ name, data }),
      load: () => null,
      handle: (entries) => {
        heard.push(...entries.flatMap(({ events }) => linesOf(events)));
      },
      onGrowth: (wake) => {
        wakers.add(wake);
        return () => wakers.delete(wake);
      },
      ...options,
    });
  return { ...store, journal, entity, heard, wakers, follow };
}

const send = (entity: LedgerEntity, ...lines: string[]): Promise<unknown> =>
  Promise.all(lines.map((line) => entity.send(add(line))));

describe('a follower', () => {
  test('reads what is there and what comes, once each and in order', async () => {
    const { entity, follow, heard } = await started();
    await send(entity, 'a', 'b');
    const follower = follow({ pageSize: 1 });
    await send(entity, 'c');
    await send(entity, 'd');
    await follower.catchUp();
    expect(heard).toEqual(['a', 'b', 'c', 'd']);
    await follower.stop();
  });

  test('goes on where it stood', async () => {
    const { entity, follow, heard } = await started();
    await send(entity, 'a');
    const first = follow();
    await first.catchUp();
    await first.stop();
    await send(entity, 'b');
    const second = follow({ load: () => first.position });
    await second.catchUp();
    expect(heard).toEqual(['a', 'b']);
    await second.stop();
  });

  test('loses no wake-up, in whichever moment of a reading it comes', async () => {
    const { follow, wakers } = await started();
    const feed: FeedEntry[] = [];
    const journal = {
      readAll: async (after: Cursor | null) => feed.slice(after === null ? 0 : Number(after)),
      feedEnd: () => String(feed.length) as Cursor,
    };
    const follower = follow({ journal });
    await quiet();
    const wakeAll = (): void => {
      for (const wake of wakers) wake();
    };
    for (let turns = 0; turns < 20; turns++) {
      wakeAll();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      feed.push({ cursor: String(feed.length + 1) as Cursor, events: [] });
      wakeAll();
      await quiet();
      expect(follower.position, `woken ${turns} turns after a reading began`).toBe(journal.feedEnd());
    }
    await follower.stop();
  });

  test('gives a handler that failed the same entries again, later and later, and reports each failure', async () => {
    const { entity, follow, heard, clock, reports } = await started();
    await send(entity, 'a');
    const given: string[][] = [];
    const begun = clock.now();
    const at: number[] = [];
    const handle = (entries: readonly FeedEntry[]): void => {
      given.push(entries.flatMap(({ events }) => linesOf(events)));
      at.push(clock.now() - begun);
      if (given.length < 12) throw new Error('not yet');
      heard.push(...(given.at(-1) ?? []));
    };
    const follower = follow({ handle });
    await clock.advance(60_000);
    expect(given).toEqual(Array.from({ length: 12 }, () => ['a']));
    expect(heard).toEqual(['a']);
    expect(at.map((time, i) => time - (at[i - 1] ?? 0))).toEqual([
      0, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000, 5000,
    ]);
    expect(reports.filter(({ name }) => name === 'follower.failed').length).toBe(11);
    await follower.stop();
  });

  test('hands nothing more on once it was stopped, and stops at once while it waits to try again', async () => {
    const { entity, follow, clock } = await started();
    let given = 0;
    const handle = (): void => {
      given += 1;
      throw new Error('never');
    };
    await send(entity, 'a');
    const follower = follow({ handle });
    await quiet();
    expect(given).toBe(1);
    await follower.stop();
    await send(entity, 'b');
    await clock.advance(60_000);
    expect(given).toBe(1);
  });

  test('is stopped only when what it is handling has been handled', async () => {
    const { entity, follow } = await started();
    await send(entity, 'a');
    let finish = (): void => {};
    const handle = (): Promise<void> =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const follower = follow({ handle });
    await quiet();
    const stopped = watch(follower.stop());
    await quiet();
    expect(stopped.outcome).toBe('waiting');
    finish();
    await quiet();
    expect(stopped.outcome).toBe('answered');
    expect(follower.position).not.toBeNull();
  });
});

describe('catching up', () => {
  test('is done at once where there is nothing to catch up with', async () => {
    const { follow } = await started();
    const follower = follow();
    await follower.catchUp();
    await follower.catchUp();
    await follower.stop();
  });

  test('means all that the feed held when it was asked, however fast it grows', async () => {
    const { entity, follow, heard } = await started();
    await send(entity, 'a');
    let feeding = true;
    const grow = async (entries: readonly FeedEntry[]): Promise<void> => {
      heard.push(...entries.flatMap(({ events }) => linesOf(events)));
      if (feeding) await send(entity, `and ${heard.length}`);
    };
    const follower = follow({ handle: grow });
    await follower.catchUp();
    feeding = false;
    expect(heard).toContain('a');
    await follower.stop();
  });

  test('is refused when the feed cannot be read, instead of waiting for ever', async () => {
    const { entity, follow, journal } = await started();
    await send(entity, 'a');
    const readAll = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('no'), { code: 'JOURNAL_CORRUPT' }));
    const follower = follow({ journal: { readAll, feedEnd: () => journal.feedEnd() } });
    expect(await codeOf(follower.catchUp())).toBe('JOURNAL_CORRUPT');
    await follower.stop();
  });

  test('waits on while only the handler fails', async () => {
    const { entity, follow, clock } = await started();
    await send(entity, 'a');
    let failures = 0;
    const handle = (): void => {
      failures += 1;
      if (failures < 4) throw new Error('not yet');
    };
    const follower = follow({ handle });
    const caughtUp = watch(follower.catchUp());
    await quiet();
    expect(caughtUp.outcome).toBe('waiting');
    await clock.advance(1_000);
    expect(caughtUp.outcome).toBe('answered');
    await follower.stop();
  });

  test('ends with the follower', async () => {
    const { entity, follow } = await started();
    await send(entity, 'a');
    const handle = (): never => {
      throw new Error('never');
    };
    const follower = follow({ handle });
    const caughtUp = follower.catchUp();
    await follower.stop();
    await caughtUp;
  });

  test('asks for nothing that the journal does not give: positions are compared for equality alone', async () => {
    const { entity, follow, journal } = await started();
    await send(entity, 'a', 'b');
    await send(entity, 'c');
    const opaque = (cursor: Cursor): Cursor => `x-${[...cursor].reverse().join('')}` as Cursor;
    const plain = (cursor: Cursor | null): Cursor | null =>
      cursor === null ? null : ([...cursor.slice(2)].reverse().join('') as Cursor);
    const readAll: Journal['readAll'] = async (after, limit) =>
      (await journal.readAll(plain(after), limit)).map((entry) => ({
        ...entry,
        cursor: opaque(entry.cursor),
      }));
    const follower = follow({ journal: { readAll, feedEnd: () => opaque(journal.feedEnd()) }, pageSize: 1 });
    await follower.catchUp();
    expect(follower.position).toBe(opaque(journal.feedEnd()));
    await follower.stop();
  });
});
