// A damaged list of parked events takes its session out of service by name: it comes back with the list when that can be read again, and
// with what is left of it when somebody accepts that, who hears what is not.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parkedStream } from '../../src/domain/recovery/parked-law.ts';
import { sessionStream } from '../../src/domain/session/session-law.ts';
import { keys } from '../../src/journal/keys.ts';
import { Conditions } from '../../src/recovery/conditions/conditions.ts';
import { ParkedEvents } from '../../src/recovery/parked/parked-events.ts';
import { noteLostParkings, quarantineParkings } from '../../src/recovery/parked/parked-findings.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf } from '../support/outcome.ts';

const one = { sessionId: 's' };
const stream = parkedStream('s');
const reason = 'it is wrong';

let system: TestSystem;

/** a, b and c are events 3, 4 and 5; 3 and 5 are parked by the records 1 and 2 of the list. */
beforeEach(async () => {
  system = await createTestSystem({});
  const { client } = system;
  await client.sessions.create(one);
  for (const content of ['a', 'b', 'c']) await client.messages.send({ ...one, role: 'user', content });
  for (const seq of [3, 5]) await client.recovery.park({ ...one, seq, action: 'skip', reason });
  await system.restart('close');
});
afterEach(() => system.close());

const said = async (): Promise<unknown> =>
  (await system.client.messages.list(one)).items.map(({ content }) => content);

async function change(key: string, alter: (value: string) => string): Promise<string> {
  await system.restart('close');
  const value = (await system.disk.data.get(key)) ?? '';
  await system.disk.data.put(key, alter(value));
  await system.restart('kill');
  return value;
}

const rot = (value: string): string => value.replace(/.$/, (last) => (last === '#' ? '!' : '#'));

const damaged = async (): Promise<unknown> =>
  expect(await system.client.sessions.conditions({})).toMatchObject([
    {
      ...{ sessionId: 's', condition: 'quarantined', reason: 'its list of parked events is damaged' },
      error: { code: 'JOURNAL_CORRUPT', message: expect.stringContaining(stream) },
    },
  ]);

test.each([
  ['record', keys.event(stream, 2)],
  ['head', keys.head(stream)],
])('a damaged %s of the list is the condition of its session, until it can be read again', async (_, key) => {
  const before = await change(key, rot);
  for (const how of [undefined, 'close', 'kill'] as const) {
    if (how !== undefined) await system.restart(how);
    await damaged();
    expect(await codeOf(system.client.messages.send({ ...one, role: 'user', content: 'd' }))).toBe(
      'SESSION_QUARANTINED',
    );
    expect(await codeOf(system.client.recovery.parked(one))).toBe('JOURNAL_CORRUPT');
  }
  expect(await codeOf(system.client.sessions.retry(one))).toBe('SESSION_QUARANTINED');
  await damaged();
  await change(key, () => before);
  await system.client.sessions.retry(one);
  expect(await system.client.sessions.conditions({})).toEqual([]);
  expect(await said()).toEqual(['b']);
});

test('a list without its records is damaged as well', async () => {
  await system.restart('close');
  await system.disk.data.del(keys.event(stream, 1));
  await system.disk.data.del(keys.event(stream, 2));
  await system.restart('kill');
  await damaged();
  expect(await system.client.recovery.recover({ ...one, accept: true })).toMatchObject({
    ...{ recovered: true, parked: { kept: [], unreadable: 2 } },
  });
  expect(await said()).toEqual(['a', 'b', 'c']);
});

