// Receipts tell what was damaged, and may be damaged themselves: what can be proven of them is shown, what cannot is counted,
// and the next one is written all the same.
import { expect, test } from 'vitest';
import { bootStream } from '../../src/domain/recovery/recovery-boot-law.ts';
import { recoveryStream } from '../../src/domain/recovery/recovery-law.ts';
import type { RecoveryReceipt } from '../../src/domain/recovery/recovery-vocabulary.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { keys } from '../../src/journal/keys.ts';
import { ReceiptLog } from '../../src/recovery/receipts/receipt-log.ts';
import type { HandlerContext } from '../../src/session/handlers/handler-context.ts';
import { recoveryHandlers } from '../../src/session/handlers/recovery-handlers.ts';
import { createSystem, type System } from '../../src/system.ts';
import { faultyLevel, manualClock } from '../../src/testing/index.ts';
import { memoryJournal } from '../support/memory-journal.ts';

test('a start is recorded, and all starts that can be proven are shown, when records of starts are damaged', async () => {
  const disk = faultyLevel();
  const told: string[] = [];
  const open = (): Promise<System> =>
    createSystem({
      ...{ store: disk.open, clock: manualClock() },
      onTelemetry: ({ name }) => name === 'boot.receiptFailed' && told.push(name),
    });
  for (let n = 1; n <= 4; n++) await (await open()).close();
  await disk.data.put(keys.event(bootStream, 2), 'rot');
  await disk.data.del(keys.event(bootStream, 4));
  for (let n = 5; n <= 6; n++) await (await open()).close();
  await using system = await open();
  const { items, total, damaged } = await system.client.recovery.boots({});
  expect(items.map(({ epoch }) => epoch)).toEqual([7, 6, 5, 3, 1]);
  expect({ total, damaged, told }).toEqual({ total: 7, damaged: 2, told: [] });
  const first = await system.client.recovery.boots({ limit: 3 });
  const rest = await system.client.recovery.boots({ limit: 3, cursor: first.cursor });
  expect([first, rest].map(({ items: of }) => of.map(({ epoch }) => epoch))).toEqual([
    [7, 6, 5],
    [3, 1],
  ]);
  expect(first.damaged + rest.damaged).toBe(2);
});

const receipt = (n: number, sessionId: string): RecoveryReceipt => ({
  ...{ recoveryId: `1-${n}`, sessionId, reason: 'actors_crashed', tier: 'hot', status: 'complete' },
  ...{
    dataLost: false,
    detectedAt: 0,
    startedAt: 0,
    completedAt: n,
    snapshotSeq: 0,
    headSeq: 1,
    replayed: 1,
  },
  ...{ passedOver: [], dropped: [], reRun: [], unknown: [], timers: [], attempts: [] },
  error: null,
});

test('receipts of a session are written on and shown beside those that are damaged, and all are counted', async () => {
  const { open, clock, disk } = memoryJournal();
  const logOn = (journal: Journal): ReceiptLog =>
    new ReceiptLog({ journal, clock, telemetry: () => {}, tell: () => {} });
  const before = await open();
  const first = logOn(before);
  for (const sessionId of ['a', 'b']) for (let n = 1; n <= 4; n++) first.add(receipt(n, sessionId));
  await first.whenIdle();
  await before.close();
  await disk.data.put(keys.event(recoveryStream('a'), 2), 'rot');
  const journal = await open();
  const receiptLog = logOn(journal);
  expect(await receiptLog.newest('a')).toEqual([]);
  receiptLog.add(receipt(5, 'a'));
  await receiptLog.whenIdle();
  expect(receiptLog.dropped).toBe(0);
  const handlers = recoveryHandlers({ journal, recovery: { receiptLog } } as unknown as HandlerContext);
  const { items, damaged } = await handlers['recovery.receipts']({ limit: 100 }, {});
  expect(items.map(({ sessionId, recoveryId }) => `${sessionId} ${recoveryId}`)).toEqual([
    ...['a 1-1', 'a 1-3', 'a 1-4', 'a 1-5'],
    ...['b 1-1', 'b 1-2', 'b 1-3', 'b 1-4'],
  ]);
  expect(damaged).toEqual([{ sessionId: 'a', receipts: 1 }]);
  expect(await handlers['recovery.stats']({}, {})).toMatchObject({ attempts: 9 });
  await journal.close();
});
