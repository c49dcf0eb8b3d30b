// Readers of events: replay, then live, without gap or repeat, however slow they are and whatever happens meanwhile.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Telemetry } from '../../src/base/telemetry.ts';
import type { Announcement, Received } from '../../src/entity/announcement.ts';
import type { EventReader } from '../../src/entity/event-reader.ts';
import { EventReaders, type ReadOptions } from '../../src/entity/event-readers.ts';
import { StreamSource } from '../../src/entity/stream-source.ts';
import type { Journal, StoredEvent } from '../../src/journal/journal.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { add, type LedgerEntity, lineOf, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet } from '../support/outcome.ts';
import { readFeed, readStream, readStreams } from '../support/read-events.ts';

const stream = 'ledger/one';
const numbers = (count: number, first = 0): string[] =>
  Array.from({ length: count }, (_, i) => String(first + i));

interface Started {
  readonly journal: Journal;
  readonly pubsub: LocalPubSub<Announcement>;
  readonly entity: LedgerEntity;
  readonly other: LedgerEntity;
  /** The same data in another life of the journal, which holds nothing in memory. */
  reopened(): Promise<Journal>;
  send(lines: readonly string[]): Promise<unknown>;
  transient(line: string): void;
}

async function started(): Promise<Started> {
  const store = memoryJournal();
  const journal = await store.open();
  const pubsub = new LocalPubSub<Announcement>(() => {});
  const open = async (of: string): Promise<LedgerEntity> => {
    const tell = (events: readonly Parameters<typeof lineOf>[0][]): void => {
      pubsub.publish(of, { durable: events });
      pubsub.publish('all', { durable: events });
    };
    return (await openLedger(store, journal, { stream: of, tell })).entity;
  };
  const entity = await open(stream);
  const other = await open('ledger/two');
  return {
    journal,
    pubsub,
    entity,
    other,
    async reopened() {
      await journal.close();
      return store.open();
    },
    send: (lines) => Promise.all(lines.map((line) => entity.send(add(line)))),
    transient(type) {
      const transient = { stream, at: 0, type, data: {} };
      for (const topic of [stream, 'all']) pubsub.publish(topic, { transient });
    },
  };
}

const on =
  ({ pubsub }: Started, topic: string) =>
  (listener: (heard: Announcement) => void) =>
    pubsub.subscribe(topic, listener);

const nameOf = (received: Received): string =>
  'transient' in received ? `~${received.transient.type}` : lineOf(received.event);

const streamOf = (store: Started, after = 0, signal?: AbortSignal): EventReader<Received> =>
  readStream(store.journal, stream, after, on(store, stream), { signal });

const feedOf = (store: Started, after: string | null = null): EventReader<Received> =>
  readFeed(store.journal, after, on(store, 'all'));

