// Every start writes one receipt: how the process before it ended, what was taken over, and what was late.
import { describe, expect, test } from 'vitest';
import { BootCensus } from '../../src/recovery/boot/boot-census.ts';
import { BootLog } from '../../src/recovery/boot/boot-log.ts';
import { pageOfBoots } from '../../src/recovery/boot/boot-page.ts';
import { bootReceipt } from '../../src/recovery/boot/boot-receipt.ts';
import { createSystem } from '../../src/system.ts';
import { createTestSystem, everyWrite, faultyLevel, manualClock } from '../../src/testing/index.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };

const receipt = bootReceipt({
  ...{ beganAt: 0, at: 0, epoch: 1, lastBeatAt: null, previousOwner: null, feedPosition: '', quarantined: 0 },
  findings: { shutdown: 'new' },
  verdict: { crashed: false, reasons: [], primary: null },
  census: new BootCensus(0).counts,
  ...{ hasHeartbeat: false, hasDisk: false },
});

describe('a boot receipt', () => {
  test('of a new store says that there was nothing, and of an end in order that nothing was lost', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create(one);
    await test.clock.advance(60_000);
    await test.restart('close');
    const [second, first] = (await test.client.recovery.boots({})).items;
    expect(first).toMatchObject({ epoch: 1, previousEpoch: null, shutdown: 'new', crashed: false });
    expect(second).toMatchObject({
      ...{ epoch: 2, previousEpoch: 1, shutdown: 'clean', crashed: false, reasons: [], primary: null },
      ...{ lostMs: 0, sessions: { adopted: 1, due: 0, quarantined: 0 } },
    });
  });

  test('after a kill says that the process died, when it last beat, and how much time was lost', async () => {
    await using test = await createTestSystem({ heartbeatMs: 5_000 });
    await test.client.sessions.create(one);
    await test.clock.advance(12_000);
    const beatAt = test.clock.now() - 2_000;
    await test.restart('kill');
    expect((await test.client.recovery.boots({})).items[0]).toMatchObject({
      ...{ shutdown: 'unclean', crashed: true, reasons: ['process_died'], primary: 'process_died' },
      ...{ lastBeatAt: beatAt, lostMs: 2_000, previousOwner: { pid: process.pid } },
      sessions: { adopted: 1 },
    });
  });

  test('finds by the beat alone that a store was left behind', async () => {
    await using test = await createTestSystem();
    await test.clock.advance(10_000);
    const dead = test.clock.now();
    await test.restart('kill');
    // The second process dies at once, and nobody comes back for a day.
    await test.restart('kill');
    expect((await test.client.recovery.boots({})).items[0]?.lastBeatAt).toBe(dead);
  });

  test('counts what is due, what is late and which agents begin once more', async () => {
    const agents = {
      waits: ({ signal }: { signal: AbortSignal }) =>
        new Promise((end) => signal.addEventListener('abort', end)),
    };
    await using test = await createTestSystem({ agents });
    const expiresAt = test.clock.now() + 60_000;
    await test.client.sessions.create({ ...one, config: { expiresAt } });
    await test.client.sessions.create({ sessionId: 'later', config: { expiresAt: expiresAt + 3_600_000 } });
    await test.client.sessions.create({ sessionId: 'working' });
    const { runId } = await test.client.agents.start({ sessionId: 'working', agent: 'waits' });
    await test.restart('kill');
    const [boot] = (await test.client.recovery.boots({})).items;
    expect(boot).toMatchObject({
      sessions: { adopted: 3, due: 1 },
      timers: { armed: 2, late: 0, latestMs: 0 },
      agents: { reRun: 1, unknown: 1 },
    });
    await test.clock.advance(1_000);
    await quiet();
    const { items } = await test.client.recovery.receipts({ sessionId: 'working' });
    expect(items).toMatchObject([
      { reason: 'process_restarted', status: 'complete', reRun: [runId], unknown: [runId], dataLost: false },
    ]);
  });

  test('says how late a deadline was that passed while nobody was there, and so does the session', async () => {
    const disk = faultyLevel();
    const before = manualClock();
    const first = await createSystem({ store: disk.open, clock: before });
    const expiresAt = before.now() + 60_000;
    await first.client.sessions.create({ ...one, config: { expiresAt } });
    await disk.crash();
    const clock = manualClock(expiresAt + 7_000);
    await using system = await createSystem({ store: disk.open, clock });
    const [boot] = (await system.client.recovery.boots({})).items;
    expect(boot?.timers).toEqual({ armed: 1, late: 1, latestMs: 7_000 });
    await clock.advance(1_000);
    await quiet();
    expect((await system.client.sessions.get(one)).status).toBe('terminated');
    const { items } = await system.client.recovery.receipts(one);
    expect(items).toMatchObject([{ reason: 'process_restarted', timers: [{ dueAt: expiresAt }] }]);
    expect(items[0]?.timers[0]?.lateMs).toBeGreaterThanOrEqual(7_000);
    await first.close().catch(() => undefined);
  });

  test('is asked again beside the work while the disk refuses, and is written once', async () => {
    for (const fault of ['before', 'after'] as const) {
      const { open, disk, clock, reports } = memoryJournal();
      const journal = await open();
      const telemetry = (name: string) => void reports.push({ name, data: {} });
      const log = new BootLog({ journal, clock, telemetry });
      disk.failWrites(everyWrite(fault));
      await log.record({ ...receipt, epoch: journal.epoch });
      expect(reports.map(({ name }) => name)).toContain('boot.receiptFailed');
      disk.heal();
      await clock.advance(60_000);
      expect(await pageOfBoots(journal, 10)).toMatchObject({ total: 1, items: [{ epoch: 1 }] });
      log.close();
      await journal.close();
    }
  });

  test('is on a page with others, newest first', async () => {
    await using test = await createTestSystem();
    for (let i = 0; i < 12; i++) await test.restart('close');
    const { items, cursor, total, keptSince } = await test.client.recovery.boots();
    expect([items.length, items[0]?.epoch, items.at(-1)?.epoch, total, keptSince]).toEqual([
      10,
      13,
      4,
      13,
      null,
    ]);
    const rest = await test.client.recovery.boots({ ...(cursor && { cursor }) });
    expect(rest.items.map(({ epoch }) => epoch)).toEqual([3, 2, 1]);
    expect(rest).not.toHaveProperty('cursor');
    const wrong = test.client.recovery.boots({ cursor: 'x' });
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_CURSOR' });
  });
});
