// Whatever writes fail, before or after being carried out: what was acknowledged is there once, and nothing else is.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Append, Head, Journal, Version } from '../../src/journal/journal.ts';
import { randomWrites } from '../../src/testing/faulty-level.ts';
import {
  draft,
  headDraft,
  placesIn,
  readFeed,
  readPages,
  snapshotAt,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';

/** What a writer knows of its stream: the head that it last saw durable, the events it holds, and its answers. */
interface Known {
  readonly stream: string;
  head: Head | undefined;
  readonly texts: string[];
  readonly receipts: Map<string, boolean>;
  /** True once it was removed. */
  removed: boolean;
}

type Step =
  | { readonly kind: 'append'; readonly appends: number }
  | { readonly kind: 'trim' | 'kv' | 'remove' };

const versionOf = (seq: number): Version | null => (seq === 0 ? null : (String(seq) as Version));

async function outcomeOf(append: Promise<Append>): Promise<'ok' | 'conflict' | 'unknown' | 'NOT_COMMITTED'> {
  try {
    const result = await append;
    return result.ok ? 'ok' : result.reason;
  } catch (error) {
    expect(error).toMatchObject({ code: 'NOT_COMMITTED' });
    return 'NOT_COMMITTED';
  }
}

/** Sends several appends at once, each built on the one before it, and learns from the head what became of them. */
async function appendSome(journal: Journal, known: Known, count: number): Promise<void> {
  const start = known.head?.seq ?? 0;
  const seqs = Array.from({ length: count }, (_, i) => start + 1 + i);
  const keyOf = (seq: number): string => `${seq}/${known.receipts.size}`;
  const outcomes = await Promise.all(
    seqs.map((seq) => {
      const expected = seq === start + 1 ? (known.head?.version ?? null) : versionOf(seq - 1);
      const receipts = [{ key: keyOf(seq), value: seq }];
      const drafts = [draft(seq, keyOf(seq), known.stream)];
      return outcomeOf(journal.append(known.stream, expected, drafts, { head: headDraft, receipts }));
    }),
  );
  const head = await journal.head(known.stream);
  const seq = head?.seq ?? 0;
  const acknowledged = outcomes.lastIndexOf('ok') + 1;
  const possible = Math.max(acknowledged, outcomes.lastIndexOf('unknown') + 1);
  expect(outcomes.slice(0, acknowledged).every((outcome) => outcome === 'ok')).toBe(true);
  expect(seq).toBeGreaterThanOrEqual(start + acknowledged);
  expect(seq).toBeLessThanOrEqual(start + possible);
  const size = known.receipts.size;
  for (const each of seqs) {
    known.receipts.set(`${each}/${size}`, each <= seq);
    if (each <= seq) known.texts.push(`${each}/${size}`);
  }
  known.head = head;
}

async function trim(journal: Journal, known: Known): Promise<void> {
  const { head } = known;
  if (head === undefined || head.seq < 2 || known.removed) return;
  const attempt = async (): Promise<void> => {
    await journal.putSnapshot(known.stream, snapshotAt(head, head.seq));
    await journal.trim(known.stream, head.seq - 2);
  };
  await attempt().catch((error: { code?: string }) => {
    if (error instanceof RangeError) return;
    expect(['OUTCOME_UNKNOWN', 'NOT_COMMITTED']).toContain(error.code);
  });
  known.head = await journal.head(known.stream);
  expect(known.head).toMatchObject({ seq: head.seq, version: head.version, chain: head.chain });
}

async function remove(journal: Journal, known: Known): Promise<void> {
  const { head } = known;
  if (head === undefined || head.firstSeq > head.seq) return;
  const outcome = await outcomeOf(journal.remove(known.stream, head.version));
  known.head = await journal.head(known.stream);
  const gone = known.head?.version !== head.version;
  if (outcome !== 'unknown') expect(gone).toBe(outcome === 'ok');
  if (!gone) return;
  for (const key of known.receipts.keys()) known.receipts.set(key, false);
  known.removed = true;
}

async function live(journal: Journal, known: Known, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step.kind === 'append') await appendSome(journal, known, step.appends);
    else if (step.kind === 'trim') await trim(journal, known);
    else if (step.kind === 'remove') await remove(journal, known);
    else await journal.kv.batch([{ key: known.stream, value: known.texts.length }]).catch(() => undefined);
  }
}

/** The waits between openings pass at once. */
async function passTime({ clock }: MemoryJournal, lives: Promise<unknown>): Promise<void> {
  let over = false;
  const end = (): void => {
    over = true;
  };
  lives.then(end, end);
  while (!over) await clock.advance(60_000);
}

async function verify(journal: Journal, writers: readonly Known[]): Promise<void> {
  const feed = await readFeed(journal, null);
  expect(feed.flatMap(({ damaged = [] }) => damaged)).toEqual([]);
  for (const { stream, head, texts, receipts } of writers) {
    expect(await journal.head(stream)).toEqual(head);
    if (head === undefined) continue;
    const { events } = await journal.readFrom(stream, head.firstSeq - 1);
    expect(events.map(({ data }) => data)).toEqual(texts.slice(head.firstSeq - 1));
    const places = placesIn(feed).filter((place) => place.startsWith(`${stream}#`));
    expect(places).toEqual(events.map(({ seq }) => `${stream}#${seq}`));
    for (const [key, isThere] of receipts)
      expect((await journal.receipt(stream, key)) !== undefined).toBe(isThere);
    if (head.firstSeq === 1) await readPages(journal, 3, stream);
  }
  expect((await journal.list()).heads).toEqual(writers.flatMap(({ head }) => head ?? []));
}

describe('a journal on a disk that fails at random', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      arbitrary: fc.record({ kind: fc.constant('append' as const), appends: fc.integer({ min: 1, max: 4 }) }),
      weight: 6,
    },
    {
      arbitrary: fc.record({ kind: fc.constantFrom('trim' as const, 'kv' as const, 'remove' as const) }),
      weight: 2,
    },
  );
  const lives = fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 5 });

  test('holds what it acknowledged, once and in order, and nothing of what it refused', async () => {
    await fc.assert(
      fc.asyncProperty(lives, fc.integer(), fc.constantFrom(0.05, 0.2, 0.5), async (plans, seed, rate) => {
        const store = memoryJournal();
        const journal = await store.open({ reopening: { patienceMs: Number.POSITIVE_INFINITY } });
        const writers = plans.map((_, i): Known => {
          return {
            ...{ stream: `session/s${i}`, head: undefined, texts: [] },
            receipts: new Map(),
            removed: false,
          };
        });
        store.disk.failWrites(randomWrites(seed, rate));
        const ended = Promise.all(writers.map((known, i) => live(journal, known, plans[i] ?? [])));
        await passTime(store, ended);
        await ended;
        store.disk.heal();
        await journal.close();
        await verify(await store.open(), writers);
      }),
      { numRuns: 300 },
    );
  });
});
