// Whoever takes part hears of each write once and in order, without asking: also who was away, whom pub/sub forgot, and who sits
// in a session without actors.
import { expect, onTestFinished, test } from 'vitest';
import { EntityHost } from '../../src/collaboration/entity-host.ts';
import { SpaceSubscription } from '../../src/collaboration/spaces/space-subscription.ts';
import type { Announcement } from '../../src/entity/announcement.ts';
import type { SpaceEvent } from '../../src/operations/views/space-views.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { add, ledgerLaw } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

const spaceId = 'plan';

async function world(members: readonly string[], options: TestSystemOptions = {}): Promise<TestSystem> {
  const system = await createTestSystem(options);
  onTestFinished(() => system.close());
  const { client } = system;
  await client.spaces.create({ spaceId });
  await Promise.all(
    members.map(async (sessionId) => {
      await client.sessions.create({ sessionId });
      await client.spaces.join({ spaceId, sessionId });
    }),
  );
  return system;
}

const told = (event: SpaceEvent): unknown =>
  event.type === 'space.written' ? event.data.writes.map(({ value }) => value) : event.type;

test('a thousand members, nearly all without actors, hear each write once and in order', async () => {
  const sessions = Array.from({ length: 1_000 }, (_, i) => `s${i}`);
  const system = await world(sessions, { maxActiveSessions: 8 });
  const { client } = system;
  await quiet(200);
  expect(system.system.activeSessions).toBeLessThanOrEqual(8);
  const heard = new Map<string, number[]>(sessions.map((sessionId) => [sessionId, []]));
  for (const sessionId of sessions)
    await client.spaces.subscribe({ spaceId, sessionId }, ({ seq }) => heard.get(sessionId)?.push(seq));
  const writes = await Promise.all(
    Array.from({ length: 20 }, (_, value) =>
      client.spaces.set({ spaceId, sessionId: 's0', key: 'k', value }),
    ),
  );
  const expected = writes.map(({ version }) => version);
  expect(new Set(expected).size).toBe(20);
  for (const sessionId of sessions) expect(heard.get(sessionId)).toEqual(expected);
  expect(system.system.activeSessions).toBeLessThanOrEqual(8);
});

test('a member that was away goes on from its cursor, by callback and by iterator, over a restart', async () => {
  const system = await world(['a', 'b']);
  const set = (value: number) => system.client.spaces.set({ spaceId, sessionId: 'a', key: 'k', value });
  const first: SpaceEvent[] = [];
  const subscription = await system.client.spaces.subscribe({ spaceId, sessionId: 'b' }, (event) => {
    first.push(event);
  });
  await set(1);
  subscription.unsubscribe();
  for (const value of [2, 3]) await set(value);
  await system.restart('kill');
  const after = first.at(-1)?.cursor ?? '';
  const heard: unknown[] = [];
  await system.client.spaces.subscribe({ spaceId, sessionId: 'b', after }, (event) => {
    heard.push(told(event));
  });
  await set(4);
  expect([first.map(told), heard]).toEqual([[[1]], [[2], [3], [4]]]);
  const stream = system.client.spaces.stream({ spaceId, sessionId: 'b', after, types: ['space.written'] });
  const read: unknown[] = [];
  for await (const event of stream) {
    read.push(told(event));
    if (read.length === 3) await set(5);
    if (read.length === 4) break;
  }
  expect(read).toEqual([[2], [3], [4], [5]]);
});

