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

test('a member of an unknown name is named, and what is missing beside it', async () => {
  const { code, details, message } = await refused(({ memory }) =>
    memory.set({ sessionId: 'a', kye: 'k', value: 1 } as never),
  );
  expect([code, details.field]).toEqual(['INVALID_INPUT', 'key']);
  expect(message).toMatch(/key: .*expected string.*; kye: there is no member of this name$/);
  const within = await refused(({ tasks }) =>
    tasks.createMany({ sessionId: 'a', tasks: [{ title: 'A', titel: 'B' } as never] }),
  );
  expect(within.details.field).toBe('tasks.0.titel');
  const role = await refused(({ memory }) => memory.get({ sessionId: 'a', key: 'k', role: 'user' } as never));
  expect([role.code, role.details.field]).toEqual(['INVALID_INPUT', 'role']);
});

test('of many faults five are told', async () => {
  const wrong = Array.from({ length: 9 }, () => ({}) as never);
  const { details } = await refused(({ tasks }) => tasks.createMany({ sessionId: 'a', tasks: wrong }));
  expect(String(details.problem).split('; ').length).toBe(5);
});

test('an input that is none is named as a whole', async () => {
  const { code, details } = await refused(({ memory }) => memory.set(7 as never));
  expect([code, details.field]).toEqual(['INVALID_INPUT', 'input']);
});

test.each<[string, object]>([
  ['options.idempotencykey', { idempotencykey: 'k' }],
  ['options.idempotencyKey', { idempotencyKey: '' }],
  ['options.signal', { signal: 'now' }],
  ['options.durability', { durability: 'none' }],
  ['options.by', { by: 7 }],
  ['options.ownership.epoch', { ownership: { owner: 'a', epoch: -1 } }],
])('a wrong call option is named: %s', async (field, options) => {
  const error = await refused(({ memory }) => memory.set({ sessionId: 'a', key: 'k', value: 1 }, options));
  expect([error.code, error.details.field]).toEqual(['INVALID_INPUT', field]);
  expect(error.message).toContain(`${field}: `);
});

test.each([
  ['', '"" is not a valid id: sessionId: it must start with a letter or digit'],
  [' a', '" a" is not a valid id: sessionId: it must start with a letter or digit'],
])('an id that begins with nothing is quoted, and the rule said in words: "%s"', async (sessionId, text) => {
  const { code, message } = await refused(({ sessions }) => sessions.get({ sessionId }));
  expect([code, message.slice(0, text.length)]).toEqual(['INVALID_ID', text]);
});

test('a stream of events names the member of its query that has an unknown name', async () => {
  const { code, details } = await refused(({ events }) => events.stream({ sesionId: 'a' } as never).next());
  expect([code, details.field]).toEqual(['INVALID_INPUT', 'sesionId']);
});

test('a step of the lifecycle that is not lawful says what leads there', async () => {
  const { code, message } = await refused(async ({ sessions }) => {
    await sessions.create({ sessionId: 'a' });
    await sessions.delete({ sessionId: 'a' });
  });
  expect(code).toBe('INVALID_TRANSITION');
  expect(message).toBe(
    'The session a cannot go from active to deleted: end it with sessions.terminate first',
  );
});
