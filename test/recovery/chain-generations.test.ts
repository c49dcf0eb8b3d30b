// What was given up in a recovery breaks no proof of what stands on either side of it: each generation of the chain is proven, and
// goes on from the last good record of the one before.
import { expect, test } from 'vitest';
import type { ReadPage, StoredEvent } from '../../src/journal/journal.ts';
import { corrupt } from '../../src/journal/journal-errors.ts';
import { keys } from '../../src/journal/keys.ts';
import { decodeRecord, encodeRecord } from '../../src/journal/record.ts';
import { gaveUp, nextGeneration } from '../../src/recovery/chain/chain-generation.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';
import { change, damage, dropSnapshots, one, recovered, say, stream } from '../support/recovered-session.ts';

const contents = async ({ client }: TestSystem): Promise<readonly string[]> => {
  const { conversation = [] } = await client.sessions.buildContext({ ...one, include: ['conversation'] });
  return conversation.map(({ content }) => String(content));
};

async function checkpointVerdicts({ client }: TestSystem): Promise<Record<string, boolean>> {
  const verdicts: Record<string, boolean> = {};
  for (const { checkpointId, name } of (await client.checkpoints.list(one)).items)
    verdicts[name ?? ''] = (await client.checkpoints.verify({ ...one, checkpointId })).valid;
  return verdicts;
}

test('both generations are proven, and what was given up is named', async () => {
  await using test = await recovered();
  const anchor = { seq: 7, chain: await hashOf(test, 7) };
  for (const how of [undefined, 'close', 'kill'] as const) {
    if (how !== undefined) await test.restart(how);
    expect(await test.client.sessions.verify(one)).toMatchObject({
      ...{ valid: true, problems: [], firstSeq: 1, seq: 12, events: 10, dropped: [{ from: 8, to: 9 }] },
      generations: [
        { firstSeq: 1, through: 7, anchor: null },
        { firstSeq: 10, through: 12, anchor },
      ],
    });
    expect(await checkpointVerdicts(test)).toEqual({ before: true, behind: true });
  }
});

test.each(['comprehensive', 'forensic'] as const)(
  'a %s validation warns of what was given up, and fails no more',
  async (level) => {
    await using test = await recovered();
    const { ok, findings } = await test.client.recovery.validate({ ...one, level });
    expect(ok).toBe(true);
    expect(findings.map(({ severity, seq }) => [severity, seq])).toContainEqual(['warning', 8]);
  },
);

test.each(['standard', 'comprehensive', 'forensic'] as const)(
  'what was given up fails no %s validation, also where no snapshot is left behind it',
  async (level) => {
    await using test = await recovered();
    await test.restart('kill');
    await dropSnapshots(test);
    const { ok, findings } = await test.client.recovery.validate({ ...one, level });
    expect({ ok, errors: findings.filter(({ severity }) => severity === 'error') }).toEqual({
      ...{ ok: true, errors: [] },
    });
    await damage(test, 4);
    expect(await test.client.recovery.validate({ ...one, level })).toMatchObject({ ok: false });
  },
);

test('what was given up is nothing to the scrub, which finds all else in both generations', async () => {
  await using test = await recovered();
  await test.restart('close');
  for (let pass = 0; pass < 2; pass++)
    expect(await test.client.storage.scrub({})).toMatchObject({ damaged: 0, findings: [] });
  expect(await test.client.sessions.conditions({})).toEqual([]);
  await damage(test, 4);
  await damage(test, 11);
  const { findings } = await test.client.storage.scrub({});
  expect(findings.map(({ seq }) => seq)).toEqual([4, 11]);
  expect(await test.client.sessions.conditions({})).toMatchObject([{ ...one, reason: 'damaged' }]);
});

test('nor is it to the first record behind it, which follows what is not what it was', async () => {
  await using test = await recovered();
  await test.restart('close');
  await change(test, 9, (value) => {
    const { event, prev } = decodeRecord(value, stream, 9);
    return encodeRecord({ event, payload: '{}' }, prev).value;
  });
  expect(await test.client.storage.scrub({})).toMatchObject({ damaged: 0 });
  await change(test, 10, (value) => value.replace(/.$/, '#'));
  expect((await test.client.storage.scrub({})).findings.map(({ seq }) => seq)).toContain(10);
});

test('what was given up is no part of the conversation, and stands in the way of nobody who reads it', async () => {
  await using test = await recovered();
  for (const how of [undefined, 'kill'] as const) {
    if (how !== undefined) await test.restart(how);
    for (const newestFirst of [false, true]) {
      const { items } = await test.client.messages.list({ ...one, newestFirst });
      const said = ['m1', 'm2', 'm3', 'm4', 'm7'];
      expect(items.map(({ content }) => content)).toEqual(newestFirst ? said.reverse() : said);
    }
    expect(await codeOf(test.client.messages.get({ ...one, seq: 9 }))).toBe('MESSAGE_NOT_FOUND');
  }
  const events = await test.client.events.list({ ...one, cursor: '9' });
  expect(events.items.map(({ seq }) => seq)).toEqual([10, 11, 12]);
});

