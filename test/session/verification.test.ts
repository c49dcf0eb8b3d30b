// Proofs: a session, its checkpoints and its anchors hold when nothing was touched, and each kind of change is found and named.
import { expect, test } from 'vitest';
import { sessionStream } from '../../src/domain/session/session-law.ts';
import { keys } from '../../src/journal/keys.ts';
import { decodeRecord, encodeRecord } from '../../src/journal/record.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';
import { forgeSnapshot, one, say, sessionId, whileClosed, withPast } from '../support/past-sessions.ts';

const stream = sessionStream(sessionId);
const many = Array.from({ length: 100 }, (_, i) => `m${i}`);

/** Through snapshots, checkpoints that came by themselves, a rollback and a restart. */
async function longPast(): Promise<TestSystem> {
  const test = await withPast();
  await test.client.sessions.configure({ ...one, config: { checkpointEveryEvents: 40 } });
  await say(test, ...many);
  await test.client.sessions.rollback({ ...one, seq: 60 });
  await say(test, ...many.slice(0, 30));
  await test.restart();
  return test;
}

const checkpointIds = async ({ client }: TestSystem): Promise<readonly string[]> =>
  (await client.checkpoints.list(one)).items.map(({ checkpointId }) => checkpointId);

/** Changes the text of one record where it lies. */
async function change(test: TestSystem, seq: number, alter: (value: string) => string): Promise<void> {
  const key = keys.event(stream, seq);
  await test.disk.data.put(key, alter((await test.disk.data.get(key)) ?? ''));
}

test('a session of which nothing was touched is proven whole', async () => {
  await using test = await longPast();
  const { seq } = await test.client.sessions.get(one);
  const found = await test.client.sessions.verify(one);
  expect(found).toMatchObject({ valid: true, events: seq, firstSeq: 1, seq, problems: [] });
  expect(found.snapshots.length).toBeGreaterThan(0);
  expect(found.checkpoints.map(({ checkpointId }) => checkpointId)).toEqual(await checkpointIds(test));
  for (const { verdict } of [...found.snapshots, ...found.checkpoints]) expect(verdict).toBe('holds');
  for (const checkpointId of await checkpointIds(test)) {
    const verdict = await test.client.checkpoints.verify({ ...one, checkpointId });
    const { hash, stateHash } = await test.client.checkpoints.get({ ...one, checkpointId });
    expect(verdict).toMatchObject({ valid: true, hash, expected: stateHash, found: stateHash });
    expect(verdict.problem).toBeUndefined();
  }
});

test('what verify found to hold is what a rollback lands on, byte by byte', async () => {
  await using test = await longPast();
  for (const checkpointId of (await checkpointIds(test)).slice(0, 3)) {
    const { valid, found } = await test.client.checkpoints.verify({ ...one, checkpointId });
    await test.client.sessions.rollback({ ...one, checkpointId });
    const { seq } = await test.client.sessions.get(one);
    const cursor = String(seq - 1);
    const [event] = (await test.client.events.list({ ...one, cursor })).items;
    expect([valid, event?.data]).toEqual([
      true,
      expect.objectContaining({ stateHash: found, ignoredMismatch: null }),
    ]);
  }
});

test('a damaged record is named, what was proven before it is counted, and no checkpoint is valid over it', async () => {
  await using test = await longPast();
  const [checkpointId = ''] = await checkpointIds(test);
  await change(test, 20, (value) => value.replace('"m1', '"m7'));
  const found = await test.client.sessions.verify(one);
  expect(found).toMatchObject({ valid: false, problems: [{ code: 'JOURNAL_CORRUPT', seq: 20 }] });
  expect(found.events).toBeLessThan(20);
  expect(await test.client.checkpoints.verify({ ...one, checkpointId })).toMatchObject({
    valid: false,
    problem: expect.stringContaining('20'),
  });
});

test('a record that was exchanged and hashed anew does not lead to the head', async () => {
  await using test = await longPast();
  const ids = await checkpointIds(test);
  await change(test, 100, (value) => {
    const { event, prev } = decodeRecord(value, stream, 100);
    const payload = JSON.stringify({ ...(event.data as object), content: 'forged' });
    return encodeRecord({ event, payload }, prev).value;
  });
  const found = await test.client.sessions.verify(one);
  // A snapshot was made of the record as it had been.
  const problems = [101, 100].map((seq) => ({ code: 'JOURNAL_CORRUPT', seq }));
  expect(found).toMatchObject({ valid: false, problems });
  for (const checkpointId of ids) {
    const { valid } = await test.client.checkpoints.verify({ ...one, checkpointId });
    expect(valid).toBe(false);
  }
});

