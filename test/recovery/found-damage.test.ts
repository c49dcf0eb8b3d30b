// A session whose history the opening of a store found wanting has a receipt that names what is gone, told once; what is lost is
// not part of it again, and it goes on without only when somebody accepts that.
import { mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TelemetryEvent } from '../../src/base/telemetry.ts';
import type { StoreReport } from '../../src/journal/store/store-report.ts';
import { Conditions } from '../../src/recovery/conditions/conditions.ts';
import { recordFound } from '../../src/recovery/conditions/found-damage.ts';
import { quarantineFindings } from '../../src/recovery/conditions/store-findings.ts';
import { createSystem } from '../../src/system.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf } from '../support/outcome.ts';

const report: StoreReport = {
  ...{ shutdown: 'unclean', logFindings: [], witness: 'whole', checkedStreams: 2, tookMs: 0 },
  lost: [
    { stream: 'session/a', found: 7, witnessed: 9 },
    { stream: 'condition/x', found: 1, witnessed: 2 },
  ],
  damaged: [{ stream: 'session/b', seq: 4, problem: 'the header does not match its hash' }],
};

test('what is lost or damaged is quarantined at once, with a receipt of what is gone, and not told twice', async () => {
  const { open, clock } = memoryJournal();
  const journal = await open();
  const telemetry = () => {};
  const conditions = await Conditions.load({ journal, clock, telemetry, tell: () => {} });
  const found: unknown[] = [];
  const recoveries = { found: (...receipt: readonly unknown[]) => void found.push(receipt.slice(0, 3)) };
  const receipts = { recoveries, receiptLog: { whenIdle: async () => {} } };
  for (let boot = 0; boot < 2; boot++) {
    await recordFound(report, conditions, receipts, telemetry);
    await quarantineFindings(conditions, report);
  }
  expect(conditions.list('quarantined')).toMatchObject([
    { sessionId: 'a', reason: 'lost', error: { code: 'HISTORY_LOST' } },
    { sessionId: 'b', reason: 'damaged', error: { code: 'JOURNAL_CORRUPT' } },
  ]);
  expect(found).toEqual([
    ['a', 'history_lost', { headSeq: 7, dropped: [{ from: 8, to: 9 }] }],
    ['b', 'history_damaged', { headSeq: 0, dropped: [{ from: 4, to: 4 }] }],
  ]);
  await conditions.close();
  await journal.close();
});

/** All that came in the last life of a store that nobody has open. */
async function loseLog(location: string): Promise<void> {
  const store = join(location, 'store');
  const logs = (await readdir(store)).filter((name) => name.endsWith('.log'));
  for (const log of logs) await truncate(join(store, log));
}

/** Takes the last record out of the log of a store that nobody has open. */
async function loseLastCommit(location: string): Promise<void> {
  const store = join(location, 'store');
  const logs = (await readdir(store)).filter((name) => name.endsWith('.log')).sort();
  const log = join(store, logs.at(-1) ?? '');
  await truncate(log, (await stat(log)).size - 1);
}

test('a session that has lost its end goes on without it only when that is accepted, also after another start', async () => {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-lost-'));
  const one = { sessionId: 'hurt' };
  try {
    const first = await createSystem({ location });
    await first.client.sessions.create(one);
    await first.client.messages.send({ ...one, role: 'user', content: 'kept' });
    await first.close();
    const second = await createSystem({ location });
    const { seq } = await second.client.messages.send({ ...one, role: 'user', content: 'lost' });
    await second.close();
    await loseLastCommit(location);
    const third = await createSystem({ location });
    const dropped = [{ from: seq, to: seq }];
    const [boot] = (await third.client.recovery.boots({})).items;
    expect(boot).toMatchObject({
      ...{ crashed: true, primary: 'state_corrupted' },
      store: { lostStreams: 1, lost: [{ stream: 'session/hurt', found: seq - 1, witnessed: seq }] },
    });
    await third.close();
    await using fourth = await createSystem({ location });
    const { sessions, recovery, messages } = fourth.client;
    expect((await recovery.receipts(one)).items).toMatchObject([
      { reason: 'history_lost', status: 'failed', dataLost: true, dropped },
    ]);
    expect(await recovery.recoverAll({})).toMatchObject({ complete: 0, waiting: 1 });
    expect(await recovery.recover(one)).toMatchObject({
      ...{ status: 'partial', recovered: false, needsAcceptance: true, through: seq - 1, dropped },
    });
    expect(await codeOf(messages.send({ ...one, role: 'user', content: 'x' }))).toBe('SESSION_QUARANTINED');
    await recovery.recover({ ...one, accept: true });
    expect(await sessions.get(one)).toMatchObject({ status: 'active', condition: null });
    expect((await messages.list(one)).items.map(({ content }) => content)).toEqual(['kept']);
    expect((await recovery.receipts(one)).items.at(-1)).toMatchObject({ reason: 'requested', dropped });
  } finally {
    await rm(location, { recursive: true });
  }
});

