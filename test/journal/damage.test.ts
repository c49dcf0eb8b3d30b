// Damage on the disk: found, named with its stream and seq, and never handed out as if it were whole.
import { describe, expect, test } from 'vitest';
import { decodeHead, encodeHead } from '../../src/journal/head/head.ts';
import type { Head, Journal, Version } from '../../src/journal/journal.ts';
import { keys } from '../../src/journal/keys.ts';
import { decodeRecord, encodeRecord } from '../../src/journal/record.ts';
import type { FaultyLevel } from '../../src/testing/faulty-level.ts';
import {
  commit,
  commitNew,
  draft,
  headDraft,
  placesIn,
  readFeed,
  readPages,
  seqsIn,
  snapshotsOf,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import type { MemoryJournal } from '../support/memory-journal.ts';
import { healthy, stream, valueAt, writtenStore } from '../support/written-store.ts';

const corruptAt = (seq: number | string, of = stream): object => ({
  code: 'JOURNAL_CORRUPT',
  details: { stream: of, seq },
});

type Damage = (data: FaultyLevel['data']) => Promise<void>;

/** Opens the written store after something was done to its data. */
async function afterDamage(damage: Damage): Promise<MemoryJournal & { journal: Journal }> {
  const store = await writtenStore();
  await damage(store.disk.data);
  return { ...store, journal: await store.open() };
}

const readWhole = (journal: Journal): Promise<unknown> => readPages(journal, 2, stream);

/** The record with another payload and its hash computed anew. */
async function rehash(data: FaultyLevel['data'], seq: number): Promise<void> {
  const key = keys.event(stream, seq);
  const { prev } = decodeRecord(await valueAt(data, key), stream, seq);
  await data.put(key, encodeRecord(draft(seq, { forged: true }), prev).value);
}

/** All records hashed anew as if others had stood before the first, and the head with them. */
async function rechain(data: FaultyLevel['data']): Promise<void> {
  let chain = 'x'.repeat(43);
  for (let seq = 1; seq <= 5; seq++) {
    const { value, hash } = encodeRecord(draft(seq), chain);
    await data.put(keys.event(stream, seq), value);
    chain = hash;
  }
  await rewriteHead(data, { chain });
}

/** The head with other facts and its checksum computed anew. */
async function rewriteHead(data: FaultyLevel['data'], change: Partial<Head>): Promise<void> {
  const head = decodeHead(stream, await valueAt(data, keys.head(stream)));
  const { key, value = '' } = encodeHead({ ...head, ...change });
  await data.put(key, value);
}

describe('a chain', () => {
  const cases: [string, number | string, Damage][] = [
    ['whose first record is gone', 1, (data) => data.del(keys.event(stream, 1))],
    ['with a record that is gone', 3, (data) => data.del(keys.event(stream, 3))],
    ['whose last record is gone', 5, (data) => data.del(keys.event(stream, 5))],
    [
      'whose tail is gone',
      4,
      async (data) => {
        await data.del(keys.event(stream, 5));
        await data.del(keys.event(stream, 4));
      },
    ],
    [
      'with two records that changed places',
      2,
      async (data) => {
        const [second, third] = [keys.event(stream, 2), keys.event(stream, 3)];
        const value = await valueAt(data, second);
        await data.put(second, await valueAt(data, third));
        await data.put(third, value);
      },
    ],
    [
      'with a record of another stream',
      3,
      async (data) => data.put(keys.event(stream, 3), await valueAt(data, keys.event(healthy, 3))),
    ],
    ['with a record that was hashed anew', 4, (data) => rehash(data, 3)],
    ['whose first record was hashed anew', 2, (data) => rehash(data, 1)],
    ['that does not begin at a beginning', 1, rechain],
    ['whose last record was hashed anew', 5, (data) => rehash(data, 5)],
    ['whose head names another record', 5, (data) => rewriteHead(data, { chain: 'x'.repeat(43) })],
    [
      'whose head names a record that never was',
      6,
      (data) => rewriteHead(data, { seq: 6, version: '6' as Version }),
    ],
    ['whose head is an older one', 5, (data) => rewriteHead(data, { seq: 4, version: '4' as Version })],
    ['whose head is gone', 1, (data) => data.del(keys.head(stream))],
    ['whose head was altered', 'head', async (data) => data.put(keys.head(stream), '{}')],
  ];

  test.each(cases)('%s is found when it is read', async (_, seq, damage) => {
    const { journal } = await afterDamage(damage);
    await expect(readWhole(journal)).rejects.toMatchObject(corruptAt(seq));
  });

  test.each(cases)('%s harms no other stream', async (_, __, damage) => {
    const { journal } = await afterDamage(damage);
    const pages = await readPages(journal, 2, healthy);
    expect(seqsIn(pages.flatMap(({ events }) => events))).toEqual([1, 2, 3, 4, 5]);
    const head = await journal.head(healthy);
    await commit(journal, head?.version ?? null, [draft(6, {}, healthy)], { of: healthy });
    expect((await journal.list()).heads.map(({ stream: of }) => of)).toContain(healthy);
    const places = placesIn(await readFeed(journal, null)).filter((place) => place.startsWith(healthy));
    expect(places).toEqual([1, 2, 3, 4, 5, 6].map((n) => `${healthy}#${n}`));
  });

  test('can be read up to its damage', async () => {
    const { journal } = await afterDamage((data) => data.del(keys.event(stream, 4)));
    const page = await journal.readFrom(stream, 0, { limit: 3 });
    expect(seqsIn(page.events)).toEqual([1, 2, 3]);
    await expect(journal.readFrom(stream, 3, { chain: page.chain ?? '' })).rejects.toMatchObject(
      corruptAt(4),
    );
  });
});

describe('a damaged head', () => {
  test('refuses appends and removals, and is named in the list beside the sound ones', async () => {
    const { journal, reports } = await afterDamage(async (data) => {
      await data.put(keys.head(stream), (await valueAt(data, keys.head(stream))).replace('active', 'paused'));
    });
    const calls = [
      journal.head(stream),
      journal.append(stream, '5' as Version, [draft(6)], { head: headDraft }),
      journal.append(stream, null, [draft(1)], { head: headDraft }),
      journal.remove(stream, '5' as Version),
      journal.trim(stream, 1),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject(corruptAt('head'));
    expect(await journal.list()).toMatchObject({ heads: [{ stream: healthy }], damaged: [stream] });
    expect(await journal.list({ limit: 1 })).toMatchObject({ heads: [], damaged: [stream], next: stream });
    expect(reports).toContainEqual({ name: 'head.damaged', data: { stream } });
  });

  test('that is gone does not make its stream a new one', async () => {
    const { journal } = await afterDamage((data) => data.del(keys.head(stream)));
    const append = journal.append(stream, null, [draft(1)], { head: headDraft });
    await expect(append).rejects.toMatchObject(corruptAt(1));
  });
});

describe('beside the chain', () => {
  test('a damaged snapshot is left out and reported, and the next older one serves', async () => {
    const { journal, reports } = await afterDamage(async (data) => {
      const key = keys.snapshot(stream, 5);
      await data.put(key, (await valueAt(data, key)).replace('"n":5', '"n":6'));
    });
    expect((await snapshotsOf(journal, stream)).map(({ seq }) => seq)).toEqual([2]);
    expect(reports).toContainEqual({ name: 'snapshot.damaged', data: { stream, seq: 5 } });
  });

  test('a snapshot of another stream is left out', async () => {
    const { journal } = await afterDamage(async (data) => {
      await data.put(keys.snapshot(stream, 5), await valueAt(data, keys.snapshot(healthy, 5)));
    });
    expect((await snapshotsOf(journal, stream)).map(({ seq }) => seq)).toEqual([2]);
  });

  test('a damaged record is left out of the feed, named and reported; the others come', async () => {
    const { journal, reports } = await afterDamage((data) => data.del(keys.event(stream, 4)));
    const entries = await readFeed(journal, null);
    expect(placesIn(entries).filter((place) => place.startsWith(stream))).toEqual(
      [1, 2, 3, 5].map((seq) => `${stream}#${seq}`),
    );
    expect(entries.flatMap(({ damaged = [] }) => damaged)).toEqual([{ stream, seq: 4 }]);
    expect(reports).toContainEqual({ name: 'record.damaged', data: { stream, seq: 4 } });
  });

  test('a feed entry that is damaged or gone stops the feed there, since nobody knows what it held', async () => {
    const altered = await afterDamage((data) => data.put(keys.feed(2), '[]'));
    await expect(altered.journal.readAll(null)).rejects.toMatchObject(corruptAt(2, 'feed'));
    expect(placesIn(await altered.journal.readAll(null, 1)).length).toBe(2);
    const gone = await afterDamage((data) => data.del(keys.feed(2)));
    const problem = { details: { problem: 'it is missing' } };
    await expect(gone.journal.readAll(null)).rejects.toMatchObject(corruptAt(2, 'feed'));
    await expect(gone.journal.readAll(null)).rejects.toMatchObject(problem);
  });

  test.each(['damaged', 'missing'])(
    'an epoch that is %s is counted on from the highest of all heads',
    async (how) => {
      const store = await writtenStore();
      await (await store.open()).close();
      const journal = await store.open();
      await commitNew(journal, 1, 'session/late');
      const { epoch } = journal;
      await journal.close();
      if (how === 'missing') await store.disk.data.del(keys.epoch);
      else await store.disk.data.put(keys.epoch, `${await valueAt(store.disk.data, keys.epoch)}0`);
      const opened = await store.open();
      expect(opened.epoch).toBe(epoch + 1);
      await opened.close();
    },
  );
});