test('a snapshot that says something else than the events before it is LAW_CHANGED', async () => {
  await using test = await longPast();
  await whileClosed(test, async (journal) => {
    const { seq = 0 } = (await journal.head(stream)) ?? {};
    await forgeSnapshot(journal, seq);
  });
  const found = await test.client.sessions.verify(one);
  const forged = found.snapshots[0];
  expect(forged?.verdict).toBe('differs');
  expect(found).toMatchObject({ valid: false, problems: [{ code: 'LAW_CHANGED', seq: forged?.seq }] });
});

test('a checkpoint of a state that never was is found, though chain and records are whole', async () => {
  await using test = await withPast();
  await say(test, ...many.slice(0, 30));
  await whileClosed(test, async (journal) => {
    const { seq = 0 } = (await journal.head(stream)) ?? {};
    await forgeSnapshot(journal, seq);
  });
  // The session goes on from what the snapshot says, so that its checkpoint is of that.
  const { checkpointId } = await test.client.checkpoints.create(one);
  const verdict = await test.client.checkpoints.verify({ ...one, checkpointId });
  expect(verdict).toMatchObject({ valid: false, problem: 'its version leads to another state' });
  expect(verdict.found).not.toBe(verdict.expected);
  const { problems } = await test.client.sessions.verify(one);
  expect(problems.map(({ code }) => code)).toEqual(['LAW_CHANGED', 'CHECKPOINT_MISMATCH']);
});

test('of a session that was deleted and restored what is left is proven', async () => {
  await using test = await withPast();
  await test.client.sessions.save(one);
  await test.client.sessions.terminate({ ...one, cleanup: true });
  expect(await codeOf(test.client.sessions.verify(one))).toBe('SESSION_NOT_FOUND');
  await test.client.sessions.restore(one);
  const { checkpointId } = await test.client.checkpoints.create(one);
  const found = await test.client.sessions.verify(one);
  expect(found).toMatchObject({ valid: true, problems: [] });
  expect([found.firstSeq > 1, found.events]).toEqual([true, found.seq - found.firstSeq + 1]);
  expect((await test.client.checkpoints.verify({ ...one, checkpointId })).valid).toBe(true);
});

test('a proof that nobody waits for ends', async () => {
  await using test = await longPast();
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(test.client.sessions.verify(one, { signal })).rejects.toThrow('enough');
  expect(await codeOf(test.client.checkpoints.verify({ ...one, checkpointId: 'none' }))).toBe(
    'CHECKPOINT_NOT_FOUND',
  );
});

test('anchors hold while a stream stands, and say what became of one that went on, was exchanged or is gone', async () => {
  await using test = await withPast();
  const { client } = test;
  for (const id of ['gone', 'longer', 'cut']) await client.sessions.create({ sessionId: id });
  const first = await client.sessions.anchors({ limit: 2 });
  const { cursor = '' } = first;
  const rest = await client.sessions.anchors({ cursor });
  const anchors = [...first.items, ...rest.items];
  expect(anchors.map(({ sessionId: id }) => id)).toEqual(['cut', 'gone', 'longer', 's']);
  expect(first.digest).not.toBe(rest.digest);
  const verdicts = async (): Promise<readonly string[]> =>
    (await test.client.sessions.verifyAnchors({ anchors })).map(({ verdict }) => verdict);
  expect(await verdicts()).toEqual(['holds', 'holds', 'holds', 'holds']);
  await client.sessions.terminate({ sessionId: 'gone', cleanup: true });
  await client.sessions.configure({ sessionId: 'longer', name: 'n' });
  expect(await verdicts()).toEqual(['holds', 'missing', 'longer', 'holds']);
  const [cut] = anchors;
  const beyond = { ...(cut as NonNullable<typeof cut>), seq: 99 };
  expect(await test.client.sessions.verifyAnchors({ anchors: [beyond] })).toMatchObject([
    { verdict: 'missing' },
  ]);
  await change(test, 6, (value) => {
    const { event, prev } = decodeRecord(value, stream, 6);
    return encodeRecord({ event, payload: '{"key":"goal","value":"sell"}' }, prev).value;
  });
  expect((await verdicts()).at(-1)).toBe('differs');
});