test.each([{ tier: 'emergency' }, { completeness: 'minimal' }] as const)(
  'nor in the way of who reads its entries, when it goes on with %o',
  async (wanted) => {
    await using test = await recovered();
    await test.restart('close');
    await dropSnapshots(test);
    await damage(test, 12);
    await codeOf(test.client.sessions.get(one));
    await test.client.recovery.recover({ ...one, ...wanted, accept: true });
    await say(test, 'm8');
    const { items } = await test.client.sessions.entries(one);
    expect(items.at(-1)).toMatchObject({ type: 'message', seq: 14 });
    expect(await codeOf(test.client.tools.usage(one))).toBe('answered');
  },
);

test('damage that nobody had accepted is a problem still, and hides nothing of the generation behind it', async () => {
  await using test = await recovered();
  await test.restart('close');
  await damage(test, 4);
  const { valid, problems, generations } = await test.client.sessions.verify(one);
  expect({ valid, problems }).toMatchObject({
    valid: false,
    problems: [{ code: 'JOURNAL_CORRUPT', seq: 4 }],
  });
  expect(generations.map(({ firstSeq, through }) => [firstSeq, through])).toEqual([
    [1, 3],
    [10, 12],
  ]);
  expect(await checkpointVerdicts(test)).toEqual({ before: false, behind: true });
});

test('a good record that was exchanged for another is found by the generation that goes on from it', async () => {
  await using test = await recovered();
  await test.restart('close');
  await change(test, 7, (value) => {
    const { event, prev } = decodeRecord(value, stream, 7);
    const payload = JSON.stringify({ ...(event.data as object), content: 'forged' });
    return encodeRecord({ event, payload }, prev).value;
  });
  expect(await test.client.sessions.verify(one)).toMatchObject({
    ...{ valid: false, problems: [{ code: 'JOURNAL_CORRUPT', seq: 10 }] },
  });
});

test('a second recovery begins a third generation, and keeps all that the second had', async () => {
  await using test = await recovered();
  await say(test, 'm8', 'm9');
  await test.restart('close');
  await dropSnapshots(test);
  await damage(test, 13);
  await codeOf(test.client.sessions.get(one));
  expect(await test.client.recovery.recover({ ...one, accept: true })).toMatchObject({
    ...{ status: 'partial', through: 12, dropped: [{ from: 13, to: 14 }] },
  });
  expect(await contents(test)).toEqual(['m1', 'm2', 'm3', 'm4', 'm7']);
  expect(await test.client.sessions.verify(one)).toMatchObject({
    ...{
      valid: true,
      generations: [{ firstSeq: 1 }, { firstSeq: 10 }, { firstSeq: 15, anchor: { seq: 12 } }],
    },
  });
});

test('where no record is left that could be read, nothing is gone on from', async () => {
  await using test = await createTestSystem({});
  await test.client.sessions.create(one);
  await say(test, 'm1');
  await test.restart('close');
  await dropSnapshots(test);
  await damage(test, 1);
  await codeOf(test.client.sessions.get(one));
  await test.client.recovery.recover({ ...one, accept: true });
  expect(await test.client.sessions.verify(one)).toMatchObject({
    ...{
      valid: true,
      generations: [{ firstSeq: 4, through: 4, anchor: null }],
      dropped: [{ from: 1, to: 3 }],
    },
  });
});

test('a recovery that gives up an earlier generation whole gives up all that broke before it as well', async () => {
  await using test = await recovered();
  await test.restart('close');
  await dropSnapshots(test);
  await damage(test, 4);
  await damage(test, 12);
  await codeOf(test.client.sessions.get(one));
  await test.client.recovery.recover({ ...one, tier: 'emergency', accept: true });
  expect(await test.client.sessions.verify(one)).toMatchObject({
    ...{
      valid: true,
      problems: [],
      seq: 13,
      generations: [{ through: 3 }, { firstSeq: 10 }, { firstSeq: 13 }],
    },
    dropped: [
      { from: 8, to: 9 },
      { from: 1, to: 12 },
    ],
  });
});

test('the way to the next generation costs no more than the records on it, however many are damaged', async () => {
  const [end, every] = [6_000, 100];
  let read = 0;
  const readFrom = async (of: string, after: number, { limit = 1 } = {}): Promise<ReadPage> => {
    const seqs = Array.from({ length: Math.min(limit, end - after) }, (_, n) => after + 1 + n);
    read += seqs.length;
    if (seqs.some((seq) => seq % every === 0)) throw corrupt(of, seqs[0] ?? 0, 'it is damaged');
    const events = seqs.map((seq) => ({ stream: of, seq, type: 'message.sent' }) as StoredEvent);
    return { events, chain: undefined, end: false };
  };
  const broken = { code: 'JOURNAL_CORRUPT', seq: 1, problem: '' } as const;
  expect(await nextGeneration({ readFrom }, { stream, seq: end }, broken)).toBeUndefined();
  expect(read).toBeLessThanOrEqual(2 * end);
});

async function hashOf(test: TestSystem, seq: number): Promise<string> {
  return decodeRecord((await test.disk.data.get(keys.event(stream, seq))) ?? '', stream, seq).hash;
}

test('of a lost end only what stands before the generation was given up: the same seqs are given again behind it', () => {
  const lost = [{ from: 6, to: 9 }];
  expect([5, 6, 7].map((seq) => gaveUp(6, lost, seq))).toEqual([false, false, false]);
  expect([5, 6, 9, 10].map((seq) => gaveUp(10, lost, seq))).toEqual([false, true, true, false]);
});
