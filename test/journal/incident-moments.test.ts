// A call that comes at any moment of a failure: before, between and after each step of it, told by promises settled since.
import { describe, expect, test } from 'vitest';
import type { Append } from '../../src/journal/journal.ts';
import type { Fault } from '../../src/testing/faulty-level.ts';
import {
  draft,
  headDraft,
  placesIn,
  readFeed,
  snapshotsOf,
  stream,
} from '../../src/testing/journal-conformance/journal-fixture.ts';
import { appendNext, codeFrom, failNext, type Started, started } from '../support/failing-journal.ts';

describe('a call at any moment of a failure', () => {
  const moments = Array.from({ length: 40 }, (_, ticks) => ticks);

  async function failAfter(ticks: number, fault: Fault): Promise<Started & { failed: Promise<Append> }> {
    const store = await started();
    await store.journal.close();
    const journal = await store.open();
    const reopened = { ...store, journal };
    failNext(store, fault);
    const failed = appendNext(reopened);
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    return { ...reopened, failed };
  }

  test.each(moments)('is answered from what is there: after %i promises', async (ticks) => {
    for (const fault of ['before', 'after'] as const) {
      const { journal, failed } = await failAfter(ticks, fault);
      const answers = Promise.all([
        journal.head(stream),
        journal.readFrom(stream, 0),
        journal.receipt(stream, 'key'),
        journal.list(),
        journal.kv.get('k'),
        snapshotsOf(journal),
        readFeed(journal, null),
        journal.head('session/none'),
      ]);
      expect(await failed).toMatchObject({ reason: 'unknown' });
      const [head, page, receipt, list, value, snapshots, feed, none] = await answers;
      const last = fault === 'after' ? 3 : 2;
      expect(head?.seq).toBe(last);
      expect([2, last]).toContain(page.events.length);
      expect(list.heads.length).toBe(1);
      expect([receipt, value, snapshots, none]).toEqual([undefined, undefined, [], undefined]);
      expect([2, last]).toContain(placesIn(feed).length);
    }
  });

  test.each(moments)('is written, or said not to be: after %i promises', async (ticks) => {
    const { journal, failed } = await failAfter(ticks, 'before');
    const of = 'session/b';
    const append = journal.append(of, null, [draft(1, {}, of)], { head: headDraft });
    const outcome = await append.then((result) => (result.ok ? 'ok' : result.reason), codeFrom);
    expect(['ok', 'unknown', 'NOT_COMMITTED']).toContain(outcome);
    const value = await journal.kv.batch([{ key: 'k', value: 1 }]).then(() => 'ok', codeFrom);
    expect(['ok', 'OUTCOME_UNKNOWN', 'NOT_COMMITTED']).toContain(value);
    await failed;
    expect((await journal.head(of))?.seq).toBe(outcome === 'ok' ? 1 : undefined);
    expect(await journal.kv.get('k')).toBe(value === 'ok' ? 1 : undefined);
  });
});
