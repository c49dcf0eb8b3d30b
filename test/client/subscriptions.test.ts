// What a client listens to: callbacks with a handle, streams with a cursor; what ends ends, and nothing else does.
import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import type { EventStream } from '../../src/operations/event-port.ts';
import type { DeliveredEvent } from '../../src/operations/views/views.ts';
import { nthWrite } from '../../src/testing/faulty-level.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf, quiet, watch } from '../support/outcome.ts';

async function started(): Promise<TestSystem> {
  const test = await createTestSystem();
  for (const sessionId of ['a', 'b']) await test.client.sessions.create({ sessionId });
  return test;
}

const send = (client: Client, sessionId: string, content = 'x'): Promise<unknown> =>
  client.messages.send({ sessionId, role: 'user', content });

const nameOf = ({ sessionId, seq, type }: DeliveredEvent): string => `${sessionId}${seq ?? '~'} ${type}`;

async function take(events: EventStream, count: number): Promise<DeliveredEvent[]> {
  const taken: DeliveredEvent[] = [];
  while (taken.length < count) {
    const { value, done } = await events.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

const names = async (events: EventStream, count: number): Promise<string[]> =>
  (await take(events, count)).map(nameOf);

describe('a subscription', () => {
  test('hears of its session, or of all, from now on, and exactly what is documented', async () => {
    await using test = await started();
    const { client, clock } = test;
    const heard: DeliveredEvent[] = [];
    const all: string[] = [];
    await client.events.subscribe('a', (event) => heard.push(event));
    await client.events.subscribeAll((event) => all.push(nameOf(event)));
    await send(client, 'a', 'hello');
    await send(client, 'b');
    await client.events.publish({ sessionId: 'a', type: 'llm.chunkStreamed', data: { content: 'he' } });
    const at = clock.now();
    const data = { role: 'user', content: 'hello', entry: 1, size: 5 };
    expect(heard).toEqual([
      { sessionId: 'a', seq: 3, at, type: 'message.sent', data },
      { sessionId: 'a', at, type: 'llm.chunkStreamed', data: { content: 'he' } },
    ]);
    expect(all).toEqual(['a3 message.sent', 'b3 message.sent', 'a~ llm.chunkStreamed']);
  });

  test('ends with its handle, which may be disposed of twice', async () => {
    await using test = await started();
    const { client } = test;
    const heard: string[] = [];
    const subscription = await client.events.subscribe('a', (event) => heard.push(nameOf(event)));
    {
      using _second = await client.events.subscribe('a', (event) => heard.push(`second ${nameOf(event)}`));
      await send(client, 'a');
    }
    await send(client, 'a');
    subscription.unsubscribe();
    subscription[Symbol.dispose]();
    await send(client, 'a');
    expect(heard).toEqual(['a3 message.sent', 'second a3 message.sent', 'a4 message.sent']);
  });

  test('that ends while it hears of several events hears no more of them', async () => {
    await using test = await started();
    const heard: string[] = [];
    const subscription = await test.client.events.subscribeAll((event) => {
      heard.push(nameOf(event));
      subscription.unsubscribe();
    });
    await test.client.sessions.create({ sessionId: 'c' });
    expect(heard).toEqual(['c1 session.statusChanged']);
  });

  test('to one session and to all are ended apart from each other, and only those of the same client', async () => {
    await using test = await started();
    const { client } = test;
    const other = test.system.connect();
    const heard: string[] = [];
    await client.events.subscribe('a', () => heard.push('a'));
    await client.events.subscribe('a', () => heard.push('a again'));
    await client.events.subscribeAll(() => heard.push('all'));
    await other.events.subscribe('a', () => heard.push('other'));
    await other.events.subscribeAll(() => heard.push('other all'));
    const next = async (): Promise<string[]> => {
      heard.length = 0;
      await send(client, 'a');
      return heard.toSorted();
    };
    expect(await next()).toEqual(['a', 'a again', 'all', 'other', 'other all']);
    client.events.unsubscribe('b');
    client.events.unsubscribe('a');
    expect(await next()).toEqual(['all', 'other', 'other all']);
    client.events.unsubscribeAll();
    client.events.unsubscribeAll();
    expect(await next()).toEqual(['other', 'other all']);
    await other.close();
    expect(await next()).toEqual([]);
  });

  test('to a session that does not exist yet waits for it, unless it must exist', async () => {
    await using test = await started();
    const { client } = test;
    const heard: string[] = [];
    await client.events.subscribe('c', (event) => heard.push(nameOf(event)));
    expect(await codeOf(client.events.subscribe('d', () => {}, { mustExist: true }))).toBe(
      'SESSION_NOT_FOUND',
    );
    expect(await codeOf(client.events.subscribe('../d', () => {}))).toBe('INVALID_ID');
    await client.events.subscribe('a', () => {}, { mustExist: true });
    await client.sessions.create({ sessionId: 'c' });
    expect(heard).toEqual(['c1 session.statusChanged', 'c2 session.created']);
  });

  test('goes on across a crash of its session and a failure of the disk, without gap or repeat', async () => {
    await using test = await started();
    const { client, disk } = test;
    const heard: (number | undefined)[] = [];
    await client.events.subscribe('a', ({ seq, stream }) => {
      if (stream === undefined) heard.push(seq);
    });
    await send(client, 'a');
    test.crash('a');
    await quiet();
    await send(client, 'a');
    for (const fault of ['before', 'after'] as const) {
      const fatal = disk.writes + 1;
      disk.failWrites((write) => (write === fatal ? fault : undefined));
      await codeOf(send(client, 'a'));
      await send(client, 'a');
    }
    const { seq } = await client.sessions.get({ sessionId: 'a' });
    expect(heard).toEqual(Array.from({ length: seq - 2 }, (_, i) => i + 3));
  });

  test.each(['before', 'after'] as const)(
    'hears of what the disk kept although it failed %s writing and the session crashed meanwhile',
    async (fault) => {
      await using test = await started();
      const { client, disk } = test;
      const heard: (number | undefined)[] = [];
      await client.events.subscribe('a', ({ seq, stream }) => {
        if (stream === undefined) heard.push(seq);
      });
      const held = disk.holdWrites();
      disk.failWrites(nthWrite(disk.writes + 1, fault));
      const lost = codeOf(send(client, 'a'));
      await held.arrived;
      test.crash('a');
      await quiet();
      held.release();
      expect(await lost).toBe('OUTCOME_UNKNOWN');
      await send(client, 'a');
      expect(heard).toEqual(fault === 'before' ? [3] : [3, 4]);
    },
  );

  test('that is ended while a client closes twice does no harm', async () => {
    await using test = await started();
    const client = test.system.connect();
    const subscription = await client.events.subscribeAll(() => {});
    await client.close();
    subscription.unsubscribe();
    await client.close();
    {
      await using _brief = test.system.connect();
    }
    expect(await codeOf(send(test.client, 'a'))).toBe('answered');
  });
});

describe('a stream', () => {
  test('replays one session or all, then goes on live, with a cursor at each event', async () => {
    await using test = await started();
    const { client } = test;
    await send(client, 'a');
    const ofOne = client.events.stream({ sessionId: 'a' });
    const ofAll = client.events.stream();
    expect(await names(ofOne, 3)).toEqual([
      'a1 session.statusChanged',
      'a2 session.created',
      'a3 message.sent',
    ]);
    expect((await names(ofAll, 5)).length).toBe(5);
    const [next, nextOfAll] = [take(ofOne, 1), take(ofAll, 2)];
    await send(client, 'b');
    await send(client, 'a');
    expect((await next).map(({ seq, cursor }) => [seq, cursor])).toEqual([[4, '4.0.0.0.0.0']]);
    expect((await nextOfAll).map(nameOf)).toEqual(['b3 message.sent', 'a4 message.sent']);
  });

  test('goes on behind its cursor, also after a restart, and from now on with the cursor now', async () => {
    await using test = await started();
    const [, second] = await take(test.client.events.stream(), 2);
    const [first] = await take(test.client.events.stream({ sessionId: 'b' }), 1);
    await test.restart();
    const { client } = test;
    expect(await names(client.events.stream({ after: second?.cursor ?? '' }), 2)).toEqual([
      'b1 session.statusChanged',
      'b2 session.created',
    ]);
    expect(await names(client.events.stream({ sessionId: 'b', after: first?.cursor ?? '' }), 1)).toEqual([
      'b2 session.created',
    ]);
    const fromNow = [
      client.events.stream({ after: 'now' }),
      client.events.stream({ sessionId: 'a', after: 'now' }),
    ];
    const heard = fromNow.map((events) => names(events, 1));
    await quiet();
    await send(client, 'a');
    expect(await Promise.all(heard)).toEqual([['a3 message.sent'], ['a3 message.sent']]);
  });

  test('holds only the types that were asked for', async () => {
    await using test = await started();
    const { client } = test;
    await send(client, 'a');
    await client.memory.set({ sessionId: 'a', key: 'k', value: 1 });
    const events = client.events.stream({ types: ['memory.updated', 'llm.chunkStreamed'] });
    const heard = names(events, 2);
    await quiet();
    await client.events.publish({ sessionId: 'b', type: 'llm.chunkStreamed', data: { content: 'x' } });
    expect(await heard).toEqual(['a4 memory.updated', 'b~ llm.chunkStreamed']);
  });

  test('refuses a cursor from the future or from nowhere', async () => {
    await using test = await started();
    const streams = [
      test.client.events.stream({ sessionId: 'a', after: '99' }),
      test.client.events.stream({ sessionId: 'a', after: 'x' }),
      test.client.events.stream({ after: '!' }),
    ];
    expect(await Promise.all(streams.map((events) => codeOf(events.next())))).toEqual(
      Array(3).fill('INVALID_CURSOR'),
    );
  });

  test('throws the reason of its signal, and ends in silence when its client or the system is closed', async () => {
    const test = await started();
    const abort = new AbortController();
    const [own, other] = [test.client, test.system.connect()];
    const live = [
      own.events.stream({ after: 'now', signal: abort.signal }),
      other.events.stream({ after: 'now' }),
      own.events.stream({ after: 'now', sessionId: 'a' }),
      test.system.connect().events.stream({ after: 'now' }),
    ].map((events) => events.next());
    const watched = live.map(watch);
    await quiet();
    abort.abort(new Error('enough'));
    await expect(live[0]).rejects.toThrow('enough');
    await other.close();
    expect(await live[1]).toEqual({ value: undefined, done: true });
    await quiet();
    expect(watched[2]?.outcome).toBe('waiting');
    await test.close();
    expect(await live[2]).toEqual({ value: undefined, done: true });
    expect(await live[3]).toEqual({ value: undefined, done: true });
  });

  test('goes on across a failure of the disk, and shows what the disk kept after all', async () => {
    await using test = await started();
    const { client, disk } = test;
    const events = client.events.stream({ sessionId: 'a', after: '2' });
    const heard = take(events, 4);
    for (const [content, fault] of [
      ['1', undefined],
      ['lost', 'before'],
      ['2', undefined],
      ['kept', 'after'],
      ['3', undefined],
    ] as const) {
      const fatal = disk.writes + 1;
      disk.failWrites((write) => (write === fatal ? fault : undefined));
      await codeOf(send(client, 'a', content));
    }
    const contents = (await heard).map(({ data }) => (data as { content: string }).content);
    expect(contents).toEqual(['1', '2', 'kept', '3']);
  });
});

describe('a subscriber that misbehaves', () => {
  test('by throwing, rejecting, hanging, publishing or cancelling harms nobody else, and is reported', async () => {
    await using test = await started();
    const { client } = test;
    const heard: (number | undefined)[] = [];
    let calls = 0;
    const failing = [
      () => {
        calls += 1;
        throw new Error('now');
      },
      () => Promise.reject(new Error('later')),
      () => new Promise(() => {}),
      ({ type }: DeliveredEvent) => {
        if (type !== 'message.sent') return;
        void client.events.publish({ sessionId: 'a', type: 'llm.chunkStreamed', data: { content: 'x' } });
        void client.events.subscribe('a', () => {});
      },
    ];
    for (const listener of failing) await client.events.subscribe('a', listener);
    const cancelling = await client.events.subscribe('a', () => cancelling.unsubscribe());
    await client.events.subscribe('a', ({ seq }) => heard.push(seq));
    for (let i = 0; i < 3; i++) await send(client, 'a');
    await quiet();
    expect(heard.filter((seq) => seq !== undefined)).toEqual([3, 4, 5]);
    expect(calls).toBe(heard.length);
    const problems = test.telemetry
      .filter(({ name }) => name === 'subscriber.failed')
      .map(({ data }) => data);
    expect(problems.filter(({ problem }) => problem === 'now').length).toBe(heard.length);
    expect(problems.filter(({ problem }) => problem === 'later').length).toBe(heard.length);
    expect(problems[0]).toEqual({ topic: 'session/a', problem: 'now' });
    expect((await client.messages.list({ sessionId: 'a' })).items.length).toBe(3);
  });

  test('by never pulling again lags, loses transient events alone, and is told how many', async () => {
    await using test = await started();
    const { client } = test;
    const stuck = client.events.stream({ sessionId: 'a', after: 'now' });
    const quick = client.events.stream({ sessionId: 'a', after: 'now' });
    const first = take(stuck, 1);
    await send(client, 'a', 'first');
    await first;
    const chunk = { sessionId: 'a', type: 'llm.chunkStreamed' as const, data: { content: 'x' } };
    const heard: DeliveredEvent[] = await take(quick, 1);
    for (let i = 0; i < 12; i++) {
      const next = take(quick, 100);
      await Promise.all(Array.from({ length: 100 }, () => client.events.publish(chunk)));
      heard.push(...(await next));
    }
    await send(client, 'a', 'last');
    expect(heard.length).toBe(1_201);
    expect(test.telemetry.filter(({ name }) => name === 'subscriber.lagged')).toEqual([]);
    const late = await take(stuck, 1_024);
    expect(late[0]).toMatchObject({ type: 'message.sent', data: { content: 'last' } });
    expect(stuck.dropped).toBe(1_200 - 1_023);
    expect(test.telemetry.filter(({ name }) => name === 'subscriber.lagged')).toMatchObject([
      { data: { topic: 'session/a', dropped: 1_200 - 1_023 } },
    ]);
  });
});

test('each of many subscribers hears exactly its own session, however they are driven together', async () => {
  await using test = await createTestSystem();
  const { client } = test;
  const ids = Array.from({ length: 40 }, (_, i) => `s${i}`);
  const called = new Map(ids.map((id) => [id, [] as DeliveredEvent[]]));
  for (const id of ids) await client.events.subscribe(id, (event) => called.get(id)?.push(event));
  await Promise.all(ids.map((sessionId) => client.sessions.create({ sessionId })));
  const streams = ids.map((sessionId) => client.events.stream({ sessionId }));
  const all = take(client.events.stream(), ids.length * 12);
  const pulled = streams.map((events) => take(events, 12));
  const writes = ids.flatMap((id) => Array.from({ length: 10 }, (_, i) => send(client, id, `${id} ${i}`)));
  await Promise.all(writes);
  const expected = (id: string): string[] => [
    `${id}1 session.statusChanged`,
    `${id}2 session.created`,
    ...Array.from({ length: 10 }, (_, i) => `${id}${i + 3} message.sent`),
  ];
  for (const [i, id] of ids.entries()) {
    expect(called.get(id)?.map(nameOf)).toEqual(expected(id));
    expect((await pulled[i])?.map(nameOf)).toEqual(expected(id));
  }
  const everything = await all;
  for (const id of ids)
    expect(everything.filter(({ sessionId }) => sessionId === id).map(nameOf)).toEqual(expected(id));
});

test('an event is told only when something changed', async () => {
  await using test = await started();
  const { client } = test;
  const heard: string[] = [];
  const one = { sessionId: 'a' };
  await client.memory.set({ ...one, key: 'k', value: 1 });
  await client.files.add({ ...one, path: 'f' });
  await client.events.subscribe('a', ({ type }) => heard.push(type));
  await client.memory.delete({ ...one, key: 'none' }).catch(() => undefined);
  await client.files.remove({ ...one, path: 'none' }).catch(() => undefined);
  await client.sessions.pause(one).then(() => client.sessions.pause(one).catch(() => undefined));
  expect(heard).toEqual(['checkpoint.created', 'session.statusChanged']);
  await client.sessions.resume(one);
  await client.memory.delete({ ...one, key: 'k' });
  await client.files.remove({ ...one, path: 'f' });
  expect(heard.slice(3)).toEqual(['memory.deleted', 'file.removed']);
});

test('a subscription lives on while its session is passivated, woken and crashed', async () => {
  await using test = await started();
  const { client } = test;
  const called: (number | undefined)[] = [];
  await client.events.subscribe('a', ({ seq, stream }) => {
    if (stream === undefined) called.push(seq);
  });
  const events = client.events.stream({ sessionId: 'a', after: 'now' });
  await client.sessions.hibernate({ sessionId: 'a' });
  await quiet();
  await send(client, 'a');
  test.crash('a');
  await quiet();
  await send(client, 'a');
  const { seq } = await client.sessions.get({ sessionId: 'a' });
  const seqs = Array.from({ length: seq - 2 }, (_, i) => i + 3);
  expect(called).toEqual(seqs);
  // What its crash set, what cleared it, and the receipt of its recovery.
  const all = await take(events, seqs.length + 3);
  expect(all.filter(({ stream }) => stream === undefined).map((event) => event.seq)).toEqual(seqs);
  const conditions = all.filter(({ stream }) => stream === 'condition/a');
  expect(conditions.map(({ type }) => type)).toEqual(['condition.set', 'condition.cleared']);
});

describe('what is asked of a stream', () => {
  test('is refused at the first event when it names an event that does not exist', async () => {
    await using test = await started();
    const types = ['message.sent', 'message.snt'] as unknown as 'message.sent'[];
    const error = await errorOf(test.client.events.stream({ types }).next());
    expect(error).toMatchObject({ code: 'INVALID_INPUT', details: { field: 'types.1' } });
    const events = test.client.events.stream({ types });
    await errorOf(events.next());
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });

  test('narrows what its events carry', async () => {
    await using test = await started();
    await send(test.client, 'a', 'hello');
    for await (const event of test.client.events.stream({ types: ['message.sent', 'session.created'] })) {
      // @ts-expect-error a stream holds no other events than were asked for
      expect(event.type === 'memory.updated').toBe(false);
      if (event.type === 'message.sent') {
        const content: string | readonly unknown[] | null = event.data.content;
        expect(content).toBe('hello');
        break;
      }
      const name: string | null = event.data.name;
      expect(name).toBe(null);
    }
    await test.client.events.subscribe('a', (event) => {
      if (event.type === 'condition.set') expect(event.data.reason).toBe('never');
      if (event.type === 'tool.called')
        expect(event.data.tool).toBe(event.data.toolCallId.slice(event.data.entry));
    });
  });

  test('counts from the call, not from the first pull', async () => {
    await using test = await started();
    const { client } = test;
    const streams = [
      client.events.stream({ after: 'now' }),
      client.events.stream({ sessionId: 'a', after: 'now' }),
    ];
    await send(client, 'a', 'first');
    await client.events.publish({ sessionId: 'a', type: 'llm.chunkStreamed', data: { content: 'x' } });
    const later = [
      client.events.stream({ after: 'now' }),
      client.events.stream({ sessionId: 'a', after: 'now' }),
    ];
    await send(client, 'a', 'second');
    for (const events of streams)
      expect((await names(events, 3)).toSorted()).toEqual([
        'a3 message.sent',
        'a4 message.sent',
        'a~ llm.chunkStreamed',
      ]);
    for (const events of later) expect(await names(events, 1)).toEqual(['a4 message.sent']);
  });

  test('is given back at once by break, return and await using', async () => {
    await using test = await started();
    const { client } = test;
    for await (const _ of client.events.stream({ sessionId: 'a' })) break;
    await using events = client.events.stream({ sessionId: 'a', after: 'now' });
    const waiting = events.next();
    await quiet();
    await events.return();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(await events.next()).toEqual({ value: undefined, done: true });
  });
});

test('events that are transient get no seq, are in no journal, and need a session that is awake', async () => {
  await using test = await started();
  const { client } = test;
  const chunk = { sessionId: 'a', type: 'llm.chunkStreamed', data: { content: 'x' } };
  const { writes } = test.disk;
  expect(await client.events.publish(chunk)).toEqual({});
  expect(test.disk.writes).toBe(writes);
  expect((await client.events.list({ sessionId: 'a' })).items.length).toBe(2);
  await client.sessions.pause({ sessionId: 'a' });
  expect(await codeOf(client.events.publish(chunk))).toBe('SESSION_NOT_ACTIVE');
  expect(await codeOf(client.events.publish({ ...chunk, sessionId: 'none' }))).toBe('SESSION_NOT_FOUND');
});