test('a session that has lost everything stays named until somebody accepts that by a delete, and then its id is free', async () => {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-lost-'));
  const gone = { sessionId: 'gone' };
  const accepted: string[] = [];
  const onTelemetry = ({ name, data }: TelemetryEvent) =>
    name === 'session.lossAccepted' && accepted.push(String(data.sessionId));
  try {
    await (await createSystem({ location })).close();
    const first = await createSystem({ location });
    await first.client.sessions.create(gone);
    await first.close();
    await loseLog(location);
    for (let start = 0; start < 2; start++) {
      await using system = await createSystem({ location });
      const { sessions } = system.client;
      expect(await codeOf(sessions.retry(gone))).toBe('SESSION_QUARANTINED');
      expect(await sessions.conditions({})).toMatchObject([{ ...gone, error: { code: 'HISTORY_LOST' } }]);
    }
    await using system = await createSystem({ location, onTelemetry });
    const { sessions, recovery } = system.client;
    expect(await codeOf(sessions.delete({ sessionId: 'nobody' }))).toBe('SESSION_NOT_FOUND');
    const once = { idempotencyKey: 'accept' };
    expect(await sessions.delete(gone, once)).toMatchObject({ status: 'deleted' });
    expect(await sessions.delete(gone, once)).toMatchObject({ status: 'deleted', repeated: true });
    expect(accepted).toEqual(['gone']);
    expect(await sessions.conditions({})).toEqual([]);
    expect((await recovery.receipts(gone)).items).toEqual([]);
    expect(await codeOf(sessions.delete(gone))).toBe('SESSION_NOT_FOUND');
    await sessions.create(gone);
    expect(await sessions.get(gone)).toMatchObject({ status: 'active', condition: null });
  } finally {
    await rm(location, { recursive: true });
  }
});

test('a session that has lost its end, or all, is whole again when its records were imported', async () => {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-lost-'));
  const capsules: string[] = [];
  try {
    for (const run of [1, 2]) {
      const system = await createSystem({ location });
      const { sessions, messages } = system.client;
      if (run === 1) await sessions.create({ sessionId: 'cut' });
      else {
        await messages.send({ sessionId: 'cut', role: 'user', content: 'lost' });
        await sessions.create({ sessionId: 'gone' });
        for (const sessionId of ['cut', 'gone']) capsules.push((await sessions.export({ sessionId })).text);
      }
      await system.close();
    }
    await loseLog(location);
    await using system = await createSystem({ location });
    const { sessions, recovery, messages } = system.client;
    expect(await recovery.recover({ sessionId: 'cut' })).toMatchObject({
      ...{ status: 'partial', needsAcceptance: true, dropped: [{ from: 3, to: 3 }] },
    });
    expect(await codeOf(recovery.recover({ sessionId: 'gone' }))).toBe('SESSION_NOT_FOUND');
    for (const text of capsules) await sessions.import({ text, overwrite: true });
    for (const sessionId of ['cut', 'gone']) {
      expect(await recovery.recover({ sessionId })).toMatchObject({
        ...{ status: 'complete', recovered: true, dropped: [] },
      });
      expect((await recovery.receipts({ sessionId })).items.at(-1)).toMatchObject({ dataLost: false });
    }
    expect((await messages.list({ sessionId: 'cut' })).items).toMatchObject([{ content: 'lost' }]);
    expect(await sessions.conditions({})).toEqual([]);
    await messages.send({ sessionId: 'gone', role: 'user', content: 'goes on' });
  } finally {
    await rm(location, { recursive: true });
  }
});
