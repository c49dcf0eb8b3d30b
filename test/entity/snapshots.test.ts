// Snapshots bound the replay and decide nothing: with the newest, an older one or none at all the state is the same.
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import type { SnapshotPolicy } from '../../src/entity/snapshot-writer.ts';
import type { Journal, Snapshot } from '../../src/journal/journal.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { add, ledgerLaw, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet } from '../support/outcome.ts';

async function started(snapshots: SnapshotPolicy) {
  const store = memoryJournal();
  const journal = await store.open();
  return { ...store, journal, ...(await openLedger(store, journal, { snapshots })) };
}

async function snapshotsOf(journal: Journal): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const snapshot of journal.snapshots('ledger/one')) found.push(snapshot);
  return found;
}

const seqsOf = async (journal: Journal): Promise<number[]> =>
  (await snapshotsOf(journal)).map(({ seq }) => seq);

const every = (events: number): SnapshotPolicy => ({ events, growth: 0 });
const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}`);

describe('while commands come one after the other', () => {
  test('a snapshot is kept after each so many events, and of all of them the newest three', async () => {
    const { entity, journal } = await started(every(10));
    for (const line of lines(65)) await entity.send(add(line));
    await quiet();
    expect(await seqsOf(journal)).toEqual([60, 50, 40]);
  });

  test('a state that has grown large is written less often: what is replayed is in proportion to it', async () => {
    const { entity, journal } = await started({ events: 1, growth: 4 });
    const writtenAt = new Set<number>();
    for (const line of lines(300)) {
      await entity.send(add(line));
      await quiet(2);
      for (const seq of await seqsOf(journal)) writtenAt.add(seq);
    }
    expect(writtenAt.size).toBeLessThan(20);
    const [newest] = await seqsOf(journal);
    expect(300 - (newest ?? 0)).toBeLessThan(300);
  });

  test('no snapshot is written twice of the same state', async () => {
    const { entity, disk } = await started(every(1_000));
    await entity.send(add('a'));
    await entity.snapshot();
    const { writes } = disk;
    await entity.snapshot();
    expect(disk.writes).toBe(writes);
  });

  test('what a snapshot holds is durable: decided state is never in it', async () => {
    const { entity, disk, journal } = await started(every(1_000));
    await entity.send(add('a'));
    const held = disk.holdWrites();
    const flying = entity.send(add('b'));
    await held.arrived;
    const written = entity.snapshot();
    held.release();
    await Promise.all([flying, written]);
    expect(await seqsOf(journal)).toEqual([1]);
    for (const { seq, state, stateHash } of await snapshotsOf(journal)) {
      expect(ledgerLaw.decode(state).lines).toEqual(['a', 'b'].slice(0, seq));
      expect(stateHash).toBe(sha256(state));
    }
  });

  test('what a snapshot holds is the state at its seq, however much was decided meanwhile', async () => {
    const { entity, disk, journal } = await started(every(1));
    const held = disk.holdWrites();
    const calls = [entity.send(add('a'))];
    await held.arrived;
    calls.push(...['b', 'c'].map((line) => entity.send(add(line))));
    held.release();
    await Promise.all(calls);
    await quiet();
    const found = await snapshotsOf(journal);
    expect(found.length).toBeGreaterThan(0);
    for (const { seq, state } of found) expect(ledgerLaw.decode(state).lines.length).toBe(seq);
  });
});

describe('a state is the same', () => {
  async function written() {
    const store = await started(every(10));
    for (const line of lines(47)) await store.entity.send(add(line));
    await quiet();
    expect(await seqsOf(store.journal)).toEqual([40, 30, 20]);
    return store;
  }

  const damage = async (
    store: Awaited<ReturnType<typeof written>>,
    seqs: readonly number[],
  ): Promise<void> => {
    for (const seq of seqs) {
      const key = `s!ledger/one!${seq.toString(36).padStart(9, '0')}`;
      const value = await store.disk.data.get(key);
      await store.disk.data.put(key, `${value?.slice(0, -3)}???`);
    }
  };

  test.each([
    ['with the newest snapshot', []],
    ['with the second, when the newest is damaged', [40]],
    ['with the third, when two are damaged', [40, 30]],
    ['by a full replay, when all are damaged', [40, 30, 20]],
  ])('%s', async (_, damaged) => {
    const store = await written();
    await damage(store, damaged);
    const { entity } = await openLedger(store, store.journal);
    expect(entity.durable).toEqual({ lines: lines(47), remindAt: null });
    expect(await entity.send(add('next'))).toEqual({ durability: 'fsync', seq: 48, lines: 48 });
    const reported = store.reports.filter(({ name }) => name === 'snapshot.damaged');
    expect(reported.map(({ data }) => data.seq)).toEqual(damaged);
  });

  test('when a snapshot is of an older version of the law, and is passed over', async () => {
    const store = await written();
    const { entity } = await openLedger(store, store.journal, { law: { ...ledgerLaw, version: 2 } });
    expect(entity.durable.lines).toEqual(lines(47));
    expect(store.reports.filter(({ name }) => name === 'snapshot.skipped').length).toBe(3);
  });

  test('when the text of a snapshot is not the one that was hashed', async () => {
    const store = await written();
    const [newest] = await snapshotsOf(store.journal);
    if (newest === undefined) throw new Error('there is no snapshot');
    await store.journal.putSnapshot('ledger/one', { ...newest, state: '{"lines":[],"remindAt":null}' });
    const { entity } = await openLedger(store, store.journal);
    expect(entity.durable.lines).toEqual(lines(47));
  });

  test('but one that a newer law wrote is not touched: LAW_CHANGED', async () => {
    const store = await written();
    const older = { ...ledgerLaw, version: 0 };
    expect(await codeOf(openLedger(store, store.journal, { law: older }))).toBe('LAW_CHANGED');
  });
});

describe('a snapshot that cannot be written', () => {
  test('costs no command, and is reported', async () => {
    const { entity, disk, reports, crashes } = await started(every(1_000));
    await entity.send(add('a'));
    disk.failWrites(nthWrite(disk.writes + 1, 'before'));
    await entity.snapshot();
    expect(reports.map(({ name }) => name)).toContain('snapshot.failed');
    expect(await entity.send(add('b'))).toEqual({ durability: 'fsync', seq: 2, lines: 2 });
    expect(crashes).toEqual([]);
  });

  test('because the law cannot encode its state harms neither the session nor the process', async () => {
    const { entity, reports, crashes } = await started(every(1));
    await entity.send({ type: 'ledger.break', place: 'encode' });
    await quiet();
    expect(reports.filter(({ name }) => name === 'snapshot.failed')).toEqual([
      { name: 'snapshot.failed', data: { stream: 'ledger/one', seq: 1, problem: 'broken in encode' } },
    ]);
    await entity.snapshot();
    expect(await entity.send(add('b'))).toEqual({ durability: 'fsync', seq: 2, lines: 2 });
    expect(crashes).toEqual([]);
  });
});
