// Streams of receipts are bounded: the newest stay, the totals count all, and who reads is told what is not there any more.
import { expect, test } from 'vitest';
import { bootLaw, bootStream } from '../../src/domain/recovery/recovery-boot-law.ts';
import { recoveryStream } from '../../src/domain/recovery/recovery-law.ts';
import type { BootReceipt, RecoveryReceipt } from '../../src/domain/recovery/recovery-vocabulary.ts';
import { hydrate } from '../../src/entity/hydrate.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { keys } from '../../src/journal/keys.ts';
import { BootLog } from '../../src/recovery/boot/boot-log.ts';
import { pageOfBoots } from '../../src/recovery/boot/boot-page.ts';
import { ReceiptLog } from '../../src/recovery/receipts/receipt-log.ts';
import type { HandlerContext } from '../../src/session/handlers/handler-context.ts';
import { recoveryHandlers } from '../../src/session/handlers/recovery-handlers.ts';
import { memoryJournal } from '../support/memory-journal.ts';

const kept = 100;

const receipt = (n: number, sessionId: string): RecoveryReceipt => ({
  ...{ recoveryId: `1-${n}`, sessionId, reason: 'actors_crashed', tier: 'hot' },
  ...{ status: n % 5 === 0 ? 'failed' : 'complete', dataLost: n % 5 === 0 },
  ...{ detectedAt: 0, startedAt: 0, completedAt: n, snapshotSeq: 0, headSeq: 1, replayed: 1 },
  ...{ passedOver: [], dropped: [], reRun: [], unknown: [], timers: [], attempts: [] },
  error: null,
});

const handlersOf = (journal: Journal, receiptLog: ReceiptLog) =>
  recoveryHandlers({ journal, recovery: { receiptLog } } as unknown as HandlerContext);

test('of a session the newest receipts are kept, and its statistics are of all', async () => {
  const { open, clock, reports } = memoryJournal();
  const journal = await open();
  const telemetry = (name: string): void => void reports.push({ name, data: {} });
  const log = new ReceiptLog({ journal, clock, telemetry, tell: () => {}, kept });
  for (let n = 1; n <= 345; n++) log.add(receipt(n, 'often'));
  for (let n = 1; n <= 105; n++) log.add(receipt(n, 'rarely'));
  await log.whenIdle();
  const { firstSeq = 0, seq = 0 } = (await journal.head(recoveryStream('often'))) ?? {};
  expect(seq).toBe(345);
  expect(seq - firstSeq + 1).toBeGreaterThanOrEqual(kept);
  expect(seq - firstSeq + 1).toBeLessThanOrEqual(1.1 * kept);
  const handlers = handlersOf(journal, log);
  const ids: string[] = [];
  const gone: object[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await handlers['recovery.receipts']({ limit: 30, cursor }, {});
    ids.push(...page.items.map(({ sessionId, recoveryId }) => `${sessionId} ${recoveryId}`));
    gone.push(...page.notKept);
    cursor = page.cursor;
  }
  const keptIds = Array.from({ length: seq - firstSeq + 1 }, (_, i) => `often 1-${firstSeq + i}`);
  expect(ids).toEqual([...keptIds, ...Array.from({ length: 105 }, (_, i) => `rarely 1-${i + 1}`)]);
  expect(gone).toEqual([{ sessionId: 'often', receipts: firstSeq - 1 }]);
  const early = await handlers['recovery.receipts']({ sessionId: 'often', limit: 1, cursor: 'often.3' }, {});
  expect(early.items).toMatchObject([{ recoveryId: `1-${firstSeq}` }]);
  expect(await handlers['recovery.stats']({}, {})).toMatchObject({
    ...{ attempts: 450, byStatus: { failed: 90, complete: 360 }, longestMs: 344 },
  });
  expect(reports.filter(({ name }) => name.startsWith('recovery.'))).toEqual([]);
  await journal.close();
  const again = await open();
  const later = new ReceiptLog({ journal: again, clock, telemetry, tell: () => {}, kept });
  await later.record('often', { type: 'recovery.record', receipt: receipt(346, 'often') });
  expect(await handlersOf(again, later)['recovery.stats']({}, {})).toMatchObject({ attempts: 451 });
  await again.close();
});

test('of the starts the newest are kept, and their number is of all', async () => {
  const { open, clock, reports } = memoryJournal();
  const journal = await open();
  const log = new BootLog({ journal, clock, telemetry: () => {}, kept });
  const { total: none } = await pageOfBoots(journal, 10);
  for (let epoch = 1; epoch <= 230; epoch++) {
    await clock.advance(1);
    await log.record({ epoch, at: clock.now() } as BootReceipt);
    if (epoch % 3 === 0)
      await log.write({ type: 'boot.emergency', record: { at: clock.now(), origin: 'x' } as never });
  }
  const { firstSeq = 0, seq = 0 } = (await journal.head(bootStream)) ?? {};
  expect([none, seq]).toEqual([0, 306]);
  expect(seq - firstSeq + 1).toBeLessThanOrEqual(1.1 * kept);
  const epochs: number[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await pageOfBoots(journal, 7, cursor);
    expect(page.total).toBe(230);
    expect(page.keptSince).toBeGreaterThan(0);
    epochs.push(...page.items.map(({ epoch }) => epoch));
    cursor = page.cursor;
  }
  expect(epochs).toEqual(Array.from(epochs, (_, i) => 230 - i));
  expect(epochs.length).toBeGreaterThan(0.7 * kept);
  const { state } = await hydrate(bootLaw, bootStream, journal, () => {});
  expect(state.boots.length).toBe(100);
  expect(reports).toEqual([]);
  await journal.close();
});

test('where no snapshot could be kept nothing is trimmed, and it is made up for', async () => {
  const { open, disk, clock } = memoryJournal();
  const journal = await open();
  const told: string[] = [];
  const telemetry = (name: string): void => void told.push(name);
  const log = new ReceiptLog({ journal, clock, telemetry, tell: () => {}, kept });
  const put = journal.putSnapshot.bind(journal);
  journal.putSnapshot = () => Promise.reject(new Error('not now'));
  for (let n = 1; n <= 150; n++) log.add(receipt(n, 's'));
  await log.whenIdle();
  expect((await journal.head(recoveryStream('s')))?.firstSeq).toBe(1);
  expect(told).not.toContain('recovery.trimFailed');
  journal.putSnapshot = put;
  for (let n = 151; n <= 200; n++) log.add(receipt(n, 's'));
  await log.whenIdle();
  const { firstSeq = 0, operations } = (await journal.head(recoveryStream('s'))) ?? {};
  expect([firstSeq > 90, operations]).toEqual([true, 0]);
  await journal.close();
  expect(await disk.data.get(keys.event(recoveryStream('s'), 1)).catch(() => undefined)).toBeUndefined();
});
