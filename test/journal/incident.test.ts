// The disk fails: what was on its way is unknown, what waited was not written, and the reopened journal knows which it was.
import { describe, expect, test } from 'vitest';
import { everyWrite, type Fault, nthWrite } from '../../src/testing/faulty-level.ts';
import {
  commit,
  commitNew,
  draft,
  drafts,
  headDraft,
  placesIn,
  readFeed,
  readPages,
  seqsIn,
  snapshotAt,
  snapshotsOf,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { appendNext, codeOf, failNext, type Started, started } from '../support/failing-journal.ts';
import { memoryJournal } from '../support/memory-journal.ts';

describe('an append whose write fails', () => {
  test.each<[Fault, number[]]>([
    ['before', [1, 2]],
    ['after', [1, 2, 3]],
  ])(
    '%s it was carried out is unknown, and the reopened journal knows what is there',
    async (fault, seqs) => {
      const store = await started();
      const { journal, reports } = store;
      failNext(store, fault);
      expect(await appendNext(store)).toMatchObject({
        ok: false,
        reason: 'unknown',
        cause: { code: 'LEVEL_IO_ERROR' },
      });
      const head = await journal.head(stream);
      expect(head).toMatchObject({ seq: seqs.length });
      const pages = await readPages(journal, 2);
      expect(seqsIn(pages.flatMap(({ events }) => events))).toEqual(seqs);
      expect(journal.incident).toBeUndefined();
      expect(reports.map(({ name }) => name)).toEqual(['journal.incident', 'journal.reopened']);
    },
  );

  test.each<Fault>(['before', 'after'])(
    '%s it was carried out leaves a feed without gap and repeat',
    async (fault) => {
      const store = await started();
      const { journal, disk } = store;
      const cursor = journal.feedEnd();
      failNext(store, fault);
      await appendNext(store);
      const head = await journal.head(stream);
      await commit(journal, head?.version ?? null, [draft((head?.seq ?? 0) + 1)]);
      const last = fault === 'before' ? [3] : [3, 4];
      expect(placesIn(await readFeed(journal, cursor))).toEqual(last.map((seq) => `${stream}#${seq}`));
      await journal.close();
      expect(disk.writes).toBeGreaterThan(0);
      const reopened = await store.open();
      const all = [1, 2, ...last].map((seq) => `${stream}#${seq}`);
      expect(placesIn(await readFeed(reopened, null))).toEqual(all);
    },
  );

  test('takes the receipts with it, or leaves them', async () => {
    for (const fault of ['before', 'after'] as const) {
      const store = await started();
      const { journal, head } = store;
      failNext(store, fault);
      const receipts = [{ key: 'key', value: 1 }];
      await journal.append(stream, head.version, [draft(3)], { head: headDraft, receipts });
      expect(await journal.receipt(stream, 'key')).toBe(fault === 'after' ? 1 : undefined);
    }
  });

  test('drops all that wait behind it, of every stream, and says that nothing of them was written', async () => {
    const store = await started();
    const { journal, disk } = store;
    const held = disk.holdWrites();
    failNext(store, 'before');
    const failed = appendNext(store);
    await held.arrived;
    const waiting = [
      journal.append('session/b', null, [draft(1, {}, 'session/b')], { head: headDraft }),
      journal.append('session/c', null, [draft(1, {}, 'session/c')], { head: headDraft }),
      journal.kv.batch([{ key: 'k', value: 1 }]),
    ];
    await journal.kv.get('k');
    held.release();
    expect(await failed).toMatchObject({ reason: 'unknown' });
    for (const append of waiting) {
      await expect(append).rejects.toMatchObject({ code: 'NOT_COMMITTED', retryable: true });
    }
    expect(await journal.head('session/b')).toBeUndefined();
    expect(await journal.kv.get('k')).toBeUndefined();
    expect(journal.backlogBytes).toBe(0);
  });

  test('gives a conflict that was waiting for it the head that is there', async () => {
    const store = await started();
    const held = store.disk.holdWrites();
    failNext(store, 'before');
    const failed = appendNext(store, 'first');
    const rival = appendNext(store, 'second');
    await held.arrived;
    held.release();
    expect(await failed).toMatchObject({ reason: 'unknown' });
    expect(await rival).toEqual({ ok: false, reason: 'conflict', head: store.head });
  });

  test('may be sent again once its fate is known, and the journal goes on', async () => {
    const store = await started();
    const { journal } = store;
    for (const fault of ['before', 'after', 'before'] as const) {
      const before = await journal.head(stream);
      const seq = (before?.seq ?? 0) + 1;
      failNext(store, fault);
      await journal.append(stream, before?.version ?? null, [draft(seq)], { head: headDraft });
      const after = await journal.head(stream);
      if (after?.seq !== seq) await commit(journal, after?.version ?? null, [draft(seq)]);
    }
    const pages = await readPages(journal, 9);
    expect(pages.flatMap(({ events }) => events)).toEqual(drafts(1, 5).map(({ event }) => event));
  });
});

describe('any other write that fails', () => {
  test('is unknown to who asked for it, and heals as an append does', async () => {
    const store = await started();
    const { journal, head } = store;
    const others = [
      () => journal.kv.batch([{ key: 'k', value: 1 }]),
      () => journal.putSnapshot(stream, snapshotAt(head, 2)),
    ];
    for (const write of others) {
      failNext(store, 'after');
      await expect(write()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: true });
    }
    expect(await journal.kv.get('k')).toBe(1);
    expect(await snapshotsOf(journal)).toEqual([snapshotAt(head, 2)]);
    failNext(store, 'before');
    await expect(journal.trim(stream, 1)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await journal.head(stream)).toEqual(head);
    expect(seqsIn((await journal.readFrom(stream, 0)).events)).toEqual([1, 2]);
  });

  test('at the opening refuses the opening, and leaves the store free', async () => {
    const { disk, open } = memoryJournal();
    disk.failWrites(everyWrite('before'));
    await expect(open()).rejects.toMatchObject({ code: 'LEVEL_IO_ERROR' });
    disk.heal();
    await commitNew(await open(), 1);
  });
});

