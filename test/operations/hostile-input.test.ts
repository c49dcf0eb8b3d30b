// Whatever comes in that is wrong is refused with its own code, before anything is decided: nothing of it is journaled.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, errorOf } from '../support/outcome.ts';

type Call = (client: Client) => Promise<unknown>;

const sessionId = 's';
const message = { sessionId, role: 'user', content: 'hello' };

/** What no type would let through, as it comes from programs without types. */
const wild = <T>(value: unknown): T => value as T;

const send =
  (change: object): Call =>
  (client) =>
    client.messages.send(wild({ ...message, ...change }));
const create =
  (input: unknown): Call =>
  (client) =>
    client.sessions.create(wild(input));
const set =
  (value: unknown): Call =>
  (client) =>
    client.memory.set(wild({ sessionId, key: 'k', value }));
const publish =
  (type: unknown, data: unknown = {}): Call =>
  (client) =>
    client.events.publish(wild({ sessionId, type, data }));

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { in: value };
  return value;
}

function cyclic(): object {
  const value: Record<string, unknown> = {};
  value.self = value;
  return value;
}

/** A value that is small in memory, and larger than anything once it is written out. */
function explosive(): unknown {
  let value: unknown = ['x'];
  for (let i = 0; i < 60; i++) value = [value, value];
  return value;
}

const throwing = {
  get k(): never {
    throw new TypeError('a getter');
  },
};

const trap = new Proxy(
  {},
  {
    get: () => {
      throw new TypeError('a trap');
    },
    ownKeys: () => {
      throw new TypeError('a trap');
    },
    getPrototypeOf: () => {
      throw new TypeError('a trap');
    },
  },
);

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

const shape: [string, Call][] = [
  ['no input', (client) => client.messages.send(wild(undefined))],
  ['a text as input', (client) => client.messages.send(wild('hello'))],
  ['a list as input', (client) => client.messages.send(wild([message]))],
  ['a missing field', (client) => client.messages.send(wild({ sessionId, role: 'user' }))],
  ['a field too many', send({ admin: true })],
  [
    'a field with the name of a prototype',
    (client) =>
      client.messages.send(
        wild(JSON.parse('{"sessionId":"s","role":"user","content":"x","__proto__":{"a":1}}')),
      ),
  ],
  ['a constructor', send({ constructor: {} })],
  ['a number as content', send({ content: 5 })],
  ['an object as content', send({ content: { text: 'x' } })],
  ['no content at all', send({ content: undefined })],
  ['a text as tool calls', send({ toolCalls: 'x' })],
  ['an empty tool call id', send({ toolCallId: '' })],
  ['a text as pin', send({ pinned: 'yes' })],
  ['a negative duration', send({ processingMs: -1 })],
  ['NaN as a duration', send({ processingMs: Number.NaN })],
  ['an endless duration', send({ processingMs: Number.POSITIVE_INFINITY })],
  ['a name that is too long', create({ name: 'n'.repeat(201) })],
  ['a text as metadata', create({ metadata: 'x' })],
  ['a list as metadata', create({ metadata: [] })],
  ['a number out of range', create({ config: { maxFiles: 0 } })],
  ['a number that does not exist', create({ config: { maxFolders: 1 } })],
  ['half a message at hand', create({ config: { messageWindow: 1.5 } })],
  ['a limit of none', (client) => client.messages.list({ sessionId, limit: 0 })],
  ['a limit of too many', (client) => client.messages.list({ sessionId, limit: 1_001 })],
  ['a status that does not exist', (client) => client.sessions.list(wild({ status: ['zombie'] }))],
  ['an order that does not exist', (client) => client.sessions.list(wild({ sort: '__proto__' }))],
  [
    'a section that does not exist',
    (client) => client.sessions.buildContext(wild({ sessionId, include: ['x'] })),
  ],
  ['an empty key', (client) => client.memory.set({ sessionId, key: '', value: 1 })],
  ['a key that is too long', (client) => client.memory.set({ sessionId, key: 'k'.repeat(513), value: 1 })],
  ['an empty reason', (client) => client.sessions.pause({ sessionId, reason: '' })],
  ['a seq of nothing', (client) => client.messages.get({ sessionId, seq: 0 })],
  [
    'a getter that throws',
    (client) =>
      client.messages.send({
        sessionId,
        role: 'user',
        get content(): string {
          throw new TypeError('a getter');
        },
      }),
  ],
  ['a proxy that throws', (client) => client.messages.send(wild(trap))],
  ['a proxy that was revoked', (client) => client.messages.send(wild(revoked))],
];

