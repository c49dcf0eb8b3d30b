// Summaries in a whole system: of now, cached by what they are made of, by the user's own summariser where it works, and by the
// default where it does not. Whole contexts come in pages; tools are ranked by what the session has used.
import { afterEach, describe, expect, test } from 'vitest';
import type { SummariserDefinition } from '../../src/session/handlers/summaries.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from '../../src/testing/test-system.ts';
import { codeOf, quiet, whileTimePasses } from '../support/outcome.ts';

const one = { sessionId: 's' };
let open: TestSystem | undefined;

async function started(options: TestSystemOptions = {}): Promise<TestSystem> {
  open = await createTestSystem({ passivateAfterMs: null, ...options });
  await open.client.sessions.create({ ...one, agent: 'desk' });
  return open;
}

afterEach(async () => {
  await open?.close();
  open = undefined;
});

const say = ({ client }: TestSystem, content: string, name?: string) =>
  client.messages.send({ ...one, role: 'user', content, ...(name !== undefined && { name }) });

describe('a summary', () => {
  test('is of now, and the same one as long as nothing has changed and it is young enough', async () => {
    const test = await started();
    const { sessions, tools: _, ...client } = test.client;
    await say(test, 'My flight was cancelled.', 'ann');
    await client.files.add({ ...one, path: 'a.md' });
    const first = await sessions.summary(one);
    expect(first).toMatchObject({
      ...{ summary: 'My flight was cancelled.', by: 'extractive', cached: false, degraded: null },
      ...{ counts: { messages: 1, files: 1, toolCalls: 0 }, participants: ['desk', 'user:ann'] },
    });
    expect(await sessions.summary(one)).toEqual({ ...first, cached: true });
    await test.clock.advance(1_000);
    expect(await sessions.summary({ ...one, maxAgeMs: 999 })).toMatchObject({ cached: false });
    expect(await sessions.summary({ ...one, fresh: true })).toMatchObject({ cached: false });
    const { seq } = await say(test, 'Never mind.');
    expect(await sessions.summary(one)).toMatchObject({
      ...{ cached: false, seq, summary: 'My flight was cancelled. Never mind.', counts: { messages: 2 } },
    });
  });

  test('is made by the summariser that is named, once for all who ask at the same time', async () => {
    let calls = 0;
    const test = await started({
      summarisers: {
        short: async ({ messages }) => {
          calls += 1;
          await quiet(1);
          return { summary: `${messages.length} said`, keyPoints: ['one'] };
        },
      },
    });
    await say(test, 'Hello');
    const asked = { ...one, summariser: 'short' };
    const answers = await Promise.all([1, 2, 3].map(() => test.client.sessions.summary(asked)));
    expect(answers.map(({ summary, by }) => [summary, by])).toEqual(Array(3).fill(['1 said', 'short']));
    expect(await test.client.sessions.summary(asked)).toMatchObject({ cached: true, keyPoints: ['one'] });
    expect(calls).toBe(1);
    expect(await codeOf(test.client.sessions.summary({ ...one, summariser: 'no' }))).toBe(
      'SUMMARISER_NOT_REGISTERED',
    );
  });

  const failing: Record<string, SummariserDefinition> = {
    throws: () => Promise.reject(new Error('no model')),
    lies: () => 7 as unknown as string,
    dies: { agent: 'broken' },
    hangs: { summarise: () => new Promise(() => {}), timeoutMs: 500 },
  };
  test.each([
    ['throws', null],
    ['lies', null],
    ['dies', null],
    ['hangs', 'OPERATION_TIMEOUT'],
  ])('of a summariser that %s is made by the default, which says so and is not kept', async (name, code) => {
    const broken = () => Promise.reject(new Error('no agent'));
    const test = await started({ summarisers: failing, agents: { broken } });
    await say(test, 'Hello there, desk.');
    const asked = { ...one, summariser: name };
    const summary = await whileTimePasses(test.clock, test.client.sessions.summary(asked));
    expect(summary).toMatchObject({
      ...{ by: 'extractive', summary: 'Hello there, desk.', cached: false },
      degraded: { summariser: name, code },
    });
    expect(test.telemetry.map((event) => event.name)).toContain('summary.degraded');
    expect(await whileTimePasses(test.clock, test.client.sessions.summary(asked))).toMatchObject({
      cached: false,
    });
  });

  test('can be made by an agent of the session, whose run is no part of what is summarised', async () => {
    const test = await started({
      agents: { writer: async ({ input }) => `${(input as { messages: unknown[] }).messages.length} read` },
      summarisers: { writer: { agent: 'writer' } },
    });
    await say(test, 'Hello');
    const asked = { ...one, summariser: 'writer' };
    expect(await test.client.sessions.summary(asked)).toMatchObject({ summary: '1 read', by: 'writer' });
    expect(await test.client.sessions.summary(asked)).toMatchObject({
      cached: true,
      participants: ['desk', 'user'],
    });
    await test.client.sessions.pause(one);
    await test.client.sessions.resume(one);
    await say(test, 'More');
    await test.client.sessions.pause(one);
    expect(await test.client.sessions.summary(asked)).toMatchObject({
      degraded: { summariser: 'writer', code: 'SESSION_NOT_ACTIVE' },
    });
  });

  test('holds nothing of a message that was erased', async () => {
    const test = await started();
    const { seq } = await say(test, 'My secret is blue.');
    expect((await test.client.sessions.summary(one)).summary).toContain('secret');
    await test.client.messages.erase({ ...one, seq });
    const after = await test.client.sessions.summary(one);
    expect(JSON.stringify(after)).not.toContain('secret');
  });
});

