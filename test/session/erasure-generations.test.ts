// What is erased of a session that has given something up: a message on either side of it, without a word of what was given up.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf } from '../support/outcome.ts';
import { damage, dropSnapshots, one, recovered } from '../support/recovered-session.ts';

const reason = 'asked to';

let system: TestSystem;

beforeEach(async () => {
  system = await recovered();
});
afterEach(() => system.close());

/** No byte of it is in the database any more. */
async function isGone(...words: readonly string[]): Promise<boolean> {
  // As a text of JSON, or of JSON within JSON: hashes hold any two letters.
  const said = new RegExp(`"(${words.join('|')})\\\\*"`);
  for await (const [, value] of system.disk.data.iterator()) if (said.test(value)) return false;
  return true;
}

const said = async (): Promise<unknown> =>
  (await system.client.messages.list(one)).items.map(({ content }) => content);

test('a message behind what was given up is erased, and both sides are proven still', async () => {
  const { generations, dropped } = await system.client.sessions.verify(one);
  expect(await system.client.messages.erase({ ...one, seq: 11, reason })).toMatchObject({ erased: 1 });
  for (const how of [undefined, 'kill'] as const) {
    if (how !== undefined) await system.restart(how);
    expect(await said()).toEqual(['m1', 'm2', 'm3', 'm4', null]);
    expect(await system.client.sessions.verify(one)).toMatchObject({
      ...{ valid: true, dropped, generations: [generations[0], { ...generations[1], through: 13 }] },
    });
  }
});

test('a message that was given up and can be read is erased; one that cannot is named as what it is', async () => {
  expect(await system.client.messages.erase({ ...one, seq: 9, reason })).toMatchObject({ erased: 1 });
  expect(await errorOf(system.client.messages.erase({ ...one, seq: 8, reason }))).toMatchObject({
    ...{ code: 'NOT_ERASABLE', details: { seq: 8, type: 'unknown' } },
  });
  expect(await system.client.sessions.verify(one)).toMatchObject({ valid: true });
});

test('damage that nobody gave up is told as before', async () => {
  await system.restart('close');
  await damage(system, 11);
  expect(await codeOf(system.client.messages.erase({ ...one, seq: 5, reason }))).toBe('JOURNAL_CORRUPT');
});

test('a message before what was given up is erased, also in the state that the session goes on from', async () => {
  const before = await system.client.sessions.verify(one);
  expect(await isGone('m2')).toBe(false);
  expect(await system.client.messages.erase({ ...one, seq: 4, reason })).toMatchObject({ erased: 2 });
  expect(await isGone('m2')).toBe(true);
  for (const how of [undefined, 'close', 'kill'] as const) {
    if (how !== undefined) await system.restart(how);
    await dropSnapshots(system);
    expect(await said()).toEqual(['m1', null, 'm3', 'm4', 'm7']);
    const { conversation = [] } = await system.client.sessions.buildContext({
      ...one,
      include: ['conversation'],
    });
    expect(conversation.map(({ content }) => content)).toEqual(['m1', 'm3', 'm4', 'm7']);
    const after = await system.client.sessions.verify(one);
    expect(after).toMatchObject({ valid: true, problems: [], dropped: before.dropped, events: 12 });
    expect(after.generations).toEqual([
      ...before.generations,
      { firstSeq: 13, through: 14, anchor: { seq: 12, chain: before.chain } },
    ]);
  }
  for (const level of ['standard', 'comprehensive', 'forensic'] as const)
    expect(await system.client.recovery.validate({ ...one, level })).toMatchObject({ ok: true });
  expect(await system.client.messages.erase({ ...one, seq: 4, reason })).toMatchObject({ erased: 0 });
});

test('one after the other can be erased, on both sides', async () => {
  for (const seq of [3, 5, 11, 7]) await system.client.messages.erase({ ...one, seq, reason });
  await system.restart('kill');
  await dropSnapshots(system);
  expect(await said()).toEqual([null, 'm2', null, null, null]);
  expect(await isGone('m1', 'm3', 'm4', 'm7')).toBe(true);
  expect(await system.client.sessions.verify(one)).toMatchObject({ valid: true, problems: [] });
  await system.client.messages.send({ ...one, role: 'user', content: 'm8' });
  expect(await said()).toEqual([null, 'm2', null, null, null, 'm8']);
});

test('a checkpoint that knew of it is erased, and nothing is damaged', async () => {
  await system.client.messages.erase({ ...one, seq: 4, reason });
  const { items } = await system.client.checkpoints.list(one);
  for (const { checkpointId } of items)
    expect(await system.client.checkpoints.verify({ ...one, checkpointId })).toMatchObject({
      ...{ valid: false, erased: true },
    });
});

test('a whole session is erased with all that was given up, and lives on', async () => {
  const { status, seq } = await system.client.sessions.get(one);
  const { erased } = await system.client.sessions.erase({ ...one, reason });
  expect(erased).toBeGreaterThan(8);
  expect(await isGone('m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'desk')).toBe(true);
  for (const how of [undefined, 'close', 'kill'] as const) {
    if (how !== undefined) await system.restart(how);
    await dropSnapshots(system);
    expect(await system.client.sessions.get(one)).toMatchObject({ status, name: null, seq: seq + 2 });
    expect(await system.client.sessions.verify(one)).toMatchObject({
      ...{ valid: true, problems: [], dropped: [{ from: 8, to: 9 }] },
    });
    expect(await system.client.sessions.conditions({})).toEqual([]);
  }
  expect(await system.client.sessions.erase({ ...one, reason })).toMatchObject({ erased: 0 });
  await system.client.messages.send({ ...one, role: 'user', content: 'm8' });
  expect(await system.client.sessions.erase({ ...one, reason })).toMatchObject({ erased: 1 });
});

test.each(['message', 'session'] as const)(
  'what was erased of one %s leaves as a capsule as any other',
  async (what) => {
    const { client } = system;
    await (what === 'message'
      ? client.messages.erase({ ...one, seq: 4, reason })
      : client.sessions.erase({ ...one, reason }));
    const { text } = await client.sessions.export(one);
    await using there = await createTestSystem({});
    await there.client.sessions.import({ text });
    const [here, elsewhere] = await Promise.all(
      [system, there].map(async (of) => {
        const { snapshots: _, ...verdict } = await of.client.sessions.verify(one);
        return { verdict, said: (await of.client.messages.list(one)).items };
      }),
    );
    expect(elsewhere).toEqual(here);
    expect(here?.verdict).toMatchObject({ valid: true });
  },
);

test('a session that was recovered with all that could be read is erased too, though nothing of it is damaged', async () => {
  await using other = await createTestSystem({});
  await other.client.sessions.create(one);
  for (const content of ['m1', 'm2']) await other.client.messages.send({ ...one, role: 'user', content });
  await other.client.recovery.recover({ ...one, completeness: 'partial', accept: true });
  await other.client.messages.erase({ ...one, seq: 3, reason });
  await other.restart('kill');
  for (const key of await other.disk.data.keys().all())
    if (key.startsWith('s!')) await other.disk.data.del(key);
  expect((await other.client.messages.list(one)).items.map(({ content }) => content)).toEqual([null, 'm2']);
  expect(await other.client.sessions.verify(one)).toMatchObject({ valid: true, problems: [] });
});