const ids: [string, Call][] = [
  '',
  ' ',
  '.',
  '..',
  '../etc',
  'a/b',
  'a\\b',
  'a!b',
  'a:b',
  'a b',
  'a\u0000b',
  'a\n',
  '-a',
  '_a',
  '__proto__',
  'é',
  '\ud800',
  'a'.repeat(65),
  5,
  null,
  ['s'],
  { toString: 's' },
].flatMap((id): [string, Call][] => [
  [`${JSON.stringify(id)} to create`, create({ sessionId: id })],
  [`${JSON.stringify(id)} to read`, (client) => client.sessions.get(wild({ sessionId: id }))],
  [`${JSON.stringify(id)} as a parent`, create({ parentSessionId: id })],
]);

const roles: [string, Call][] = ['', 'User', 'admin', 'constructor', '__proto__', 5, null, ['user'], {}].map(
  (role) => [JSON.stringify(role), send({ role })],
);

const notJson: [string, Call][] = [
  ['a cycle', set(cyclic())],
  ['a cycle in an event', publish('tool.called', { tool: 't', toolCallId: 'c', parameters: cyclic() })],
  ['undefined in a list', set([undefined])],
  ['nothing at all', set(undefined)],
  ['NaN', set(Number.NaN)],
  ['Infinity', set(Number.POSITIVE_INFINITY)],
  ['a bigint', set(5n)],
  ['a symbol', set(Symbol('s'))],
  ['a function', set(() => 1)],
  ['a Date', set(new Date(0))],
  ['a Map', set(new Map())],
  ['a class instance', set(new (class Thing {})())],
  ['a hole', set(new Array(3))],
  ['a getter that throws', set(throwing)],
  ['a proxy that throws', set(trap)],
  ['a proxy that was revoked', set(revoked)],
  ['a Date deep within', create({ metadata: { a: [{ b: new Date(0) }] } })],
  ['a promise', send({ toolCalls: [Promise.resolve(1)] })],
];

const tooDeep: [string, Call][] = [
  ['65 levels', set(nested(65))],
  ['65 levels of metadata', create({ metadata: { in: nested(64) } })],
  ['65 levels of a tool call', send({ toolCalls: [nested(64)] })],
];

const mebibyte = 1024 * 1024;
const tooLarge: [string, Call][] = [
  ['a text of 1 MiB and a byte', send({ content: 'x'.repeat(mebibyte + 1) })],
  ['fewer characters, but more bytes', send({ content: 'é'.repeat(mebibyte / 2) })],
  ['characters that become six bytes each', send({ content: '\u0001'.repeat(mebibyte / 6) })],
  ['many small texts', set(Array.from({ length: 1_100 }, () => 'x'.repeat(1_000)))],
  ['a long name deep within', set({ ['n'.repeat(mebibyte)]: 1 })],
  ['a list without end', set(Array.from({ length: 2_000_000 }, () => 0))],
  ['a value that refers to the same part again and again', set(explosive())],
];

const eventTypes: [string, Call][] = [
  'xstate.stop',
  'xstate.error.actor.context',
  'xstate.init',
  '*',
  '',
  '__proto__',
  'constructor',
  'toString',
  'message.sent',
  'session.statusChanged',
].map((type) => [type, publish(type)]);

const eventFields: [string, string, Call][] = [
  ['a field that is missing', 'MISSING_EVENT_FIELD', publish('tool.called', { tool: 't' })],
  ['a required field from the prototype', 'MISSING_EVENT_FIELD', publish('llm.responded', {})],
  ['a field of the wrong type', 'INVALID_EVENT_FIELD', publish('llm.responded', { content: 5 })],
  [
    'a field that the type does not have',
    'INVALID_EVENT_FIELD',
    publish('llm.responded', { content: 'x', y: 1 }),
  ],
  [
    'a field named constructor',
    'INVALID_EVENT_FIELD',
    publish('llm.responded', { content: 'x', constructor: 1 }),
  ],
  [
    'a transient event with a wrong field',
    'INVALID_EVENT_FIELD',
    publish('llm.chunkStreamed', { content: 1 }),
  ],
];

const cursors: [string, Call][] = ['x', '-1', '1e3', '{}', '00000000000000000', 'W10'].flatMap(
  (cursor): [string, Call][] => [
    [`${cursor} of messages`, (client) => client.messages.list({ sessionId, cursor })],
    [`${cursor} of events`, (client) => client.events.list({ sessionId, cursor })],
    [`${cursor} of entries`, (client) => client.sessions.entries({ sessionId, cursor })],
    [`${cursor} of sessions`, (client) => client.sessions.list({ cursor })],
  ],
);

const keys: [string, Call][] = ['', 'k'.repeat(256), '\ud800', 5, {}, null].map((idempotencyKey) => [
  JSON.stringify(idempotencyKey),
  (client) => client.messages.send(wild(message), wild({ idempotencyKey })),
]);

let system: TestSystem;
let before: { writes: number; events: string[] };

const everything = async (): Promise<{ writes: number; events: string[] }> => ({
  writes: system.disk.writes,
  events: await system.disk.data.keys().all(),
});

