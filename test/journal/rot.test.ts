// Rot: whichever bit of whatever is stored flips, what is handed out is right or is said to be damaged.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import { readFeed, readPages, snapshotsOf } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { type MemoryJournal, memoryJournal } from '../support/memory-journal.ts';
import { healthy, stream, writtenStore } from '../support/written-store.ts';

describe('whatever byte rots', () => {
  test('no wrong value is handed out', async () => {
    const { disk } = await writtenStore();
    const stored = (await disk.data.iterator().all()).map(([key, value]) => ({
      key,
      value: Buffer.from(value),
    }));
    const sound = await viewOf(await (await writtenStoreFrom(stored)).open());
    const flip = fc.record({ entry: fc.nat(stored.length - 1), at: fc.nat(), bit: fc.nat(7) });
    await fc.assert(
      fc.asyncProperty(flip, async ({ entry, at, bit }) => {
        const store = await writtenStoreFrom(stored);
        const { key, value } = stored[entry] ?? { key: '', value: Buffer.alloc(1) };
        const damaged = Buffer.from(value);
        const index = at % value.length;
        damaged.writeUInt8(damaged.readUInt8(index) ^ (1 << bit), index);
        await store.disk.data.put(key, damaged.toString('utf8'));
        const view = await store.open().then(viewOf, (error: { code: string }) => {
          expect(error.code).toBe('JOURNAL_CORRUPT');
          return {};
        });
        for (const [name, answer] of Object.entries(view)) {
          if (answer !== 'corrupt') expect({ [name]: answer }).toEqual({ [name]: sound[name] });
        }
      }),
      { numRuns: 400 },
    );
  });
});

async function writtenStoreFrom(stored: readonly { key: string; value: Buffer }[]): Promise<MemoryJournal> {
  const store = memoryJournal();
  for (const { key, value } of stored) await store.disk.data.put(key, value.toString('utf8'));
  return store;
}

/** Everything that can be read, each answer or `corrupt`. */
async function viewOf(journal: Journal): Promise<Record<string, unknown>> {
  const questions: Record<string, () => unknown> = {
    kv: () => journal.kv.get('small'),
    kvKeys: () => journal.kv.keys(''),
    feed: async () => {
      const entries = await readFeed(journal, null);
      return entries.some(({ damaged }) => damaged !== undefined) ? 'corrupt' : entries;
    },
    list: async () => {
      const { heads, damaged } = await journal.list();
      return damaged.length > 0 ? 'corrupt' : heads;
    },
  };
  for (const of of [stream, healthy]) {
    questions[`head of ${of}`] = () => journal.head(of);
    questions[`events of ${of}`] = () => readPages(journal, 3, of);
    questions[`receipt of ${of}`] = () => journal.receipt(of, 'key');
    questions[`snapshots of ${of}`] = async () => {
      const found = await snapshotsOf(journal, of);
      return found.length < 2 ? 'corrupt' : found;
    };
  }
  const answers = Object.entries(questions).map(async ([name, ask]) => [name, await answerTo(ask)]);
  return Object.fromEntries(await Promise.all(answers));
}

async function answerTo(ask: () => unknown): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    expect(error).toMatchObject({ code: 'JOURNAL_CORRUPT' });
    return 'corrupt';
  }
}
