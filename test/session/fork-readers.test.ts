// What is told of a fork without waking it, its context, summary and tools, reads the past of its ancestors; and an id that is free
// again is told nothing of whoever had it before.
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';

const parent = { sessionId: 'parent' };
const fork = { sessionId: 'fork' };

const callTool = (client: Client, sessionId: string, name: string) =>
  client.messages.send({ sessionId, role: 'assistant', content: name, toolCalls: [{ name }] });

async function end(client: Client, sessionId: string): Promise<void> {
  await client.sessions.terminate({ sessionId, reason: 'done' });
  await client.sessions.delete({ sessionId });
}

const toolsOf = async (client: Client, sessionId: string): Promise<unknown[]> =>
  (await client.tools.usage({ sessionId })).map(({ tool }) => tool);

test('context, summary and tools of a fork reach into the time before it, and do without what is gone', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  const { sessions, tools } = client;
  await sessions.create(parent);
  await callTool(client, parent.sessionId, 'search');
  await sessions.fork({ ...parent, newSessionId: fork.sessionId });
  await callTool(client, fork.sessionId, 'book');

  const { items, summary } = await sessions.context(fork);
  expect(items.map((item) => item.type === 'message' && item.message.content)).toEqual(['search', 'book']);
  expect(summary).toMatchObject({ counts: { messages: 2, toolCalls: 2 } });
  expect(await toolsOf(client, fork.sessionId)).toEqual(['book', 'search']);
  const ranked = await tools.rank({ ...fork, tools: [{ name: 'search' }], query: 'x' });
  expect(ranked).toHaveLength(1);

  await end(client, parent.sessionId);
  await callTool(client, fork.sessionId, 'pay');
  expect(await toolsOf(client, fork.sessionId)).toEqual(['book', 'pay']);
  expect(await sessions.summary(fork)).toMatchObject({ counts: { toolCalls: 2 } });
  const erased = { code: 'HISTORY_ERASED' };
  await expect(sessions.context(fork)).rejects.toMatchObject(erased);
});

test('tools of a session that is deleted are not told of the next one under its id', async () => {
  await using system = await createTestSystem();
  const { client } = system;
  const light = { sessionId: 'light', durability: 'none' } as const;
  for (const tool of ['one', 'two']) {
    await client.sessions.create(light);
    await callTool(client, light.sessionId, tool);
    expect(await toolsOf(client, light.sessionId)).toEqual([tool]);
    await end(client, light.sessionId);
  }
});
