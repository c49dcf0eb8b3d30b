// An outage of the disk: what is open goes on being read, writes are refused with a code that says when to come back, and all of it
// heals without a restart. What cannot heal is given up and stays readable.
import { describe, expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import type { StorePlace } from '../../src/journal/store/store-place.ts';
import {
  commit,
  commitNew,
  draft,
  headDraft,
  seqsIn,
  snapshotAt,
  snapshotsOf,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { appendNext, codeOf, failNext, type Started } from '../support/failing-journal.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { errorOf } from '../support/outcome.ts';

/** The place as a test wants it. */
class TestPlace implements StorePlace {
  full = false;
  gone: HoldfastError | undefined;
  reserve = false;
  canReserve = true;
  readonly probes: string[] = [];

  async note(): Promise<void> {}
  look = async (): Promise<HoldfastError | undefined> => this.gone;
  free = async (): Promise<number> => (this.full ? 0 : 1_000_000);

  async probe(fault: string): Promise<void> {
    this.probes.push(fault);
    if (this.full) throw noSpace();
  }

  async releaseReserve(): Promise<boolean> {
    const had = this.reserve;
    if (had) this.full = false;
    this.reserve = false;
    return had;
  }

  async makeReserve(): Promise<boolean> {
    this.reserve ||= this.canReserve;
    return this.canReserve;
  }
}

const noSpace = (): Error => Object.assign(new Error('No space left on device'), { code: 'ENOSPC' });

interface Placed extends Started {
  readonly journal: LevelJournal;
  readonly place: TestPlace;
}

async function started(): Promise<Placed> {
  const store = memoryJournal();
  const place = new TestPlace();
  const journal = await store.open({ place });
  return { ...store, place, journal, head: await commitNew(journal, 2) };
}

/** The disk is full, and says so. */
async function fill(store: Placed): Promise<void> {
  store.place.full = true;
  failNext(store, 'before');
  expect(await appendNext(store)).toMatchObject({ reason: 'unknown' });
  await store.journal.outageDeclared;
}

describe('while the disk cannot be written', () => {
  test('everything is read from what is open', async () => {
    const store = await started();
    const { journal, head } = store;
    await fill(store);
    expect(journal.health).toMatchObject({ health: 'degraded', reads: true, writes: 'none' });
    expect(await journal.head(stream)).toEqual(head);
    expect(seqsIn((await journal.readFrom(stream, 0)).events)).toEqual([1, 2]);
    expect((await journal.list()).heads).toEqual([head]);
    expect(await journal.receipt(stream, 'key')).toBeUndefined();
    expect(await journal.kv.get('k')).toBeUndefined();
    expect((await journal.readAll(null)).length).toBe(1);
    expect(await snapshotsOf(journal)).toEqual([]);
    await journal.close();
  });

  test('every write is refused at once, and hears when to come back', async () => {
    const store = await started();
    const { journal, head } = store;
    await fill(store);
    const writes = [
      appendNext(store),
      commitNew(journal, 1, 'session/b'),
      journal.kv.batch([{ key: 'k', value: 1 }]),
      journal.putSnapshot(stream, snapshotAt(head, 2)),
      journal.remove(stream, head.version),
    ];
    for (const write of writes)
      expect(await errorOf(write)).toMatchObject({
        code: 'STORAGE_FULL',
        retryable: true,
        details: { retryAfterMs: 10, problem: 'No space left on device' },
      });
    await journal.close();
  });

  test('it is tried again for as long as it takes, and heals without a restart', async () => {
    const store = await started();
    const { journal, place, clock, disk } = store;
    await fill(store);
    await clock.advance(3_600_000);
    expect(journal.incident).toBeDefined();
    expect(place.probes.length).toBeGreaterThan(100);
    place.full = false;
    await clock.advance(30_000);
    expect(journal.incident).toBeUndefined();
    expect(journal.health).toMatchObject({ health: 'healthy', problem: null });
    expect(journal.outage).toBeUndefined();
    disk.heal();
    await commit(journal, (await journal.head(stream))?.version ?? null, [draft(3)]);
    await journal.close();
  });

  test('what was waiting to be written is refused too', async () => {
    const store = await started();
    const { journal, place } = store;
    place.full = true;
    failNext(store, 'before');
    const failed = appendNext(store);
    const write = codeOf(failed.then(() => journal.kv.batch([{ key: 'k', value: 1 }])));
    expect(await write).toBe('STORAGE_FULL');
    await journal.close();
  });

  test('a fault without a name is said to be an unavailable journal', async () => {
    const store = await started();
    store.place.probe = async () => {
      throw new Error('Too many open files');
    };
    failNext(store, 'before');
    await appendNext(store);
    await store.journal.outageDeclared;
    expect(await errorOf(appendNext(store))).toMatchObject({
      code: 'JOURNAL_UNAVAILABLE',
      details: { retryAfterMs: 10 },
    });
    await store.journal.close();
  });
});

describe('the reserve', () => {
  test('lets the store be opened anew on a full disk, for what is urgent, until there is space again', async () => {
    const store = await started();
    const { journal, place, clock, reports } = store;
    await clock.advance(15_000);
    expect(place.reserve).toBe(true);
    place.canReserve = false;
    place.full = true;
    failNext(store, 'before');
    await appendNext(store);
    await journal.outageDeclared;
    await clock.advance(10);
    expect(journal.incident).toBeUndefined();
    expect(journal.health).toMatchObject({ health: 'degraded', writes: 'urgent' });
    expect(journal.outage).toMatchObject({ total: false, refusal: { code: 'STORAGE_FULL' } });
    // What the journal is given now was let through on purpose.
    await commitNew(journal, 1, 'session/urgent');
    await clock.advance(60_000);
    expect(journal.outage?.refusal.details.retryAfterMs).toBeGreaterThan(4_000);
    place.canReserve = true;
    await clock.advance(5_000);
    expect(journal.health.health).toBe('healthy');
    expect(journal.outage).toBeUndefined();
    expect(reports.map(({ name }) => name).filter((name) => name.startsWith('storage.'))).toEqual([
      ...['storage.changed', 'storage.reserveReleased', 'storage.changed', 'storage.changed'],
    ]);
    await journal.close();
  });
});

describe('a store that is gone', () => {
  const gone = new HoldfastError('JOURNAL_GONE', {
    location: '/store',
    problem: 'its directory was deleted',
  });

  test('is found by looking, takes no write any more, and is read until it is closed', async () => {
    const store = await started();
    const { journal, place, clock, disk, head } = store;
    place.gone = gone;
    await clock.advance(5_000);
    expect(journal.health).toMatchObject({ health: 'quarantined', reads: true, writes: 'none' });
    const writes = disk.writes;
    expect(await codeOf(appendNext(store))).toBe('JOURNAL_GONE');
    expect(await codeOf(journal.kv.batch([{ key: 'k', value: 1 }]))).toBe('JOURNAL_GONE');
    expect(await journal.head(stream)).toEqual(head);
    expect(seqsIn((await journal.readFrom(stream, 0)).events)).toEqual([1, 2]);
    expect(disk.writes).toBe(writes);
    place.gone = undefined;
    await clock.advance(3_600_000);
    expect(journal.health.health).toBe('quarantined');
    await journal.close();
  });

  test('is found after a fault, before anything is closed', async () => {
    const store = await started();
    const { journal, place } = store;
    place.gone = gone;
    failNext(store, 'before');
    await appendNext(store);
    await journal.outageDeclared;
    expect(journal.health).toMatchObject({ health: 'quarantined', reads: true });
    expect(await journal.head(stream)).toEqual(store.head);
    await journal.close();
  });

  test('says of what was with the disk that it is unknown, also when the disk took it', async () => {
    const store = await started();
    const { journal, place, disk, clock } = store;
    const held = disk.holdWrites();
    const append = appendNext(store);
    await held.arrived;
    place.gone = gone;
    await clock.advance(5_000);
    held.release();
    expect(await append).toMatchObject({ ok: false, reason: 'unknown' });
    await journal.close();
  });
});

test('a store that another process has opened meanwhile is not written', async () => {
  const store = await started();
  const { journal, disk } = store;
  failNext(store, 'before');
  await disk.data.put('m!epoch', 'something else');
  await appendNext(store);
  await expect(journal.incident).rejects.toMatchObject({ code: 'JOURNAL_GONE' });
  expect(await journal.lost).toMatchObject({ code: 'JOURNAL_GONE' });
  expect(await codeOf(journal.append(stream, store.head.version, [draft(3)], { head: headDraft }))).toBe(
    'JOURNAL_GONE',
  );
});
