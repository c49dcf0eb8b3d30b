// The streams of a session, its own and that of its conditions, read as one; other streams are nobody's events.
import { expect, test } from 'vitest';
import type { Announcement } from '../../src/entity/announcement.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { EventStream } from '../../src/operations/event-port.ts';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { SessionEvents } from '../../src/session/session-events.ts';
import { globalTopic, sessionTopic } from '../../src/session/topics.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet } from '../support/outcome.ts';

async function started() {
  const store = memoryJournal();
  const journal: Journal = await store.open();
  const pubsub = new LocalPubSub<Announcement>(() => {});
  const events = new SessionEvents({ journal, pubsub, telemetry: () => {}, assertOpen: () => {} });
  /** Appends one event as an entity does, and tells of it unless told not to. */
  const append = async (stream: string, type: string, at: number, isTold = true): Promise<void> => {
    const head = await journal.head(stream);
    const seq = (head?.seq ?? 0) + 1;
    const event = { stream, seq, at, type, typeVersion: 1, data: { reason: `${at}` }, meta: {} };
    const draft = { status: 'active', dueAt: null, summary: null };
    const payload = JSON.stringify(event.data);
    await journal.append(stream, head?.version ?? null, [{ event, payload }], { head: draft });
    const topics = [sessionTopic(stream.slice(stream.indexOf('/') + 1)), globalTopic];
    if (isTold) for (const topic of topics) pubsub.publish(topic, { durable: [event] });
  };
  return { events, append, pubsub, journal };
}

const placeOf = ({ stream, seq }: DeliveredEvent): string => `${stream?.split('/')[0] ?? 'own'} ${seq}`;