describe('while the journal is being reopened', () => {
  async function incident(failedOpens: number): Promise<Started> {
    const store = await started();
    failNext(store, 'before');
    store.disk.failOpens(failedOpens);
    expect(await appendNext(store)).toMatchObject({ reason: 'unknown' });
    return store;
  }

  test('appends are refused as not written, whatever their stream', async () => {
    const store = await incident(1);
    const { journal } = store;
    expect(journal.incident).toBeDefined();
    await expect(appendNext(store)).rejects.toMatchObject({ code: 'NOT_COMMITTED' });
    await expect(commitNew(journal, 1, 'session/b')).rejects.toMatchObject({ code: 'NOT_COMMITTED' });
  });

  test('reads wait and are answered from the reopened journal, and the newest of the feed is at hand', async () => {
    const { journal, clock, head } = await incident(1);
    expect(placesIn(await journal.readAll(null))).toEqual([`${stream}#1`, `${stream}#2`]);
    const reads = Promise.all([
      journal.head(stream),
      journal.readFrom(stream, 0),
      journal.receipt(stream, 'key'),
      journal.list(),
      journal.kv.get('k'),
      snapshotsOf(journal),
    ]);
    await clock.advance(10);
    const [found, page, receipt, list, value, snapshots] = await reads;
    expect(found).toEqual(head);
    expect(seqsIn(page.events)).toEqual([1, 2]);
    expect([receipt, value, snapshots]).toEqual([undefined, undefined, []]);
    expect(list.heads).toEqual([head]);
  });

  test('writes that can wait are carried out after it', async () => {
    const { journal, clock, head } = await incident(1);
    const writes = [
      journal.kv.batch([{ key: 'k', value: 1 }]),
      journal.putSnapshot(stream, snapshotAt(head, 2)),
      journal.remove(stream, head.version),
    ];
    await clock.advance(10);
    await Promise.all(writes);
    expect(await journal.kv.get('k')).toBe(1);
    expect(await journal.head(stream)).toMatchObject({ status: 'deleted' });
  });

  test('each attempt waits twice as long as the one before it, up to a bound', async () => {
    const { journal, clock, reports } = await incident(9);
    const attempts = (): number => reports.filter(({ name }) => name === 'journal.reopenFailed').length;
    await clock.advance(0);
    const counts: number[] = [attempts()];
    for (const ms of [10, 20, 40, 80, 160, 320, 640, 1280]) {
      await clock.advance(ms - 1);
      counts.push(attempts());
      await clock.advance(1);
    }
    expect(counts).toEqual([1, 1, 2, 3, 4, 5, 6, 7, 8]);
    await clock.advance(2559);
    expect(journal.incident).toBeDefined();
    await clock.advance(1);
    expect(journal.incident).toBeUndefined();
    expect(reports).toContainEqual({ name: 'journal.reopened', data: { attempt: 10 } });
  });

  test('an opening that cannot read what is there counts as an attempt that failed', async () => {
    const { journal, disk, clock, head, reports } = await started();
    const tombstone = disk.writes + 1;
    const plans = [nthWrite(tombstone, 'after'), nthWrite(tombstone + 1, 'before')];
    disk.failWrites((write) => plans.map((plan) => plan(write)).find((fault) => fault !== undefined));
    expect(await journal.remove(stream, head.version)).toMatchObject({ reason: 'unknown' });
    await clock.advance(10);
    expect(reports.map(({ name }) => name)).toEqual([
      ...['journal.incident', 'journal.reopenFailed', 'journal.reopened'],
    ]);
    expect(await journal.head(stream)).toMatchObject({ status: 'deleted' });
    expect(placesIn(await readFeed(journal, null))).toEqual([]);
  });
});