test('what pub/sub lost, doubled or brought in another order is heard once and in order, and the gap is told', async () => {
  const memory = memoryJournal();
  const journal = await memory.open();
  onTestFinished(() => journal.close());
  const pubsub = new LocalPubSub<Announcement>(() => {});
  const announced: Announcement[] = [];
  const host = new EntityHost({
    ...{ law: ledgerLaw, journal, clock: memory.clock, mailboxSize: 100, telemetry: () => {} },
    tell: (_, durable) => void announced.push({ durable }),
  });
  const heard: number[] = [];
  const gaps: unknown[] = [];
  const subscription = new SpaceSubscription({
    ...{ journal, pubsub, stream: 'ledger/a' },
    telemetry: (name, data) => void gaps.push([name, data]),
    hear: ({ seq }) => {
      heard.push(seq);
      if (seq === 2) throw new Error('a listener of the user');
    },
  });
  await subscription.begin(undefined);
  const write = async (count: number): Promise<void> => {
    for (let n = 1; n <= count; n++) await host.send('a', add(`${n}`));
  };
  await write(6);
  const tell = async (...places: number[]): Promise<void> => {
    for (const place of places) pubsub.publish('ledger/a', announced[place - 1] as Announcement);
    await quiet();
  };
  await tell(1, 1, 2);
  expect(heard).toEqual([1, 2]);
  await tell(5, 4, 6);
  expect(heard).toEqual([1, 2, 3, 4, 5, 6]);
  await write(2);
  await tell(7, 3, 8);
  expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(gaps).toEqual([
    ['subscriber.failed', { topic: 'ledger/a', problem: 'a listener of the user' }],
    ['space.gapFilled', { stream: 'ledger/a', expected: 3, found: 5 }],
  ]);
});

test('who leaves hears so, and nothing after it; what is no member hears nothing at all', async () => {
  const { client } = await world(['a', 'b']);
  const heard: unknown[] = [];
  await client.spaces.subscribe({ spaceId, sessionId: 'b' }, (event) => {
    heard.push(told(event));
  });
  const stream = client.spaces.stream({ spaceId, sessionId: 'b', after: 'now' });
  const streamed = (async () => {
    const seen: unknown[] = [];
    for await (const event of stream) seen.push(told(event));
    return seen;
  })();
  await quiet();
  await client.spaces.leave({ spaceId, sessionId: 'b' });
  await client.spaces.set({ spaceId, sessionId: 'a', key: 'k', value: 1 });
  expect(heard).toEqual(['space.left']);
  expect(await streamed).toEqual(['space.left']);
  const stranger = { spaceId, sessionId: 'b' };
  expect(await codeOf(client.spaces.subscribe(stranger, () => {}))).toBe('NOT_A_MEMBER');
  expect(await codeOf(client.spaces.stream(stranger).next())).toBe('NOT_A_MEMBER');
  expect(await codeOf(client.spaces.subscribe({ ...stranger, spaceId: 'no' }, () => {}))).toBe(
    'SPACE_NOT_FOUND',
  );
  const ahead = client.spaces.subscribe({ spaceId, sessionId: 'a', after: '99' }, () => {});
  expect(await codeOf(ahead)).toBe('INVALID_CURSOR');
  const odd = { spaceId, sessionId: 'a', afer: '1' } as never;
  expect(await errorOf(client.spaces.subscribe(odd, () => {}))).toMatchObject({ code: 'INVALID_INPUT' });
});

test('what is temporary is pushed too, and a closed client hears nothing more', async () => {
  const system = await world(['a', 'b']);
  const { client } = system;
  const temp = await client.spaces.open({ sessionId: 'a', scope: 'temp', owner: 'both' });
  const other = system.system.connect();
  const heard: unknown[] = [];
  await other.spaces.subscribe({ spaceId: temp.spaceId, sessionId: 'b' }, (event) => {
    heard.push(told(event));
  });
  const stream = other.spaces.stream({ spaceId: temp.spaceId, sessionId: 'b', after: 'now' });
  const next = stream.next();
  await quiet();
  await client.spaces.set({ spaceId: temp.spaceId, sessionId: 'a', key: 'k', value: 1 });
  expect((await next).value).toMatchObject({ type: 'space.written', data: { by: 'a' } });
  const last = stream.next();
  await other.close();
  expect(await last).toEqual({ value: undefined, done: true });
  await client.spaces.set({ spaceId: temp.spaceId, sessionId: 'a', key: 'k', value: 2 });
  expect(heard).toEqual([[1]]);
});
