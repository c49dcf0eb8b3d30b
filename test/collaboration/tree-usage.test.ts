// What is spent below a session is counted there once: also where a child ends with what is still on its way, and where it has moved.
import { expect, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { codeOf, errorOf, quiet } from '../support/outcome.ts';

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

test('a tree whose budget is used up takes nobody, and whoever is resumed without another budget is paused again', async () => {
  await using test = await createTestSystem({
    agents: { spend: async ({ report }: AgentContext) => void (await report({ tokens: 100 })) },
  });
  const { sessions, trees, agents: runs } = test.client;
  const status = async (sessionId: string) => (await sessions.get({ sessionId })).status;
  await sessions.create({ sessionId: 'top', treeBudget: { tokens: 100 } });
  const open = () => trees.open({ sessionId: 'top', childId: 'low' }, { idempotencyKey: 'k' });
  await open();
  await trees.open({ sessionId: 'low', childId: 'lower' });
  await runs.start({ sessionId: 'lower', agent: 'spend' });
  await settled(test);
  expect([await status('top'), await status('low'), await status('lower')]).toEqual(Array(3).fill('paused'));
  const opening = (sessionId: string) => trees.open({ sessionId, childId: 'c' });
  expect(await codeOf(opening('top'))).toBe('TREE_BUDGET_EXHAUSTED');
  expect((await errorOf(opening('lower'))).details).toEqual({
    ...{ sessionId: 'lower', tree: 'top', what: 'tokens', spent: 100, limit: 100 },
  });
  expect(await codeOf(sessions.get({ sessionId: 'c' }))).toBe('SESSION_NOT_FOUND');
  expect(await open()).toMatchObject({ sessionId: 'low', repeated: true });
  expect(await codeOf(runs.start({ sessionId: 'lower', agent: 'spend' }))).toBe('SESSION_NOT_ACTIVE');
  await sessions.resume({ sessionId: 'lower' });
  await settled(test);
  expect(await status('lower')).toBe('paused');
  await trees.setBudget({ sessionId: 'top', budget: { tokens: 1_000 } });
  await sessions.resume({ sessionId: 'lower' });
  await settled(test);
  expect(await status('lower')).toBe('active');
  expect(await codeOf(opening('lower'))).toBe('answered');
});
