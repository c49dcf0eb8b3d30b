// What is not an option, a query or a listener is refused before anything happens: a misspelt key would protect nothing.
import { describe, expect, test } from 'vitest';
import type { CallOptions, StreamQuery } from '../../src/client/index.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

const message = { sessionId: 'a', role: 'user', content: 'hello' } as const;

describe('a client', () => {
  test.each([
    ['a misspelt name', { idempotency_key: 'k' }],
    ['null', null],
    ['a text', 'k'],
    ['a signal that is none', { signal: { throwIfAborted() {} } }],
  ])('refuses %s as options, and sends nothing', async (_, options) => {
    await using test = await createTestSystem();
    await test.client.sessions.create({ sessionId: 'a' });
    expect(await codeOf(test.client.messages.send(message, options as CallOptions))).toBe('INVALID_INPUT');
    expect((await test.client.messages.list({ sessionId: 'a' })).items).toEqual([]);
  });

  test.each([
    ['null', null, 'INVALID_INPUT'],
    ['a misspelt name', { sessionID: 'a' }, 'INVALID_INPUT'],
    ['types that are no list', { types: 'message.sent' }, 'INVALID_INPUT'],
    ['a number as cursor', { after: 5 }, 'INVALID_INPUT'],
    ['an id that is none', { sessionId: '../a' }, 'INVALID_ID'],
    ['null as id', { sessionId: null }, 'INVALID_ID'],
  ])('refuses a stream with %s', async (_, query, code) => {
    await using test = await createTestSystem();
    const stream = test.client.events.stream(query as StreamQuery);
    expect(await codeOf(stream.next())).toBe(code);
  });

  test('does not take null for all sessions, nor anything but a function for a listener', async () => {
    await using test = await createTestSystem();
    const { events } = test.client;
    expect(await codeOf(events.subscribe(null as unknown as string, () => {}))).toBe('INVALID_ID');
    await expect(events.subscribe('a', {} as () => void)).rejects.toThrow(TypeError);
  });

  test('hears nothing any more once it was closed, whatever it subscribes to', async () => {
    await using test = await createTestSystem();
    const other = test.system.connect();
    await other.close();
    const heard: string[] = [];
    await other.events.subscribeAll(({ type }) => heard.push(type));
    await test.client.sessions.create({});
    expect(heard).toEqual([]);
  });

  test('needs no input where nothing is asked for', async () => {
    await using test = await createTestSystem();
    expect((await test.client.sessions.list()).items).toEqual([]);
    expect(await test.client.sessions.listSaved()).toEqual([]);
  });
});