async function take(events: EventStream, count: number): Promise<DeliveredEvent[]> {
  const taken: DeliveredEvent[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}

const sent = 'message.sent';

test('callbacks hear conditions, which say that their seq is of another stream', async () => {
  const { events, append } = await started();
  const heard: DeliveredEvent[] = [];
  const all: string[] = [];
  events.subscribe('a', (event) => heard.push(event));
  events.subscribe(null, (event) => all.push(placeOf(event)));
  await append('session/a', sent, 1);
  await append('condition/a', 'condition.set', 2);
  await append('manager/a', 'decision.made', 3);
  expect(heard).toEqual([
    { sessionId: 'a', seq: 1, at: 1, type: sent, data: { reason: '1' } },
    {
      sessionId: 'a',
      stream: 'condition/a',
      seq: 1,
      at: 2,
      type: 'condition.set',
      data: { reason: '2' },
    },
  ]);
  expect(all).toEqual(['own 1', 'condition 1']);
});

test('a stream of a session replays both by their times and goes on live in the order of the telling', async () => {
  const { events, append } = await started();
  await append('session/a', sent, 10);
  await append('condition/a', 'condition.set', 15);
  await append('condition/a', 'condition.cleared', 30);
  await append('session/a', sent, 20);
  await append('session/a', sent, 30);
  const reader = events.stream({ sessionId: 'a' });
  const taken = await (async () => {
    const first: DeliveredEvent[] = [];
    for (let i = 0; i < 5; i++) first.push((await reader.next()).value as DeliveredEvent);
    // Told first, though its clock is behind.
    await append('condition/a', 'condition.set', 25);
    await append('session/a', sent, 40);
    for (let i = 0; i < 2; i++) first.push((await reader.next()).value as DeliveredEvent);
    return first;
  })();
  expect(taken.map(placeOf)).toEqual([
    'own 1',
    'condition 1',
    'own 2',
    'own 3',
    'condition 2',
    'condition 3',
    'own 4',
  ]);
  expect(taken.map(({ cursor }) => cursor)).toEqual([
    '1.0.0.0.0.0',
    '1.1.0.0.0.0',
    '2.1.0.0.0.0',
    '3.1.0.0.0.0',
    '3.2.0.0.0.0',
    '3.3.0.0.0.0',
    '4.3.0.0.0.0',
  ]);
  for (const [i, { cursor = '' }] of taken.slice(0, -1).entries()) {
    const rest = await take(events.stream({ sessionId: 'a', after: cursor }), 6 - i);
    expect(rest.map(placeOf).toSorted()).toEqual(
      taken
        .slice(i + 1)
        .map(placeOf)
        .toSorted(),
    );
  }
});

test('a plain seq of the session is a cursor too: conditions older than its event were seen', async () => {
  const { events, append } = await started();
  await append('condition/a', 'condition.set', 5);
  await append('session/a', sent, 10);
  await append('condition/a', 'condition.cleared', 15);
  await append('session/a', sent, 20);
  const after = async (seq: string, count: number): Promise<string[]> =>
    (await take(events.stream({ sessionId: 'a', after: seq }), count)).map(placeOf);
  expect(await after('0', 4)).toEqual(['condition 1', 'own 1', 'condition 2', 'own 2']);
  expect(await after('1', 2)).toEqual(['condition 2', 'own 2']);
  await append('condition/a', 'condition.set', 30);
  expect(await after('2', 1)).toEqual(['condition 3']);
  for (const cursor of ['3', '1.4', '1.2.3.4', '1.', 'x'])
    expect(await codeOf(events.stream({ sessionId: 'a', after: cursor }).next())).toBe('INVALID_CURSOR');
});

test('a hole in one stream is filled from the journal before what was told is handed on', async () => {
  const { events, append } = await started();
  await append('session/a', sent, 1);
  const reader = events.stream({ sessionId: 'a', after: '1' });
  const waiting = take(reader, 5);
  await append('condition/a', 'condition.set', 2);
  await append('condition/a', 'condition.cleared', 3, false);
  await append('session/a', sent, 4, false);
  await append('session/a', sent, 5);
  await append('condition/a', 'condition.set', 6);
  const places = (await waiting).map(placeOf);
  expect(places.filter((place) => place.startsWith('own'))).toEqual(['own 2', 'own 3']);
  expect(places.filter((place) => place.startsWith('c'))).toEqual([
    'condition 1',
    'condition 2',
    'condition 3',
  ]);
});

test('a cursor of what is durable and was not told of yet repeats nothing when it is told', async () => {
  const { events, append, pubsub, journal } = await started();
  await append('session/a', sent, 1);
  const other = events.stream({ sessionId: 'a', after: 'now' });
  const heard = other.next();
  await append('session/a', sent, 2, false);
  const reader = events.stream({ sessionId: 'a', after: '2' });
  const waiting = reader.next();
  expect((await heard).value?.seq).toBe(2);
  const { events: stored } = await journal.readFrom('session/a', 1);
  pubsub.publish(sessionTopic('a'), { durable: stored });
  await append('session/a', sent, 3);
  expect((await waiting).value?.seq).toBe(3);
  await Promise.all([reader.return(), other.return()]);
});

test('what is durable at the call is before now, also when it is told of later', async () => {
  const { events, append, pubsub, journal } = await started();
  await append('session/a', sent, 1);
  const others = [events.stream({ sessionId: 'a', after: 'now' }), events.stream({ after: 'now' })];
  const heard = others.map((reader) => reader.next());
  await append('session/a', sent, 2, false);
  const readers = [events.stream({ sessionId: 'a', after: 'now' }), events.stream({ after: 'now' })];
  const waiting = readers.map((reader) => reader.next());
  const { events: stored } = await journal.readFrom('session/a', 1);
  for (const topic of [sessionTopic('a'), globalTopic]) pubsub.publish(topic, { durable: stored });
  for (const each of heard) expect((await each).value?.seq).toBe(2);
  await append('session/a', sent, 3);
  for (const each of waiting) expect((await each).value?.seq).toBe(3);
  await Promise.all([...others, ...readers].map((reader) => reader.return()));
});

test('the stream of all holds sessions and conditions, and no other streams', async () => {
  const { events, append } = await started();
  const live = take(events.stream({}), 4);
  await append('session/a', sent, 1);
  await append('manager/m', 'decision.made', 2);
  await append('condition/b', 'condition.set', 3);
  await append('ledger/a', 'line.added', 4);
  await append('session/b', sent, 5);
  await append('condition/b', 'condition.cleared', 6);
  const expected = ['a own 1', 'b condition 1', 'b own 1', 'b condition 2'];
  const named = (of: readonly DeliveredEvent[]): string[] =>
    of.map((event) => `${event.sessionId} ${placeOf(event)}`);
  expect(named(await live)).toEqual(expected);
  expect(named(await take(events.stream({}), 4))).toEqual(expected);
});

test('all readers and callbacks of a topic are handed the same event, which nobody can change', async () => {
  const { events, append } = await started();
  await append('session/a', sent, 1);
  const readers = [1, 2].map(() => events.stream({ sessionId: 'a', after: 'now' }));
  const heard: DeliveredEvent[] = [];
  for (let i = 0; i < 2; i++) events.subscribe('a', (event) => heard.push(event));
  // Readers are live once they have waited.
  const first = readers.map((reader) => reader.next());
  await append('session/a', sent, 2);
  await append('session/a', sent, 3);
  await Promise.all(first);
  const [one, other] = await Promise.all(readers.map((reader) => reader.next()));
  expect(one?.value).toBe(other?.value);
  expect(Object.isFrozen(one?.value)).toBe(true);
  expect(heard[0]).toBe(heard[1]);
  await Promise.all(readers.map((reader) => reader.return()));
});

test('an event is made once for all callbacks of a topic, and once for all its iterators', async () => {
  const { events, append, pubsub } = await started();
  await append('session/a', sent, 1);
  const heard: DeliveredEvent[] = [];
  for (let i = 0; i < 3; i++) events.subscribe('a', (event) => heard.push(event));
  const readers = Array.from({ length: 3 }, () => events.stream({ sessionId: 'a', after: '1' }));
  const taking = readers.map((reader) => take(reader, 2));
  await quiet();
  await append('session/a', sent, 2);
  const transient = { stream: 'session/a', at: 3, type: 'stream.chunk', data: {} };
  pubsub.publish(sessionTopic('a'), { transient });
  const taken = await Promise.all(taking);
  expect(heard.map(({ at }) => at)).toEqual([2, 2, 2, 3, 3, 3]);
  expect(new Set(heard).size).toBe(2);
  expect(new Set(taken.flat()).size).toBe(2);
  expect([...heard, ...taken.flat()].every(Object.isFrozen)).toBe(true);
});
