// What is spent below a session is counted there once: also where a child ends with what is still on its way, and where it has moved.
import { expect, test } from 'vitest';
import type { AgentContext } from '../../src/session/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const agents = {
  async spender({ report, waitFor }: AgentContext) {
    await report({ tokens: 5, cost: 1 });
    await waitFor('go');
    await report({ tokens: 2, cost: 1 });
  },
};

const totalOf = async ({ client }: TestSystem, sessionId: string) =>
  (await client.trees.get({ sessionId })).usage.total;

async function settled(test: TestSystem): Promise<void> {
  for (let i = 0; i < 8; i++) {
    await quiet(10);
    await test.clock.advance(20);
  }
}

async function family(test: TestSystem): Promise<string> {
  const { client } = test;
  await client.sessions.create({ sessionId: 'top' });
  await client.trees.open({ sessionId: 'top', childId: 'mid', link: 'return' });
  await client.trees.open({ sessionId: 'mid', childId: 'low', link: 'return' });
  await settled(test);
  return (await client.agents.start({ sessionId: 'low', agent: 'spender' })).runId;
}

test('a child that ends as soon as it has reported is not counted twice', async () => {
  await using test = await createTestSystem({ agents });
  await family(test);
  await test.client.sessions.terminate({ sessionId: 'low' });
  const { usage } = await test.client.trees.wait({ sessionId: 'mid', childId: 'low' });
  await settled(test);
  expect(await Promise.all(['low', 'mid', 'top'].map((id) => totalOf(test, id)))).toEqual([
    usage,
    usage,
    usage,
  ]);
  expect(usage).toEqual({ tokens: 5, cost: 1 });
});

test('what a session had spent before it moved stays where it was counted, and nothing is counted again when it ends', async () => {
  await using test = await createTestSystem({ agents });
  const runId = await family(test);
  await settled(test);
  await test.client.sessions.terminate({ sessionId: 'mid' });
  await settled(test);
  expect(await test.client.trees.get({ sessionId: 'low' })).toMatchObject({ parentSessionId: 'top' });
  await test.client.agents.signal({ sessionId: 'low', runId, name: 'go' });
  await settled(test);
  await test.client.sessions.terminate({ sessionId: 'low' });
  await settled(test);
  expect(await totalOf(test, 'low')).toEqual({ tokens: 7, cost: 2 });
  expect(await totalOf(test, 'top')).toEqual({ tokens: 7, cost: 2 });
  const { children } = await test.client.trees.get({ sessionId: 'top' });
  expect(children.map(({ sessionId, usage }) => [sessionId, usage.tokens])).toEqual([
    ['mid', 5],
    ['low', 2],
  ]);
});
