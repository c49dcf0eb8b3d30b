// Which of the damage that was found a recovery has accepted: no session is taken out of service for that again.
import { expect, test } from 'vitest';
import { LevelJournal } from '../../src/journal/level-journal.ts';
import type { StoreReport } from '../../src/journal/store/store-report.ts';
import { isGivenUp, withoutGivenUp } from '../../src/recovery/chain/given-up.ts';
import { damage, recovered, stream } from '../support/recovered-session.ts';

const found = (...damaged: StoreReport['damaged']): StoreReport => ({
  ...{ shutdown: 'unclean', logFindings: [], witness: 'whole', checkedStreams: 1, tookMs: 0 },
  ...{ lost: [], damaged },
});

const at = (seq: number | string, of = stream) => ({ stream: of, seq, problem: 'it is missing' });

test('only what a generation gave up that holds is no finding any more', async () => {
  await using test = await recovered();
  await test.system.close();
  const journal = await LevelJournal.open({ open: test.disk.open });
  const findings = [at(8), at(4), at('head'), at(8, 'condition/s'), at(8, 'session/none')];
  expect((await withoutGivenUp(journal, found(...findings))).damaged).toEqual(findings.slice(1));
  const seqs = [7, 8, 9, 10, 12];
  const judged = await Promise.all(seqs.map((seq) => isGivenUp(journal, stream, seq)));
  expect(judged).toEqual([false, true, true, false, false]);
  await journal.close();
});

test('it is one still where something behind it is damaged that nobody gave up', async () => {
  await using test = await recovered();
  await test.system.close();
  await damage(test, 12);
  const journal = await LevelJournal.open({ open: test.disk.open });
  const report = found(at(8));
  expect(await withoutGivenUp(journal, report)).toEqual(report);
  await journal.close();
});