describe('once reopening was given up', () => {
  async function exhausted(): Promise<Started> {
    const store = await started();
    failNext(store, 'before');
    store.disk.failOpens(1, 'LEVEL_CORRUPTION');
    await appendNext(store);
    await store.clock.advance(60_000);
    return store;
  }

  test('everything that needs the disk says that the journal is unavailable', async () => {
    const store = await exhausted();
    const { journal, head, reports } = store;
    expect(reports.filter(({ name }) => name === 'journal.reopenFailed').length).toBe(1);
    await expect(journal.incident).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' });
    const calls: Promise<unknown>[] = [
      appendNext(store),
      journal.head(stream),
      journal.readFrom(stream, 0),
      Promise.resolve(journal.receipt(stream, 'key')),
      snapshotsOf(journal),
      journal.putSnapshot(stream, snapshotAt(head, 2)),
      journal.trim(stream, 1),
      journal.remove(stream, head.version),
      journal.list(),
      journal.kv.get('k'),
      journal.kv.batch([{ key: 'k', value: 1 }]),
    ];
    const codes = await Promise.all(calls.map(codeOf));
    expect(codes).toEqual(calls.map(() => 'JOURNAL_UNAVAILABLE'));
  });

  test('it can still be closed, and a later process finds what was acknowledged', async () => {
    const { journal, disk, open, head } = await exhausted();
    await journal.close();
    expect(await codeOf(journal.head(stream))).toBe('JOURNAL_CLOSED');
    disk.heal();
    const reopened = await open();
    expect(await reopened.head(stream)).toEqual(head);
  });
});

describe('closing', () => {
  test.each(['an attempt to reopen', 'the pause before the next'])(
    'during %s ends the incident, and what waited for it',
    async (when) => {
      const store = await started();
      const { journal, disk, open, head } = store;
      failNext(store, 'before');
      disk.failOpens(Number.POSITIVE_INFINITY);
      await appendNext(store);
      if (when === 'the pause before the next') await store.clock.advance(0);
      const read = codeOf(journal.head(stream));
      await journal.close();
      expect(await read).toBe('JOURNAL_CLOSED');
      expect(store.clock.pending).toBe(0);
      disk.heal();
      expect(await (await open()).head(stream)).toEqual(head);
    },
  );

  test('while the last write fails says of it that it is unknown, and frees the store', async () => {
    for (const fault of ['before', 'after'] as const) {
      const store = await started();
      const { journal, disk, open } = store;
      const held = disk.holdWrites();
      failNext(store, fault);
      const failed = appendNext(store);
      await held.arrived;
      const waiting = codeOf(commitNew(journal, 1, 'session/b'));
      const closed = journal.close();
      held.release();
      expect(await failed).toMatchObject({ reason: 'unknown' });
      expect(await waiting).toBe('NOT_COMMITTED');
      await closed;
      const head = await (await open()).head(stream);
      expect(head?.seq).toBe(fault === 'after' ? 3 : 2);
    }
  });
});