async function take(reader: EventReader<Received>, count: number): Promise<Received[]> {
  const taken: Received[] = [];
  while (taken.length < count) {
    const { value, done } = await reader.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

const names = async (reader: EventReader<Received>, count: number): Promise<string[]> =>
  (await take(reader, count)).map(nameOf);

describe('a reader', () => {
  test('gets what was there, then what comes, each once and in order', async () => {
    const store = await started();
    await store.send(numbers(300));
    const reader = streamOf(store);
    const first = await names(reader, 300);
    const next = names(reader, 5);
    await store.send(numbers(5, 300));
    expect([...first, ...(await next)]).toEqual(numbers(305));
  });

  test('misses nothing and repeats nothing, wherever it begins and whoever is faster', async () => {
    const bursts = fc.array(fc.record({ lines: fc.integer({ min: 1, max: 120 }), turns: fc.nat(3) }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(bursts, fc.nat(40), fc.nat(3), fc.boolean(), async (chosen, skip, slow, ofAll) => {
        const store = await started();
        await store.send(numbers(40));
        const total = 40 + chosen.reduce((sum, { lines }) => sum + lines, 0);
        const reader = ofAll ? feedOf(store) : streamOf(store, skip);
        const begin = ofAll ? 0 : skip;
        const reading = (async () => {
          const heard: string[] = [];
          while (heard.length < total - begin) {
            const { value } = await reader.next();
            if (value !== undefined) heard.push(nameOf(value));
            if (heard.length % 7 === 0) await quiet(slow);
          }
          return heard;
        })();
        let sent = 40;
        for (const { lines, turns } of chosen) {
          const calls = store.send(numbers(lines, sent));
          sent += lines;
          await quiet(turns);
          if (turns > 1) await calls;
        }
        expect(await reading).toEqual(numbers(total - begin, begin));
        await reader.return();
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  test.each([
    [
      'a stream',
      (store: Started, telemetry: Telemetry) =>
        readStream(store.journal, stream, 0, on(store, stream), { telemetry }),
    ],
    [
      'the feed',
      (store: Started, telemetry: Telemetry) =>
        readFeed(store.journal, null, on(store, 'all'), { telemetry }),
    ],
  ])(
    'of %s that falls far behind is served from the journal, and comes back to the ring',
    async (_, open) => {
      const lagged: unknown[] = [];
      const store = await started();
      const reader = open(store, (name) => lagged.push(name));
      const first = names(reader, 1);
      await store.send(numbers(1));
      await first;
      for (let i = 0; i < 10; i++) await store.send(numbers(200, 1 + i * 200));
      expect(await names(reader, 2_000)).toEqual(numbers(2_000, 1));
      // What the ring still holds of them is not heard again, and the reader has not fallen out again.
      await store.send(numbers(10, 2_001));
      expect(await names(reader, 10)).toEqual(numbers(10, 2_001));
      expect(lagged).toEqual(['subscriber.lagged']);
    },
  );

  test('reads from the journal what nobody told of, before what was told', async () => {
    const store = await started();
    const reader = streamOf(store);
    const heard = names(reader, 3);
    await quiet();
    const { journal } = store;
    const head = await journal.head(stream);
    const events = numbers(3).map((line, i) => {
      const event = {
        stream,
        seq: i + 1,
        at: i,
        type: 'line.added',
        typeVersion: 1,
        data: { line },
        meta: {},
      };
      return { event, payload: JSON.stringify(event.data) };
    });
    const draft = { status: 'open', dueAt: null, summary: null };
    await journal.append(stream, head?.version ?? null, events, { head: draft });
    store.pubsub.publish(stream, { durable: events.slice(2).map(({ event }) => event) });
    expect(await heard).toEqual(numbers(3));
  });

  test('goes on behind its cursor, in a stream and in the feed, also within one commit', async () => {
    const store = await started();
    await Promise.all([store.send(numbers(5)), store.other.send(add('of another'))]);
    const ofStream = await take(streamOf(store), 5);
    const ofFeed = await take(feedOf(store), 6);
    for (const [i, received] of ofStream.entries()) {
      if ('transient' in received || i === 4) continue;
      expect(await names(streamOf(store, Number(received.cursor)), 4 - i)).toEqual(numbers(4 - i, i + 1));
    }
    const inOrder = ofFeed.map(nameOf);
    for (const [i, received] of ofFeed.entries()) {
      if ('transient' in received || i === 5) continue;
      expect(await names(feedOf(store, received.cursor), 5 - i)).toEqual(inOrder.slice(i + 1));
    }
  });

  test('passes over nothing of another stream when one of the same commit was removed meanwhile', async () => {
    const store = await started();
    await Promise.all([store.send(['removed']), store.other.send(add('of another'))]);
    const [first] = await take(feedOf(store), 1);
    if (first === undefined || 'transient' in first) throw new Error('a journaled event was expected');
    const head = await store.journal.head(first.event.stream);
    if (head === undefined) throw new Error('the stream is not there');
    await store.journal.remove(head.stream, head.version);
    const journal = await store.reopened();
    expect(await names(feedOf({ ...store, journal }, first.cursor), 1)).toEqual(['of another']);
  });

  test('comes past any number of commits of which nothing is left', async () => {
    const store = await started();
    for (const line of numbers(150)) await store.send([line]);
    const head = await store.journal.head(stream);
    if (head === undefined) throw new Error('the stream is not there');
    await store.journal.remove(stream, head.version);
    await store.other.send(add('behind them'));
    expect(await names(feedOf(store), 1)).toEqual(['behind them']);
  });

  test('keeps its place in the feed when it goes on in the middle of a commit and more comes', async () => {
    const store = await started();
    await store.send(numbers(3));
    await store.send(numbers(3, 3));
    const [, second] = await take(feedOf(store), 2);
    if (second === undefined || 'transient' in second) throw new Error('a journaled event was expected');
    const reader = feedOf(store, second.cursor);
    expect(await names(reader, 4)).toEqual(numbers(4, 2));
    const next = names(reader, 3);
    await store.send(numbers(3, 6));
    expect(await next).toEqual(numbers(3, 6));
  });

  test('is refused a cursor that nobody has given out', async () => {
    const store = await started();
    for (const cursor of ['', 'not a cursor', '1.2.3', '-1', '1.x'])
      expect(await codeOf((async () => feedOf(store, cursor).next())())).toBe('INVALID_CURSOR');
  });

  test('that begins before what was trimmed is told so', async () => {
    const store = await started();
    await store.send(numbers(10));
    await store.entity.snapshot();
    await store.journal.trim(stream, 4);
    expect(await codeOf(streamOf(store, 0).next())).toBe('HISTORY_TRIMMED');
    expect(await names(streamOf(store, 4), 6)).toEqual(numbers(6, 4));
  });
});

describe('an abort', () => {
  test('ends a reader that waits with the reason of the signal, and nothing listens any more', async () => {
    const store = await started();
    const abort = new AbortController();
    const reader = streamOf(store, 0, abort.signal);
    const waiting = reader.next();
    await quiet();
    expect(store.pubsub.listenerCount(stream)).toBe(1);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(store.pubsub.listenerCount(stream)).toBe(0);
  });

  test('ends a reader in the middle of its replay', async () => {
    const store = await started();
    await store.send(numbers(600));
    const abort = new AbortController();
    const reader = streamOf(store, 0, abort.signal);
    await take(reader, 3);
    abort.abort(new Error('enough'));
    await expect(take(reader, 600)).rejects.toThrow('enough');
  });

  test('is not needed: who leaves the loop stops listening', async () => {
    const store = await started();
    await store.send(numbers(3));
    for await (const received of streamOf(store)) if (nameOf(received) === '1') break;
    expect(store.pubsub.listenerCount(stream)).toBe(0);
  });
});

describe('transient events', () => {
  test('reach who listens now, between the journaled ones, and nobody later', async () => {
    const store = await started();
    await store.send(numbers(1));
    const reader = streamOf(store);
    const heard = names(reader, 4);
    await quiet();
    store.transient('a');
    await store.send(numbers(1, 1));
    store.transient('b');
    expect(await heard).toEqual(['0', '~a', '1', '~b']);
    expect(await names(streamOf(store), 2)).toEqual(['0', '1']);
  });

  test.each([
    ['a stream', streamOf],
    ['the feed', feedOf],
  ])('are not lost to a reader of %s that was busy while journaled ones came', async (_, open) => {
    const store = await started();
    await store.send(numbers(1));
    const reader = open(store);
    await take(reader, 1);
    store.transient('a');
    await store.send(numbers(1, 1));
    store.transient('b');
    await store.send(numbers(1, 2));
    store.transient('c');
    const heard = await names(reader, 5);
    expect(heard.filter((name) => name.startsWith('~'))).toEqual(['~a', '~b', '~c']);
    expect(heard.filter((name) => !name.startsWith('~'))).toEqual(['1', '2']);
  });

  test('that fell out of the ring are counted and reported, those that it holds are heard', async () => {
    const store = await started();
    await store.send(numbers(1));
    const lagged: unknown[] = [];
    const reader = readStream(store.journal, stream, 0, on(store, stream), {
      telemetry: (name, data) => lagged.push([name, data]),
    });
    await take(reader, 1);
    for (let i = 0; i < 1_500; i++) store.transient(String(i));
    await store.send(numbers(1, 1));
    const heard = await names(reader, 1_024);
    expect(heard).toEqual(['1', ...numbers(1_023, 1_500 - 1_023).map((name) => `~${name}`)]);
    const dropped = 1_500 - 1_023;
    expect(reader.dropped).toBe(dropped);
    expect(lagged).toEqual([['subscriber.lagged', { topic: stream, dropped }]]);
  });
});

describe('readers of one topic', () => {
  const reading = (store: Started, streams = [stream]) => {
    const readers = new EventReaders<Received>(() => {});
    const opened: StreamSource<Received>[] = [];
    const open = (): StreamSource<Received> => {
      const show = (received: Received): Received => received;
      const source = new StreamSource({ journal: store.journal, streams, listen: on(store, stream), show });
      opened.push(source);
      return source;
    };
    const read = (after?: string, options: Choice = {}): EventReader<Received> =>
      readers.read({ topic: stream, open, start: (source) => source.start(after), ...options });
    return { readers, opened, read };
  };

  type Choice = Pick<ReadOptions<Received, StreamSource<Received>>, 'wants' | 'signal' | 'closing'>;

  /** Readers that have caught up, each with a call that waits. */
  const waiting = async (readers: readonly EventReader<Received>[]): Promise<Promise<string>[]> => {
    const calls = readers.map((reader) =>
      reader.next().then(({ value }) => (value === undefined ? 'done' : nameOf(value))),
    );
    await quiet();
    return calls;
  };

  test('wait together, and one that ends while they do ends alone', async () => {
    const store = await started();
    const { read } = reading(store);
    const abort = new AbortController();
    const closing = new AbortController();
    const readers = [
      read(),
      read(undefined, { signal: abort.signal }),
      read(undefined, { closing: closing.signal }),
      read(),
    ];
    const first = await waiting(readers);
    store.transient('first');
    expect(await Promise.all(first)).toEqual(Array(4).fill('~first'));
    const calls = await waiting(readers);
    const behind = readers[1]?.next();
    abort.abort(new Error('enough'));
    await expect(calls[1]).rejects.toThrow('enough');
    expect(await behind).toEqual({ value: undefined, done: true });
    closing.abort();
    expect(await calls[2]).toBe('done');
    void readers[3]?.return();
    expect(await calls[3]).toBe('done');
    await quiet();
    await store.send(['second']);
    expect(await calls[0]).toBe('second');
    store.transient('third');
    expect(await Promise.all(await waiting(readers.slice(0, 1)))).toEqual(['~third']);
  });

  test('answer calls that wait together for the live ones in their order, and each with its own event', async () => {
    const store = await started();
    const reader = reading(store).read();
    const caughtUp = names(reader, 1);
    await quiet();
    store.transient('before');
    await caughtUp;
    const answered: string[] = [];
    const calls = Array.from({ length: 4 }, () =>
      reader.next().then(({ value }) => answered.push(value === undefined ? 'done' : nameOf(value))),
    );
    for (const name of ['a', 'b']) store.transient(name);
    await Promise.all(calls.slice(0, 2));
    await store.send(['c']);
    await reader.return();
    await Promise.all(calls);
    expect(answered).toEqual(['~a', '~b', 'c', 'done']);
  });

  test('pass over what they do not want, also while they wait', async () => {
    const store = await started();
    const wants = (received: Received): boolean => nameOf(received).includes('x');
    const reader = reading(store).read(undefined, { wants });
    const heard = names(reader, 4);
    await quiet();
    for (const name of ['a', 'x1', 'b']) store.transient(name);
    await quiet();
    for (const name of ['c', 'd']) {
      store.transient(name);
      await quiet(1);
    }
    await store.send(['e', 'x2']);
    store.transient('x3');
    await quiet();
    await store.send(['x4']);
    expect(await heard).toEqual(['~x1', 'x2', '~x3', 'x4']);
    // Two calls at once: the older one is still the first to be answered.
    const calls = [names(reader, 1), names(reader, 1)];
    store.transient('f');
    await quiet(1);
    for (const name of ['x5', 'x6']) store.transient(name);
    expect(await Promise.all(calls)).toEqual([['~x5'], ['~x6']]);
  });

  test('cannot change what another is given, and are given the same event', async () => {
    const store = await started();
    const { read } = reading(store);
    const readers = [read(), read()];
    const calls = readers.map((reader) => reader.next());
    await quiet();
    for (const name of ['waited for', 'at hand']) store.transient(name);
    const [a, b] = await Promise.all(calls);
    const [c, d] = await Promise.all(readers.map((reader) => reader.next()));
    expect(a?.value).toBe(b?.value);
    expect(c?.value).toBe(d?.value);
    // Each has a result of its own, or shares one that nobody can change.
    expect(a).not.toBe(b);
    expect(Object.isFrozen(c) && Object.isFrozen(d)).toBe(true);
  });

  test('share one ring, which comes with the first and goes with the last', async () => {
    const store = await started();
    const { readers, opened, read } = reading(store);
    const [a, b] = [read(), read()];
    expect(opened.length).toBe(1);
    expect(store.pubsub.listenerCount(stream)).toBe(1);
    await a.return();
    await a.return();
    expect(store.pubsub.listenerCount(stream)).toBe(1);
    await b.return();
    expect(store.pubsub.listenerCount(stream)).toBe(0);
    expect(readers.size).toBe(0);
    read();
    expect(opened.length).toBe(2);
  });

  test('that are never pulled cost nothing but the ring, which is bounded, and harm no other', async () => {
    const store = await started();
    const { opened, read } = reading(store);
    for (let i = 0; i < 100; i++) read();
    const quick = read();
    const heard: string[] = [];
    for (let i = 0; i < 30; i++) {
      const next = names(quick, 100);
      await store.send(numbers(100, i * 100));
      heard.push(...(await next));
    }
    expect(heard).toEqual(numbers(3_000));
    const [{ ring } = { ring: { first: 0, end: 0 } }] = opened;
    // What was announced before it was known where the stream stands is one hole.
    expect(ring.end).toBeGreaterThan(2_900);
    expect(ring.end - ring.first).toBe(1_024);
  });

  test('that were let go without an end are collected, and give back the ring', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const store = await started();
    const { readers, read } = reading(store);
    await (async () => {
      for (let i = 0; i < 50; i++) await names(read('0'), 0);
    })();
    for (let turn = 0; readers.size > 0 && turn < 50; turn++) {
      collect();
      await quiet(5);
    }
    expect(readers.size).toBe(0);
    expect(store.pubsub.listenerCount(stream)).toBe(0);
  });

  test('answer calls that were not awaited in their order, and end those that wait', async () => {
    const store = await started();
    await store.send(numbers(2));
    const reader = reading(store).read();
    const calls = Array.from({ length: 5 }, () => reader.next());
    await quiet();
    await store.send(numbers(1, 2));
    const first = await Promise.all(calls.slice(0, 3));
    expect(first.map(({ value }) => value && nameOf(value))).toEqual(['0', '1', '2']);
    await reader.return();
    expect(await Promise.all(calls.slice(3))).toEqual(Array(2).fill({ value: undefined, done: true }));
    expect(await reader.next()).toEqual({ value: undefined, done: true });
  });

  test('throw what is wrong with the journal once, and end', async () => {
    const store = await started();
    const reader = reading(store).read('99');
    expect(await codeOf(reader.next())).toBe('INVALID_CURSOR');
    expect(await reader.next()).toEqual({ value: undefined, done: true });
    expect(store.pubsub.listenerCount(stream)).toBe(0);
  });
});

describe('a pubsub that loses, doubles and reorders what it is told', () => {
  /** What happens to each announcement: how often it is heard, and how many others overtake it. */
  const fates = fc.array(fc.record({ times: fc.integer({ min: 0, max: 2 }), late: fc.nat(4) }), {
    minLength: 30,
    maxLength: 30,
  });

  test('still lets readers of two streams, and of the feed, hear each event once and in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fates,
        fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
        async (chosen, which) => {
          const world = await unreliable(chosen);
          const both = ['ledger/one', 'ledger/two'];
          const readers = [
            readStreams(world.journal, both, '0.0', world.listen),
            readStreams(world.journal, both, '0.0', world.listen),
            readFeed(world.journal, null, world.listen),
          ];
          const total = 30;
          const heard = readers.map((reader, i) => slowly(reader, total, i));
          for (let i = 0; i < total; i++) {
            await world.entities[which[i] ? 0 : 1]?.send(add(String(i)));
            if (i % 5 === 0) await quiet(1);
          }
          world.flush();
          const sent = both.map((_, of) => numbers(total).filter((_line, i) => which[i] === (of === 0)));
          for (const events of await Promise.all(heard)) {
            const lines = both.map((name) => events.filter(({ event }) => event.stream === name));
            expect(lines.map((of) => of.map(nameOf))).toEqual(sent);
          }
          await Promise.all(readers.map((reader) => reader.return()));
        },
      ),
      { numRuns: 60, seed: 11 },
    );
  });

  test('leaves no cursor behind at which an event is lost or heard twice', async () => {
    await fc.assert(
      fc.asyncProperty(fates, fc.nat(29), async (chosen, stop) => {
        const world = await unreliable(chosen);
        const both = ['ledger/one', 'ledger/two'];
        const reader = readStreams(world.journal, both, '0.0', world.listen);
        const heard = slowly(reader, 30, 1);
        for (let i = 0; i < 30; i++) await world.entities[i % 2]?.send(add(String(i)));
        world.flush();
        const events = await heard;
        const cursor = events[stop]?.cursor;
        const rest = await slowly(readStreams(world.journal, both, cursor ?? '', world.listen), 29 - stop, 0);
        const namesOf = (of: typeof events): string[] => of.map(nameOf).toSorted();
        expect(namesOf(rest)).toEqual(namesOf(events.slice(stop + 1)));
      }),
      { numRuns: 40, seed: 3 },
    );
  });
});

type Durable = Extract<Received, { readonly event: unknown }>;

async function slowly(reader: EventReader<Received>, count: number, turns: number): Promise<Durable[]> {
  const heard: Durable[] = [];
  while (heard.length < count) {
    const { value } = await reader.next();
    if (value !== undefined && 'event' in value) heard.push(value);
    if (turns > 0) await quiet(turns);
  }
  return heard;
}

/** Two ledgers whose announcements meet their fates, one after the other; the last one that is flushed arrives. */
async function unreliable(fates: readonly { readonly times: number; readonly late: number }[]) {
  const store = memoryJournal();
  const journal = await store.open();
  const pubsub = new LocalPubSub<Announcement>(() => {});
  const waiting: { readonly announcement: Announcement; late: number }[] = [];
  const told: Announcement[] = [];
  const tell = (events: readonly StoredEvent[]): void => {
    const { times, late } = fates[told.length % fates.length] ?? { times: 1, late: 0 };
    const announcement = { durable: events };
    told.push(announcement);
    for (let i = 0; i < times; i++) waiting.push({ announcement, late: late * (i + 1) });
    for (const each of waiting.splice(0)) {
      each.late -= 1;
      if (each.late < 0) pubsub.publish('all', each.announcement);
      else waiting.push(each);
    }
  };
  const open = async (of: string): Promise<LedgerEntity> =>
    (await openLedger(store, journal, { stream: of, tell })).entity;
  return {
    journal,
    entities: [await open('ledger/one'), await open('ledger/two')],
    listen: (listener: (heard: Announcement) => void) => pubsub.subscribe('all', listener),
    /** The newest announcement of each stream arrives at last: nothing else tells readers of the end. */
    flush(): void {
      for (const announcement of told.slice().reverse()) pubsub.publish('all', announcement);
    },
  };
}
