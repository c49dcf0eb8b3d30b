// Commands of one caller take effect in the order in which they were sent, whatever their session is doing meanwhile.
import { describe, expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet, whileTimePasses } from '../support/outcome.ts';

const sessionId = 's';

const send = ({ client }: TestSystem, content: string, idempotencyKey?: string): Promise<unknown> =>
  client.messages.send(
    { sessionId, role: 'user', content },
    idempotencyKey === undefined ? {} : { idempotencyKey },
  );

async function contentsIn({ client }: TestSystem): Promise<unknown[]> {
  const { items } = await client.messages.list({ sessionId, limit: 1_000 });
  return items.map(({ content }) => content);
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

describe('commands that nobody awaits', () => {
  test('take effect in order, with and without keys', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId });
    const calls = numbers(200).map((n, i) => send(test, n, i % 3 === 0 ? `key ${n}` : undefined));
    await Promise.all(calls);
    expect(await contentsIn(test)).toEqual(numbers(200));
  });

  test.each(numbers(12).map(Number))(
    'take effect in order when the second is sent %i turns after their session has come to life',
    async (turns) => {
      let test: TestSystem | undefined;
      const later: Promise<unknown>[] = [];
      const wake = async (): Promise<void> => {
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        if (test !== undefined) later.push(send(test, 'second'));
      };
      let waiting = false;
      test = await createTestSystem({
        onTelemetry({ name }) {
          if (name === 'session.started' && waiting) void wake();
        },
      });
      await test.client.sessions.create({ sessionId });
      await test.client.sessions.hibernate({ sessionId });
      await quiet();
      waiting = true;
      await send(test, 'first');
      await Promise.all(later);
      expect(later.length).toBe(1);
      expect(await contentsIn(test)).toEqual(['first', 'second']);
      await test.close();
    },
  );

  test('take effect in order though some of them are looked into before they are sent', async () => {
    await using test = await createTestSystem();
    const { client } = test;
    await client.sessions.create({ sessionId });
    const { seq } = await client.messages.send({ sessionId, role: 'user', content: 'pin me' });
    await Promise.all([
      client.messages.pin({ sessionId, seq }),
      client.messages.clear({ sessionId }),
      client.files.index({ sessionId, path: 'a', metadata: { n: 1 } }),
      client.files.remove({ sessionId, path: 'a' }),
      client.files.add({ sessionId, path: 'b' }),
      client.memory.set({ sessionId, key: 'k', value: 1 }),
    ]);
    const { items } = await client.events.list({ sessionId });
    expect(items.slice(3).map(({ type }) => type)).toEqual([
      'message.pinned',
      'conversation.cleared',
      'file.indexed',
      'file.removed',
      'file.added',
      'memory.updated',
    ]);
  });

  test('keep their order across a crash; those that were lost with it say so', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId });
    const held = test.disk.holdWrites();
    const before = numbers(10).map((n) => codeOf(send(test, n)));
    await held.arrived;
    test.crash(sessionId);
    await quiet();
    const after = numbers(10).map((n) => codeOf(send(test, `after ${n}`)));
    held.release();
    const [first, ...lost] = await Promise.all(before);
    expect([first, ...new Set(lost)]).toEqual(['answered', 'NOT_COMMITTED']);
    expect(new Set(await Promise.all(after))).toEqual(new Set(['answered']));
    expect(await contentsIn(test)).toEqual(['0', ...numbers(10).map((n) => `after ${n}`)]);
  });

  test('keep their order while their session waits to be started again', async () => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId });
    for (let i = 0; i < 3; i++) {
      await quiet();
      test.crash(sessionId);
      await test.clock.advance(50);
    }
    test.crash(sessionId);
    await quiet();
    const calls = numbers(20).map((n) => send(test, n));
    await whileTimePasses(test.clock, Promise.all(calls), 5);
    expect(await contentsIn(test)).toEqual(numbers(20));
  });
});

test('a refusal is not recorded: asked again under its key, the command is decided anew, also behind what came after it', async () => {
  await using test = await createTestSystem();
  const { client } = test;
  await client.sessions.create({ sessionId });
  const calls = [
    codeOf(client.sessions.pause({ sessionId })),
    codeOf(send(test, 'refused', 'r')),
    codeOf(client.sessions.resume({ sessionId })),
    codeOf(send(test, 'accepted', 'a')),
  ];
  expect(await Promise.all(calls)).toEqual(['answered', 'SESSION_NOT_ACTIVE', 'answered', 'answered']);
  await test.restart('kill');
  expect(await codeOf(send(test, 'refused', 'r'))).toBe('answered');
  expect(await send(test, 'accepted', 'a')).toMatchObject({ repeated: true });
  expect(await contentsIn(test)).toEqual(['accepted', 'refused']);
});

describe('commands that a listener sends', () => {
  test.each(['fsync', 'none'] as const)(
    'while it is told of an event are all taken, in their order (%s)',
    async (durability) => {
      await using test = await createTestSystem();
      const { client } = test;
      await client.sessions.create({ sessionId, durability });
      const sent: Promise<unknown>[] = [];
      await client.events.subscribe(sessionId, ({ type, data }) => {
        if (type !== 'message.sent' || !String((data as { content: unknown }).content).startsWith('asked'))
          return;
        for (const n of [1, 2, 3])
          sent.push(client.messages.send({ sessionId, role: 'assistant', content: `answer ${n}` }));
      });
      const asked = Array.from({ length: 10 }, (_, n) =>
        client.messages.send({ sessionId, role: 'user', content: `asked ${n}` }),
      );
      await Promise.all(asked);
      expect((await Promise.allSettled(sent)).filter(({ status }) => status === 'rejected')).toEqual([]);
      expect(sent.length).toBe(30);
      expect((await client.sessions.get({ sessionId })).messages).toBe(40);
    },
  );
});
