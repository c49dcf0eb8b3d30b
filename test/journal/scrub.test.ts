// The scrub: all that is stored is read and checked, at its pace, and damage is found wherever it is. What changes meanwhile is none.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keys } from '../../src/journal/keys.ts';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { type Damage, NamedDamage, type Scrub } from '../../src/journal/scrub/scrub.ts';
import {
  commit,
  commitNew,
  draft,
  drafts,
  headDraft,
  snapshotAt,
  snapshotsOf,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { quiet } from '../support/outcome.ts';

let store: MemoryJournal;
let journal: LevelJournal;
let found: Damage[];

const scrubOf = (bytesPerSecond = 1_000_000): Scrub =>
  journal.scrub({ bytesPerSecond, onDamage: (damage) => found.push(damage) });

beforeEach(async () => {
  store = memoryJournal();
  journal = await store.open();
  found = [];
  const head = await commitNew(journal, 4);
  await journal.putSnapshot(stream, { ...snapshotAt(head, 2), seq: 2 });
  await journal.putSnapshot(stream, snapshotAt(head, 4));
  await commitNew(journal, 3, 'session/two');
  await journal.append(
    'session/two',
    (await journal.head('session/two'))?.version ?? null,
    [draft(4, {}, 'session/two')],
    {
      head: headDraft,
      receipts: [{ key: 'key', value: 1 }],
    },
  );
  await journal.kv.batch([{ key: 'k', value: 1 }]);
});
afterEach(() => journal.close());

/** Flips a character within the value. */
async function flip(key: string): Promise<void> {
  const value = (await store.disk.data.get(key)) ?? '';
  const at = value.length - 3;
  const other = value[at] === 'x' ? 'y' : 'x';
  await store.disk.data.put(key, value.slice(0, at) + other + value.slice(at + 1));
}

test('reads everything and says what it was', async () => {
  const report = await scrubOf().run();
  expect(report).toMatchObject({ streams: 2, records: 8, damaged: 0, findings: [], tookMs: 0 });
  expect(report.bytes).toBeGreaterThan(1_000);
  expect(await scrubOf().last()).toEqual({ at: store.clock.now(), records: 8, damaged: 0 });
});

describe('damage is found', () => {
  test.each<[string, () => Promise<unknown>, string, number | string, boolean]>([
    ['in a record', () => flip(keys.event(stream, 2)), stream, 2, true],
    ['as a missing record', () => store.disk.data.del(keys.event(stream, 3)), stream, 3, true],
    ['as a missing end', () => store.disk.data.del(keys.event(stream, 4)), stream, 4, true],
    ['as a missing beginning', () => store.disk.data.del(keys.event(stream, 1)), stream, 1, true],
    ['in a head', () => flip(keys.head(stream)), stream, 'head', true],
    [
      'as a missing head',
      () => store.disk.data.del(keys.head(stream)).then(() => flip(keys.event(stream, 1))),
      stream,
      1,
      true,
    ],
    ['in a snapshot', () => flip(keys.snapshot(stream, 4)), stream, 4, false],
    ['in the feed', () => flip(keys.feed(2)), 'feed', 2, false],
    ['as a hole in the feed', () => store.disk.data.del(keys.feed(2)), 'feed', 2, false],
    ['in an answer', () => flip(keys.receipt('session/two', 'key')), 'session/two', 'receipt', false],
    ['in a small value', () => flip(keys.kv('k')), 'kv', 'k', false],
  ])('%s, and in nothing else', async (_, damage, of, seq, endsInQuarantine) => {
    await damage();
    const { damaged, findings } = await scrubOf().run();
    expect(damaged).toBeGreaterThan(0);
    expect(findings[0]).toMatchObject({ stream: of, seq });
    expect(findings.every((finding) => finding.stream === of)).toBe(true);
    expect(found.length > 0).toBe(endsInQuarantine);
    expect(store.reports).toContainEqual({
      name: 'scrub.damaged',
      data: { stream: of, seq, problem: findings[0]?.problem },
    });
  });

  test('between records that hold, each for itself', async () => {
    const other = memoryJournal();
    const another = await other.open();
    await commitNew(another, 4);
    const foreign = (await other.disk.data.get(keys.event(stream, 3))) ?? '';
    await another.close();
    await store.disk.data.put(keys.event(stream, 3), foreign);
    const { findings } = await scrubOf().run();
    expect(findings[0]).toEqual({ stream, seq: 3, problem: 'it does not follow the record before it' });
  });

  test('as a head of before that came back', async () => {
    const older = (await store.disk.data.get(keys.head(stream))) ?? '';
    await commit(journal, (await journal.head(stream))?.version ?? null, [draft(5)]);
    await store.disk.data.put(keys.head(stream), older);
    const { findings } = await scrubOf().run();
    expect(findings).toContainEqual({ stream, seq: 5, problem: 'the head does not know of it' });
  });
});

describe('what was found before', () => {
  const named = () => store.reports.filter(({ name }) => name === 'scrub.damaged').map(({ data }) => data);

  test('is named once, and counted by every pass', async () => {
    await flip(keys.event(stream, 2));
    await store.disk.data.del(keys.feed(2));
    for (let pass = 0; pass < 3; pass++) {
      const { findings } = await scrubOf().run();
      expect(findings.map(({ stream: of, seq }) => [of, seq])).toEqual([
        [stream, 2],
        ['feed', 2],
      ]);
    }
    expect(named()).toMatchObject([
      { stream, seq: 2 },
      { stream: 'feed', seq: 2 },
    ]);
    expect(found).toMatchObject([{ stream, seq: 2 }]);
  });

  test('is named again when it was whole in between', async () => {
    const value = (await store.disk.data.get(keys.event(stream, 2))) ?? '';
    await flip(keys.event(stream, 2));
    await scrubOf().run();
    await store.disk.data.put(keys.event(stream, 2), value);
    await scrubOf().run();
    await flip(keys.event(stream, 2));
    await scrubOf().run();
    expect(named()).toHaveLength(2);
  });

  test('is known to the pass behind one that was cut off', () => {
    const memory = new NamedDamage();
    const damage = { stream, seq: 2, problem: 'x' };
    const met: boolean[] = [];
    for (const end of ['cut off', 'cut off', 'read', 'read', 'read'] as const) {
      memory.begin();
      if (met.length < 3) met.push(memory.isNew(damage), memory.isNew(damage));
      if (end === 'read') memory.end();
    }
    memory.begin();
    expect([met, memory.isNew(damage)]).toEqual([[true, false, false, false], true]);
  });

  test('is no damage where it was given up', async () => {
    await flip(keys.event(stream, 2));
    await flip(keys.event('session/two', 2));
    const asked: unknown[] = [];
    const isGivenUp = async (...place: readonly unknown[]): Promise<boolean> => {
      asked.push(place);
      if (place[0] === stream) return true;
      throw new Error('it cannot be asked');
    };
    const onDamage = (damage: Damage): void => void found.push(damage);
    const { findings } = await journal.scrub({ bytesPerSecond: 1_000_000, onDamage, isGivenUp }).run();
    expect(asked).toEqual([
      [stream, 2],
      ['session/two', 2],
    ]);
    for (const seen of [findings, found, named()]) expect(seen).toMatchObject([{ stream: 'session/two' }]);
  });
});

test('a damaged snapshot is dropped, and its session is left alone', async () => {
  await flip(keys.snapshot(stream, 4));
  expect((await scrubOf().run()).damaged).toBe(1);
  expect((await scrubOf().run()).damaged).toBe(0);
  expect((await snapshotsOf(journal)).map(({ seq }) => seq)).toEqual([2]);
});

test('a history that was trimmed, and a stream that was removed, are no damage', async () => {
  await journal.trim(stream, 1);
  const two = await journal.head('session/two');
  if (two !== undefined) await journal.remove('session/two', two.version);
  expect(await scrubOf().run()).toMatchObject({ records: 3, damaged: 0 });
});

describe('a large store', () => {
  const text = 'x'.repeat(40_000);

  beforeEach(async () => {
    const events = drafts(1, 40, 'session/large').map(({ event }) =>
      draft(event.seq, { text }, 'session/large'),
    );
    await commit(journal, null, events, { of: 'session/large' });
  });

  test('is read at the pace that was asked for', async () => {
    const scrub = scrubOf(100_000);
    const running = scrub.run();
    const joined = scrub.run();
    let over = false;
    void running.then(() => {
      over = true;
    });
    for (let second = 0; second < 14; second++) {
      await quiet();
      await store.clock.advance(1_000);
    }
    expect(over).toBe(false);
    for (let second = 0; second < 14; second++) {
      await quiet();
      await store.clock.advance(1_000);
    }
    const report = await running;
    expect(report.records).toBe(48);
    expect(report.tookMs / 1_000).toBeGreaterThan(14);
    expect(report.tookMs / 1_000).toBeLessThan(18);
    expect(await joined).toBe(report);
  });

  test('may be written, trimmed and removed while it is being read', async () => {
    const running = scrubOf(1_000_000).run();
    await quiet();
    const of = 'session/large';
    const head = await commit(journal, (await journal.head(of))?.version ?? null, [draft(41, {}, of)], {
      of,
    });
    await journal.putSnapshot(of, snapshotAt(head, 40));
    await journal.trim(of, 39);
    const first = await journal.head(stream);
    if (first !== undefined) await journal.remove(stream, first.version);
    for (let turn = 0; turn < 20; turn++) {
      await store.clock.advance(1_000);
      await quiet();
    }
    expect(await running).toMatchObject({ damaged: 0 });
  });

  test('is stopped between two looks, and the next one begins anew', async () => {
    const scrub = scrubOf(1);
    const running = scrub.run();
    const outcome = running.catch(({ code }: { code: string }) => code);
    await quiet();
    await scrub.stop();
    expect(await outcome).toBe('SYSTEM_NOT_SERVING');
    const again = scrubOf(1_000_000_000).run();
    for (let turn = 0; turn < 20; turn++) {
      await quiet();
      await store.clock.advance(10);
    }
    expect((await again).records).toBe(48);
  });
});

test('what a restart cut off goes on where it was', async () => {
  const first = await scrubOf().run();
  const progress = {
    ...{ walk: { key: keys.event('session/two', 4), record: null, feed: null }, startedAt: 0 },
    ...{ streams: 2, records: 8, bytes: 1_000, damaged: 0, findings: [] },
  };
  await journal.kv.batch([{ key: 'storage/scrub', value: { progress, last: null } }]);
  const scrub = scrubOf();
  expect(await scrub.isUnfinished()).toBe(true);
  const rest = await scrub.run('rest');
  expect(rest).toMatchObject({ streams: 2, records: 8, tookMs: store.clock.now() });
  expect(rest.bytes).toBeLessThan(first.bytes);
  expect(await scrub.isUnfinished()).toBe(false);
});