test('the whole context comes in pages with contents, in order, the first with a summary', async () => {
  const test = await started();
  const { client } = test;
  await say(test, 'Hello');
  await client.files.add({ ...one, path: 'a.md', metadata: { lines: 3 } });
  const call = { tool: 'search', toolCallId: 'c1', parameters: { q: 1 } };
  await client.events.publish({ ...one, type: 'tool.called', data: call });
  for (let i = 0; i < 20; i++) await say(test, `m${i}`);
  const { seq } = await say(test, 'gone');
  await client.messages.erase({ ...one, seq });
  const first = await client.sessions.context({ ...one, limit: 20 });
  expect(first).toMatchObject({ hasMore: true, summary: { counts: { messages: 22, toolCalls: 1 } } });
  expect(first.items.slice(0, 3)).toMatchObject([
    { type: 'message', message: { content: 'Hello', entry: 1 } },
    { type: 'file', path: 'a.md', metadata: { lines: 3 }, entry: 2 },
    { type: 'tool_call', ...call, entry: 3 },
  ]);
  const second = await client.sessions.context({ ...one, limit: 20, cursor: first.cursor });
  expect(second).not.toHaveProperty('summary');
  expect(second).toMatchObject({ hasMore: false });
  expect([first, second].map(({ items }) => items.length)).toEqual([20, 4]);
  expect(second.items.at(-1)).toMatchObject({ type: 'erased', seq });
  expect(await codeOf(client.sessions.context({ ...one, cursor: 'x' }))).toBe('INVALID_CURSOR');
});

test('a page of the whole context ends behind a mebibyte', async () => {
  const test = await started();
  for (let i = 0; i < 40; i++) await say(test, 'x'.repeat(100_000));
  const { items, hasMore, bytes } = await test.client.sessions.context({ ...one, limit: 1000 });
  expect(hasMore).toBe(true);
  expect(bytes).toBeGreaterThan(1_048_576);
  expect(items).toHaveLength(16);
});

test('tools are ranked by what the session is about and how they have served in it', async () => {
  const test = await started();
  const { client } = test;
  await say(test, 'I want to cancel my booking');
  const called = (tool: string, toolCallId: string, status: string) => [
    { type: 'tool.called', data: { tool, toolCallId, parameters: {} } },
    { type: 'tool.returned', data: { tool, toolCallId, status } },
  ];
  const events = [
    ...called('lookup', 'a', 'ok'),
    ...called('lookup', 'b', 'ok'),
    ...called('pay', 'c', 'error'),
  ];
  for (const event of events) await client.events.publish({ ...one, ...event });
  const toolCalls = [{ function: { name: 'pay' } }];
  await client.messages.send({ ...one, role: 'assistant', content: null, toolCalls });
  expect(await client.tools.usage(one)).toMatchObject([
    { tool: 'lookup', calls: 2, returned: 2, failures: 0 },
    { tool: 'pay', calls: 2, returned: 1, failures: 1 },
  ]);
  const tools = ['pay', 'lookup', 'idle'].map((name) => ({ name }));
  const names = async (input: object) =>
    (await client.tools.rank({ ...one, tools, ...input })).map(({ name }) => name);
  expect(await names({})).toEqual(['lookup', 'pay', 'idle']);
  expect(await names({ query: 'idle', limit: 1 })).toEqual(['idle']);
  expect(await names({ tools: [...tools, { name: 'cancel_booking' }], limit: 1 })).toEqual([
    'cancel_booking',
  ]);
});