beforeAll(async () => {
  system = await createTestSystem();
  await system.client.sessions.create({ sessionId });
});
afterAll(() => system.close());
beforeEach(async () => {
  before = await everything();
});

async function refused(call: Call, code: string): Promise<void> {
  const error = await errorOf((async () => call(system.client))());
  expect(error.code).toBe(code);
  expect(JSON.stringify(error)).toContain(code);
  expect(await everything()).toEqual(before);
}

describe('a wrong shape is INVALID_INPUT', () => {
  test.each(shape)('%s', (_, call) => refused(call, 'INVALID_INPUT'));
});
describe('a wrong id is INVALID_ID', () => {
  test.each(ids)('%s', (_, call) => refused(call, 'INVALID_ID'));
});
describe('an id of a wrong type is told by its type', () => {
  const id = wild<string>({});
  test.each<[string, Call]>([
    ['of a session', (client) => client.sessions.get({ sessionId: id })],
    ['of a parent', (client) => client.sessions.create({ parentSessionId: id })],
    ['of a session that is listened to', (client) => client.events.subscribe(id, () => {})],
    ['of a session whose events are read', (client) => client.events.stream({ sessionId: id }).next()],
    [
      'of a space that is listened to',
      (client) => client.spaces.subscribe({ spaceId: id, sessionId }, () => {}),
    ],
  ])('%s', async (_, call) => {
    const error = await errorOf((async () => call(system.client))());
    expect(String(error)).toContain('an object is not a valid id');
  });
});
describe('a wrong role is INVALID_ROLE', () => {
  test.each(roles)('%s', (_, call) => refused(call, 'INVALID_ROLE'));
});
describe('what JSON cannot hold is NOT_JSON', () => {
  test.each(notJson)('%s', (_, call) => refused(call, 'NOT_JSON'));
});
describe('what is nested too deep is TOO_DEEP', () => {
  test.each(tooDeep)('%s', (_, call) => refused(call, 'TOO_DEEP'));
});
describe('what is too large is TOO_LARGE', () => {
  test.each(tooLarge)('%s', (_, call) => refused(call, 'TOO_LARGE'));
});
describe('an event type that nobody may publish is UNKNOWN_EVENT_TYPE', () => {
  test.each(eventTypes)('%s', (_, call) => refused(call, 'UNKNOWN_EVENT_TYPE'));
});
describe('a wrong field of an event has its own code', () => {
  test.each(eventFields)('%s', (_, code, call) => refused(call, code));
});
describe('a cursor that nobody handed out is INVALID_CURSOR', () => {
  test.each(cursors)('%s', (_, call) => refused(call, 'INVALID_CURSOR'));
});
describe('a wrong idempotency key is INVALID_INPUT', () => {
  test.each(keys)('%s', (_, call) => refused(call, 'INVALID_INPUT'));
  test('one for a read', () =>
    refused((client) => client.sessions.get({ sessionId }, { idempotencyKey: 'k' }), 'INVALID_INPUT'));
});

describe('what is just allowed', () => {
  test.each<[string, Call]>([
    ['64 levels', set(nested(64))],
    ['a text of nearly 1 MiB', send({ content: 'x'.repeat(mebibyte - 100) })],
    [
      'an empty text, and null',
      async (client) => {
        await send({ content: '' })(client);
        await send({ content: null })(client);
      },
    ],
    ['names that objects have', set(JSON.parse('{"__proto__":{"a":1},"constructor":2,"toString":3}'))],
    ['members that are undefined', set({ a: undefined })],
    ['an object without a prototype', set(Object.assign(Object.create(null), { a: 1 }))],
    ['the id constructor', create({ sessionId: 'constructor' })],
    ['half a character within a text', send({ content: 'a\ud800b' })],
  ])('%s', async (_, call) => {
    expect(await codeOf((async () => call(system.client))())).toBe('answered');
  });

  test('is kept as it was', async () => {
    const value = JSON.parse('{"__proto__":{"a":1},"constructor":2,"list":[null,"",0,-0,1e-7]}');
    await system.client.memory.set({ sessionId, key: 'odd', value });
    const kept = await system.client.memory.get({ sessionId, key: 'odd' });
    expect(JSON.stringify(kept.value)).toBe(JSON.stringify(value));
    expect(Object.getPrototypeOf(kept.value)).toBe(Object.prototype);
  });

  test('is not changed by who sent it, nor by who reads it', async () => {
    const value = { list: [1] };
    const sending = system.client.memory.set({ sessionId, key: 'mine', value });
    value.list.push(2);
    await sending;
    const { value: kept } = await system.client.memory.get({ sessionId, key: 'mine' });
    expect(kept).toEqual({ list: [1] });
    expect(() => wild<{ list: number[] }>(kept).list.push(3)).toThrow(TypeError);
  });
});