test('what can be read of it is offered, and nothing is changed before somebody has accepted that', async () => {
  await change(keys.event(stream, 2), rot);
  const offered = await system.client.recovery.recover(one);
  expect(offered).toMatchObject({
    ...{ recovered: false, needsAcceptance: true, parked: { kept: [3], unreadable: 1 }, dropped: [] },
  });
  await damaged();
  const accepted = await system.client.recovery.recover({ ...one, accept: true }, { by: 'ops' });
  expect(accepted).toMatchObject({
    ...{ status: 'complete', recovered: true, parked: { kept: [3], unreadable: 1 } },
  });
  for (const how of [undefined, 'close', 'kill'] as const) {
    if (how !== undefined) await system.restart(how);
    expect(await system.client.sessions.conditions({})).toEqual([]);
    expect(await said()).toEqual(['b', 'c']);
    const { events: listed } = await system.client.recovery.parked(one);
    expect(listed).toMatchObject([{ seq: 3, action: 'skip', reason }]);
  }
  await system.client.recovery.park({ ...one, seq: 5, action: 'skip', reason });
  await system.client.recovery.unpark({ ...one, seq: 3 });
  await system.restart('kill');
  expect(await said()).toEqual(['a', 'b']);
});

test('the damaged record stays where it is, and the list says from when on it is another', async () => {
  await change(keys.event(stream, 2), rot);
  const before = await system.disk.data.get(keys.event(stream, 2));
  await system.client.recovery.recover({ ...one, accept: true }, { by: 'ops' });
  expect(await system.disk.data.get(keys.event(stream, 2))).toBe(before);
  expect(await system.disk.data.get(keys.event(stream, 3))).toContain('"type":"parked.recovered"');
});

test('a call that is repeated has the answer of the first time', async () => {
  await change(keys.event(stream, 1), rot);
  const call = { idempotencyKey: 'k' };
  const first = await system.client.recovery.recover({ ...one, accept: true }, call);
  expect(first).toMatchObject({ parked: { kept: [5], unreadable: 1 } });
  expect(await system.client.recovery.recover({ ...one, accept: true }, call)).toEqual({
    ...first,
    repeated: true,
  });
});

test('a list of which the end is gone is not taken for a whole one, neither when it is read nor after a restart', async () => {
  const { open, clock } = memoryJournal();
  const telemetry = () => {};
  const journal = await open();
  const ports = { journal, clock, telemetry, tell: () => {} };
  const conditions = await Conditions.load(ports);
  const report = { lost: [{ stream, found: 0, witnessed: 2 }] };
  for (const found of [report, { lost: [] }]) {
    const parked = await ParkedEvents.load(ports);
    noteLostParkings(parked, found);
    await quarantineParkings(conditions, parked, telemetry);
    await parked.reconsider('s');
    expect(() => parked.find(sessionStream('s'))).toThrow(/gone/);
    expect(conditions.list('quarantined')).toMatchObject([{ sessionId: 's' }]);
  }
  const parked = await ParkedEvents.load(ports);
  await quarantineParkings(conditions, parked, telemetry);
  const left = await parked.readable('s');
  expect(left).toMatchObject({ unreadable: null, state: { parked: [] } });
  await parked.recover('s', left, null);
  expect(parked.find(sessionStream('s'))).toBeUndefined();
  await conditions.close();
  await journal.close();
});

test('a session that is out of service for something else keeps that reason, and hears of its list when it is retried', async () => {
  await system.restart('close');
  const key = keys.event(sessionStream('s'), 4);
  for (const snapshot of await system.disk.data.keys().all())
    if (snapshot.startsWith('s!session/s!')) await system.disk.data.del(snapshot);
  await system.disk.data.put(key, rot((await system.disk.data.get(key)) ?? ''));
  await system.restart('kill');
  await system.client.storage.scrub({});
  const [condition] = await system.client.sessions.conditions({});
  expect(condition).toMatchObject({ condition: 'quarantined' });
  await change(keys.event(stream, 2), rot);
  expect(await system.client.sessions.conditions({})).toMatchObject([{ reason: condition?.reason }]);
  const error = await errorOf(system.client.sessions.retry(one));
  expect(error.code).toBe('SESSION_QUARANTINED');
  const { status, parked, dropped } = await system.client.recovery.recover({ ...one, accept: true });
  expect({ status, parked, dropped }).toEqual({
    ...{ status: 'partial', parked: { kept: [3], unreadable: 1 }, dropped: [{ from: 4, to: 5 }] },
  });
  expect(await system.client.sessions.conditions({})).toEqual([]);
});
