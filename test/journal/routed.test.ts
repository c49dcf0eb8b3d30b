// The journal in memory, by the suite of the port and by its bounds: behind the router, as a system has it.
import { describe, expect, test } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import { RoutedJournal } from '../../src/journal/routed-journal.ts';
import { VolatileJournal } from '../../src/journal/volatile-journal.ts';
import { faultyLevel } from '../../src/testing/faulty-level.ts';
import {
  commit,
  commitNew,
  draft,
  drafts,
  headDraft,
  seqsIn,
  snapshotAt,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { journalConformance } from '../../src/testing/journal-conformance.ts';

interface Routed {
  readonly journal: RoutedJournal;
  readonly level: LevelJournal;
  readonly volatile: VolatileJournal;
}

async function routed(
  open = faultyLevel().open,
  keeps: ConstructorParameters<typeof VolatileJournal>[0]['keeps'] = {},
): Promise<Routed> {
  const level = await LevelJournal.open({ open });
  const volatile = new VolatileJournal({ limits: level.limits, epoch: level.epoch, keeps });
  return { journal: new RoutedJournal(level, volatile), level, volatile };
}

/** Every stream that is made through it is made in memory. */
function allInMemory(journal: Journal): Journal {
  return new Proxy(journal, {
    get(target, name) {
      if (name === 'append') {
        const append: Journal['append'] = (of, expected, events, options) =>
          target.append(of, expected, events, { ...options, durability: 'none' });
        return append;
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

describe('a stream on the disk, behind the router', () => {
  journalConformance({ describe, test, expect }, async () => {
    const { open } = faultyLevel();
    return { open: async () => (await routed(open)).journal, destroy: async () => {} };
  });
});

describe('a stream in memory, behind the router', () => {
  journalConformance(
    { describe, test, expect },
    async () => ({ open: async () => allInMemory((await routed()).journal), destroy: async () => {} }),
    { inMemory: true },
  );
});

const none = { head: headDraft, durability: 'none' } as const;

describe('the router', () => {
  test('gives a stream to one journal for good: an id that either knows is taken in the other', async () => {
    const { journal, level, volatile } = await routed();
    await commitNew(journal, 1, 'session/stored');
    const taken = await journal.append('session/stored', null, [draft(1, 1, 'session/stored')], none);
    expect(taken).toMatchObject({ ok: false, reason: 'conflict', head: { stream: 'session/stored' } });
    expect(volatile.size).toBe(0);
    const made = await journal.append(stream, null, drafts(1, 2), none);
    expect(made).toMatchObject({ ok: true, durability: 'none', head: { seq: 2 } });
    expect(await journal.append(stream, null, [draft(1)], { head: headDraft })).toMatchObject({ ok: false });
    expect(await level.head(stream)).toBeUndefined();
    expect((await commit(journal, made.ok ? made.head.version : null, [draft(3)])).seq).toBe(3);
    expect(await level.head(stream)).toBeUndefined();
    await journal.close();
  });

  test('lets one win of several that make a stream in memory at once', async () => {
    const { journal } = await routed();
    const results = await Promise.all([1, 2, 3].map(() => journal.append(stream, null, [draft(1)], none)));
    expect(results.filter(({ ok }) => ok).length).toBe(1);
    await journal.close();
  });

  test('lists both in one order, page by page, whatever a page holds', async () => {
    const { journal } = await routed();
    const names = Array.from({ length: 30 }, (_, i) => `session/n${String(i).padStart(2, '0')}`);
    for (const [i, of] of names.entries())
      await journal.append(of, null, [draft(1, i, of)], i % 3 === 0 ? none : { head: headDraft });
    for (const limit of [1, 2, 7, 20, 30, 100]) {
      const found: string[] = [];
      for (let after: string | undefined, more = true; more; more = after !== undefined) {
        const page = await journal.list({ prefix: 'session/', limit, ...(after !== undefined && { after }) });
        expect(page.heads.length).toBeLessThanOrEqual(limit);
        found.push(...page.heads.map((head) => head.stream));
        after = page.next;
      }
      expect(found).toEqual(names);
    }
    await journal.close();
  });

  test('shows the feed of the disk, and nothing else in it', async () => {
    const { journal } = await routed();
    const end = journal.feedEnd();
    await journal.append(stream, null, drafts(1, 2), none);
    expect(journal.feedEnd()).toBe(end);
    expect(await journal.readAll(null)).toEqual([]);
    await journal.close();
  });
});

describe('a stream in memory', () => {
  test('forgets what lies below its snapshot and is not new, but for what the snapshot refers to', async () => {
    const { journal } = await routed(undefined, { events: 10, snapshots: 1 });
    let head = await commit(journal, null, drafts(1, 100), none);
    await journal.putSnapshot(stream, { ...snapshotAt(head, 1), needs: [3, 95, 50] });
    head = (await journal.head(stream)) ?? head;
    expect(head).toMatchObject({ seq: 100, firstSeq: 91 });
    await expect(journal.readFrom(stream, 0)).rejects.toMatchObject({ code: 'HISTORY_TRIMMED' });
    expect(seqsIn((await journal.readFrom(stream, 90)).events)).toEqual([
      91, 92, 93, 94, 95, 96, 97, 98, 99, 100,
    ]);
    for (const seq of [3, 50, 95])
      expect(seqsIn((await journal.readFrom(stream, seq - 1, { limit: 1 })).events)).toEqual([seq]);
    head = await commit(journal, head.version, drafts(101, 200), none);
    await journal.putSnapshot(stream, { ...snapshotAt(head, 2), needs: [50, 95] });
    expect(await journal.head(stream)).toMatchObject({ firstSeq: 191 });
    await expect(journal.readFrom(stream, 2, { limit: 1 })).rejects.toMatchObject({
      code: 'HISTORY_TRIMMED',
    });
    for (const seq of [50, 95])
      expect(seqsIn((await journal.readFrom(stream, seq - 1, { limit: 1 })).events)).toEqual([seq]);
    await journal.close();
  });

  test('forgets nothing that no snapshot tells of', async () => {
    const { journal } = await routed(undefined, { events: 10 });
    const head = await commit(journal, null, drafts(1, 100), none);
    await journal.putSnapshot(stream, snapshotAt({ ...head, seq: 20 }, 1));
    expect(await journal.head(stream)).toMatchObject({ firstSeq: 21 });
    await journal.close();
  });

  test('keeps so many answers, those that were given or used last', async () => {
    const { journal } = await routed(undefined, { receipts: 2 });
    let head = await commit(journal, null, [draft(1)], none);
    for (const [i, key] of ['a', 'b', 'a', 'c'].entries())
      head = await commit(journal, head.version, [draft(i + 2)], { ...none, receipts: [{ key, value: i }] });
    expect(['a', 'b', 'c'].map((key) => journal.receipt(stream, key))).toEqual([2, undefined, 3]);
    await journal.close();
  });

  test('leaves nothing behind when it is removed, and its name is free', async () => {
    const { journal, volatile } = await routed();
    const head = await commit(journal, null, drafts(1, 3), none);
    expect(await journal.remove(stream, head.version)).toMatchObject({
      ok: true,
      head: { status: 'deleted' },
    });
    expect(volatile.size).toBe(0);
    expect(await journal.head(stream)).toBeUndefined();
    expect((await commitNew(journal, 1)).seq).toBe(1);
    await journal.close();
  });
});
