// A session that needed more than a clean replay gets a receipt: beside its work, durable, hashed, and bounded in what waits.
import { describe, expect, test } from 'vitest';
import type { RecoveryReceipt } from '../../src/domain/recovery/recovery-vocabulary.ts';
import { ReceiptLog } from '../../src/recovery/receipts/receipt-log.ts';
import { createTestSystem, everyWrite, type TestSystem } from '../../src/testing/index.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { quiet } from '../support/outcome.ts';

const one = { sessionId: 's' };
const message = { ...one, role: 'user', content: 'hi' } as const;

const receiptsOf = async (test: TestSystem) => (await test.client.recovery.receipts(one)).items;

async function withSnapshots(messages: number): Promise<TestSystem> {
  const test = await createTestSystem();
  await test.client.sessions.create(one);
  for (let i = 0; i < messages; i++) await test.client.messages.send(message);
  return test;
}

/** Changes what is stored under a key, as rot does. */
async function rot(test: TestSystem, prefix: string): Promise<void> {
  const keys = (await test.disk.data.keys().all()).filter((key) => key.startsWith(prefix));
  const key = keys.at(-1);
  if (key === undefined) throw new Error(`nothing is stored under ${prefix}`);
  const value = String(await test.disk.data.get(key));
  await test.disk.data.put(key, `${value.slice(0, -2)}#${value.slice(-1)}`);
}

describe('a receipt', () => {
  test('is not written for a session that was taken up cleanly', async () => {
    await using test = await withSnapshots(3);
    await test.restart('kill');
    await test.client.messages.send(message);
    await quiet();
    expect(await receiptsOf(test)).toEqual([]);
  });

  test('of a crash names the error, when it was noticed and when it was over', async () => {
    await using test = await withSnapshots(3);
    const crashedAt = test.clock.now();
    test.crash('s', new Error('a fault of ours'));
    await test.clock.advance(10);
    await test.client.messages.send(message);
    await quiet();
    expect(await receiptsOf(test)).toMatchObject([
      {
        ...{ sessionId: 's', reason: 'actors_crashed', status: 'complete', tier: 'hot', dataLost: false },
        ...{ detectedAt: crashedAt, error: { message: 'a fault of ours' }, dropped: [] },
        ...{ headSeq: 5, snapshotSeq: 0, replayed: 5, passedOver: [] },
      },
    ]);
  });

  test('of a snapshot that was passed over says which, and how much was replayed instead', async () => {
    await using test = await withSnapshots(150);
    await test.restart('close');
    await rot(test, 's!session/s!');
    const [read] = [await test.client.messages.send(message)];
    await quiet();
    expect(await receiptsOf(test)).toMatchObject([
      {
        ...{ reason: 'snapshot_passed_over', tier: 'warm', status: 'complete', passedOver: [152] },
        ...{ headSeq: read.seq - 1, dataLost: false },
      },
    ]);
  });

  test('of a session that was given up says that it failed, and of its retry that it was revived', async () => {
    const agent = async (): Promise<void> => {
      throw new Error('no model');
    };
    await using test = await createTestSystem({ agents: { agent }, passivateAfterMs: null });
    await test.client.sessions.create(one);
    await test.client.agents.start({ ...one, agent: 'agent' });
    for (let i = 0; i < 20; i++) {
      await quiet();
      await test.clock.advance(5_000);
    }
    expect((await receiptsOf(test)).at(-1)).toMatchObject({
      ...{ status: 'failed', tier: null, error: { message: 'no model' } },
    });
    await test.client.sessions.retry({ ...one, agents: 'stop' });
    await quiet();
    expect((await receiptsOf(test)).at(-1)).toMatchObject({ reason: 'revived', status: 'complete' });
  });

  test('is heard as an event of its session, in a stream of its own', async () => {
    await using test = await withSnapshots(1);
    const heard: unknown[] = [];
    test.client.events.subscribe('s', (event) => {
      if (event.type === 'recovery.recorded') heard.push([event.stream, event.data.reason]);
    });
    test.crash('s');
    await test.clock.advance(10);
    await quiet();
    expect(heard).toEqual([['recovery/s', 'actors_crashed']]);
  });

  test('is not waited for: a session answers while the disk holds its receipt back', async () => {
    await using test = await withSnapshots(1);
    test.crash('s');
    await test.clock.advance(10);
    const answer = await test.client.messages.send(message);
    expect(answer.seq).toBe(4);
  });

  test('goes with its session when that is deleted', async () => {
    await using test = await withSnapshots(1);
    test.crash('s');
    await test.clock.advance(10);
    await quiet();
    expect(await receiptsOf(test)).toHaveLength(1);
    await test.client.sessions.terminate({ ...one, cleanup: true });
    expect(await receiptsOf(test)).toEqual([]);
  });
});

const receipt = (n: number, sessionId = `s${n}`): RecoveryReceipt => ({
  ...{ recoveryId: `1-${n}`, sessionId, reason: 'actors_crashed', tier: 'hot', status: 'complete' },
  ...{ detectedAt: 0, startedAt: 0, completedAt: n, snapshotSeq: 0, headSeq: 1, replayed: 1 },
  ...{ passedOver: [], dropped: [], reRun: [], unknown: [], timers: [], dataLost: false, attempts: [] },
  error: null,
});

async function logOn(waiting?: number) {
  const { open, disk, clock } = memoryJournal();
  const journal = await open();
  const reports: string[] = [];
  const options = { journal, clock, telemetry: (name: string) => void reports.push(name), tell: () => {} };
  const log = new ReceiptLog({ ...options, ...(waiting !== undefined && { waiting }) });
  return { log, journal, disk, clock, reports };
}

describe('the log of receipts', () => {
  test('asks a disk that fails until it takes them, and writes each once and in order', async () => {
    for (const fault of ['before', 'after'] as const) {
      const { log, journal, disk, clock } = await logOn();
      disk.failWrites(everyWrite(fault));
      for (let n = 1; n <= 30; n++) log.add(receipt(n, `s${n % 3}`));
      await clock.advance(100);
      disk.heal();
      await clock.advance(60_000);
      await log.whenIdle();
      for (let session = 0; session < 3; session++) {
        const { events } = await journal.readFrom(`recovery/s${session}`, 0);
        const order = events.map(({ data }) => (data as RecoveryReceipt).completedAt);
        expect(order).toEqual(Array.from({ length: 10 }, (_, i) => (session === 0 ? 3 : session) + 3 * i));
      }
      await log.close();
    }
  });

  test('is bounded: what is too much is dropped, counted and told', async () => {
    const { log, disk, reports } = await logOn(5);
    const held = disk.holdWrites();
    for (let n = 1; n <= 8; n++) log.add(receipt(n));
    expect([log.dropped, reports.filter((name) => name === 'recovery.receiptDropped').length]).toEqual([
      3, 3,
    ]);
    held.release();
    await log.whenIdle();
  });

  test('keeps counts of all and the newest twenty in its state, and all in its stream', async () => {
    const { log, journal } = await logOn();
    for (let n = 1; n <= 25; n++) log.add(receipt(n, 's'));
    await log.whenIdle();
    const head = await journal.head('recovery/s');
    expect(head).toMatchObject({ seq: 25, summary: { attempts: 25, complete: 25, 'tier.hot': 25 } });
  });

  test('ends at once when it is closed, whatever the disk does', async () => {
    const { log, disk, clock } = await logOn();
    disk.failWrites(everyWrite('before'));
    log.add(receipt(1));
    await clock.advance(50);
    await log.close();
    expect(log.dropped).toBe(1);
  });
});
