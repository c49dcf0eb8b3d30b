// A script of two hundred operations, carried out once for each of its writes, which fails: before it, or after it. What was answered is
// there in the end, once, and nothing that was said not to be.
import { describe, expect, test } from 'vitest';
import type { Journal, Version } from '../../src/journal/journal.ts';
import { type Fault, nthWrite } from '../../src/testing/faulty-level.ts';
import { draft, headDraft, snapshotAt } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';

const operations = 200;
const streams = ['session/a', 'session/b', 'session/c'];

interface Known {
  readonly texts: string[];
  version: Version | null;
}

type Outcome = 'ok' | 'unknown' | 'no';

/** One operation of the script, chosen by its number. */
async function operate(journal: Journal, known: ReadonlyMap<string, Known>, n: number): Promise<Outcome> {
  const stream = streams[n % streams.length] ?? '';
  const mine = known.get(stream);
  if (mine === undefined) return 'no';
  if (n % 10 === 7) return settled(journal.kv.batch([{ key: `k${n}`, value: n }]));
  const head = n % 10 === 9 ? await journal.head(stream) : undefined;
  if (head !== undefined && n % 20 === 9) return settled(journal.putSnapshot(stream, snapshotAt(head, n)));
  const seq = mine.texts.length + 1;
  const drafts = [draft(seq, `${n}`, stream)];
  const receipts = [{ key: `o${n}`, value: n }];
  const result = await journal
    .append(stream, mine.version, drafts, { head: headDraft, receipts })
    .catch((error: { code: string }) => {
      expect(error.code).toBe('NOT_COMMITTED');
      return undefined;
    });
  const now = await journal.head(stream);
  if (result?.ok === true) expect(now?.seq).toBe(seq);
  // What nobody knows of is known by the head.
  if (now?.seq === seq) mine.texts.push(`${n}`);
  mine.version = now?.version ?? null;
  if (result === undefined) return 'no';
  return result.ok ? 'ok' : 'unknown';
}

const settled = (write: Promise<void>): Promise<Outcome> =>
  write.then(
    () => 'ok' as const,
    ({ code }: { code: string }) => {
      expect(['OUTCOME_UNKNOWN', 'NOT_COMMITTED']).toContain(code);
      return code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'no';
    },
  );

async function play(store: MemoryJournal): Promise<{ unknown: number }> {
  const journal = await store.open();
  const known = new Map(streams.map((stream): [string, Known] => [stream, { texts: [], version: null }]));
  const values: number[] = [];
  let unknown = 0;
  // One of each stream at a time, which share their writes.
  for (let first = 0; first < operations; first += streams.length) {
    const round = streams.map((_, index) => first + index);
    const outcomes = await Promise.all(round.map((n) => operate(journal, known, n)));
    if (outcomes.includes('unknown')) unknown += 1;
    for (const [index, n] of round.entries()) if (outcomes[index] === 'ok' && n % 10 === 7) values.push(n);
  }
  await journal.close();
  const reopened = await store.open();
  for (const [stream, { texts }] of known) {
    const { events } = await reopened.readFrom(stream, 0, { limit: operations });
    expect(events.map(({ data }) => data)).toEqual(texts);
    for (const text of texts) expect(await reopened.receipt(stream, `o${text}`)).toBe(Number(text));
  }
  for (const n of values) expect(await reopened.kv.get(`k${n}`)).toBe(n);
  expect((await reopened.scrub({ bytesPerSecond: 2 ** 40, onDamage: () => {} }).run()).damaged).toBe(0);
  await reopened.close();
  return { unknown };
}

describe('a script of two hundred operations', () => {
  test.each<Fault>(['before', 'after'])(
    'loses nothing when any one of its writes fails %s it',
    async (fault) => {
      const whole = memoryJournal();
      await play(whole);
      // The first is that of the opening; the last are those of the second opening, and of the scrub.
      const writes = whole.disk.writes - 2;
      expect(writes).toBeGreaterThan(60);
      for (let n = 2; n <= writes; n++) {
        const store = memoryJournal();
        store.disk.failWrites(nthWrite(n, fault));
        expect((await play(store)).unknown).toBe(1);
      }
    },
  );
});
