// A log in which writes stand twice, or not in their order, each with a checksum that holds: LevelDB ends the process over it, at every
// start, where it is not put in order before.
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readFraming, writeFraming } from '../../src/journal/store/log-framing.ts';
import { commit, drafts } from '../../src/testing/journal-conformance/journal-fixture.ts';
import { StoredJournal } from '../support/stored-journal.ts';

const stream = 'session/a';

let store: StoredJournal;
beforeEach(async () => {
  store = await StoredJournal.make();
});
afterEach(() => store.remove());

type Records = readonly Buffer[];

test.each<[string, (records: Records) => Records]>([
  ['a whole log that was appended to itself', (records) => [...records, ...records]],
  ['a write that stands twice', (records) => [...records.slice(0, 2), ...records.slice(1)]],
  ['writes in another order', (records) => [...records.slice(2), ...records.slice(0, 3)]],
])('%s: each write is taken once, and nothing is lost', async (_, change) => {
  await (await store.open()).close();
  const writer = await store.open();
  let head = await commit(writer, null, drafts(1, 1, stream), { of: stream });
  for (let seq = 2; seq <= 6; seq++)
    head = await commit(writer, head.version, drafts(seq, seq, stream), { of: stream });
  await writer.close();
  const log = await store.file(/\.log$/);
  const { records } = readFraming(await readFile(log));
  expect(records.length).toBeGreaterThan(2);
  await writeFile(log, writeFraming(change(records)));
  const journal = await store.open();
  const { opening: report } = journal;
  expect(report.repaired?.reasons).toEqual([expect.stringMatching(/log: the record \d+ stands behind/)]);
  expect([report.lost, report.damaged]).toEqual([[], []]);
  expect(await journal.head(stream)).toMatchObject({ seq: 6 });
  await journal.close();
  const again = await store.open();
  expect(again.opening.repaired).toBeUndefined();
  await again.close();
});
