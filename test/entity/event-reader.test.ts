// Readers of events: replay, then live, without gap or repeat, however slow they are and whatever happens meanwhile.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Announcement, type Received, readFeed, readStream } from '../../src/entity/event-reader.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { LocalPubSub } from '../../src/pubsub/local-pubsub.ts';
import { add, type LedgerEntity, lineOf, openLedger } from '../support/ledger.ts';
import { memoryJournal } from '../support/memory-journal.ts';
import { codeOf, quiet } from '../support/outcome.ts';

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

const streamOf = (store: Started, after = 0, signal?: AbortSignal): AsyncGenerator<Received> =>
  readStream(store.journal, stream, after, on(store, stream), signal);

const feedOf = (store: Started, after: string | null = null): AsyncGenerator<Received> =>
  readFeed(store.journal, after, on(store, 'all'));

async function take(reader: AsyncGenerator<Received>, count: number): Promise<Received[]> {
  const taken: Received[] = [];
  while (taken.length < count) {
    const { value, done } = await reader.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

const names = async (reader: AsyncGenerator<Received>, count: number): Promise<string[]> =>
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
            heard.push(nameOf(value));
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
        await reader.return(undefined);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  test('that falls far behind is served from the journal', async () => {
    const store = await started();
    const reader = streamOf(store);
    const first = names(reader, 1);
    await store.send(numbers(1));
    await first;
    for (let i = 0; i < 10; i++) await store.send(numbers(200, 1 + i * 200));
    expect(await names(reader, 2_000)).toEqual(numbers(2_000, 1));
  });

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

  test('beyond what is held for a slow reader are dropped, the journaled ones are not', async () => {
    const store = await started();
    await store.send(numbers(1));
    const reader = streamOf(store);
    await take(reader, 1);
    for (let i = 0; i < 400; i++) store.transient(String(i));
    await store.send(numbers(1, 1));
    const heard = await names(reader, 257);
    expect(heard.filter((name) => name.startsWith('~')).length).toBe(256);
    expect(heard).toContain('1');
  });
});
