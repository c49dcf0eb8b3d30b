// The feed says of what was brought in from another store that it was: from memory and from the disk, beside what is new.
import { expect, test } from 'vitest';
import type { LevelJournal } from '../../src/journal/level-journal.ts';
import { add, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';

const told = async (journal: LevelJournal) =>
  (await journal.readAll(null)).flatMap(({ events }) =>
    events.map(({ stream, seq, imported }) => [stream, seq, imported ?? false]),
  );

test('records that are adopted are told as imported, what follows them is not', async () => {
  const [here, there] = [memoryJournal(), memoryJournal()];
  const from = await here.open();
  const { entity } = await openLedger(here, from);
  for (const line of ['one', 'two']) await entity.send(add(line));
  const { stream } = entity;
  const values = await from.readRecords(stream, 0, 10);
  const records = values.map((value, index) => ({ seq: index + 1, value, follows: true }));
  const journal = await there.open();
  const draft = { status: 'open', dueAt: null, summary: {}, firstSeq: 1 };
  expect(await journal.adopt(stream, null, records, draft)).toMatchObject({ ok: true });
  const { entity: next } = await openLedger(there, journal);
  await next.send(add('three'));
  const expected = [
    [stream, 1, true],
    [stream, 2, true],
    [stream, 3, false],
  ];
  expect(await told(journal)).toEqual(expected);
  await journal.close();
  const again = await there.open();
  expect(await told(again)).toEqual(expected);
  await Promise.all([again.close(), from.close()]);
});
