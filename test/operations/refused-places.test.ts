// A refusal of input says where in the input it is, down to the value, and what would be taken there.
import { expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { HoldfastError } from '../../src/index.ts';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf } from '../support/outcome.ts';

async function refused(call: (client: Client) => Promise<unknown>): Promise<HoldfastError> {
  const { client, close } = await createTestSystem({});
  onTestFinished(() => close());
  const error = await call(client).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!HoldfastError.is(error)) throw new Error(`it was not refused: ${String(error)}`);
  return error;
}

test.each<[string, string, (client: Client) => Promise<unknown>]>([
  [
    'a value',
    '$.value',
    ({ memory }) => memory.set({ sessionId: 'a', key: 'k', value: Number.NaN } as never),
  ],
  ['a value that is missing', '$.value', ({ memory }) => memory.set({ sessionId: 'a', key: 'k' } as never)],
  [
    'a value within one of a list',
    '$.tasks[1].input.at',
    ({ tasks }) =>
      tasks.createMany({
        sessionId: 'a',
        tasks: [{ title: 'A' }, { title: 'B', input: { at: new Date(0) as never } }],
      }),
  ],
  [
    'a value in one of several shapes',
    '$.content[0]',
    ({ messages }) => messages.send({ sessionId: 'a', role: 'user', content: [(() => 1) as never] }),
  ],
])('%s that is not JSON is named by its place in the input', async (_, path, call) => {
  const { code, details, message } = await refused(call);
  expect([code, details.path]).toEqual(['NOT_JSON', path]);
  expect(message).toContain(path);
});

test('what is nested too deep or too long is named by its place too', async () => {
  const text = 'x'.repeat(1024 * 1024 + 1);
  const long = await refused(({ memory }) => memory.set({ sessionId: 'a', key: 'k', value: { text } }));
  expect([long.code, long.details.what]).toEqual(['TOO_LARGE', 'text at $.value.text']);
  let value: unknown = 1;
  for (let level = 0; level < 65; level += 1) value = [value];
  const deep = await refused(({ memory }) => memory.set({ sessionId: 'a', key: 'k', value: value as never }));
  expect([deep.code, String(deep.details.path).slice(0, 11)]).toEqual([
    'TOO_DEEP',
    '$.value[0]['.slice(0, 11),
  ]);
});

test('of several shapes the one that the input comes closest to says what is wrong', async () => {
  const { code, details } = await refused(({ spaces }) =>
    spaces.create({ policies: [{ key: 'a', policy: 'nonsense' as never }] }),
  );
  expect([code, details.field]).toEqual(['INVALID_INPUT', 'policies.0.policy']);
  expect(details.problem).toContain('last-write-wins');
});

test('a second policy for what has one is named by its place', async () => {
  const policy = 'counter' as const;
  const twice = [
    [
      { key: 'a', policy },
      { prefix: 'a', policy },
      { key: 'a', policy: 'set' as const },
    ],
    [
      { prefix: '', policy },
      { key: 'prefix ', policy },
      { prefix: '', policy },
    ],
  ];
  for (const policies of twice) {
    const created = await refused(({ spaces }) => spaces.create({ policies }));
    expect([created.code, created.details.field]).toEqual(['INVALID_INPUT', 'policies.2']);
    const opened = await refused(({ spaces }) => spaces.open({ sessionId: 'a', scope: 'temp', policies }));
    expect([opened.code, opened.details.field]).toEqual(['INVALID_INPUT', 'policies.2']);
  }
});

test('where none comes closer, all that would be taken is told', async () => {
  const { details } = await refused(({ messages }) =>
    messages.send({ sessionId: 'a', role: 'user', content: 5 as never }),
  );
  expect(details.field).toBe('content');
  expect(details.problem).toMatch(/string.*null.*array/);
});

test('a session is not opened under itself, and is not there afterwards', async () => {
  await using system = await createTestSystem({});
  const { sessions, trees } = system.client;
  const own = { sessionId: 'a', parentSessionId: 'a' };
  const calls = [
    () => sessions.create(own),
    () => sessions.create({ ...own, durability: 'none' }),
    () => sessions.create({ ...own, link: 'terminate' }),
    () => trees.open({ sessionId: 'a', childId: 'a' }),
  ];
  for (const call of calls) {
    const { code, details } = await errorOf(call());
    expect([code, details.field]).toEqual(['INVALID_INPUT', 'parentSessionId']);
  }
  expect(await codeOf(sessions.get({ sessionId: 'a' }))).toBe('SESSION_NOT_FOUND');
});
