// What the system itself does in a session that has an owner, and what others may ask of one, where several parts meet.
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/test-system.ts';

test('an agent that summarises is started for whoever owns the session', async () => {
  await using system = await createTestSystem({
    agents: { teller: async () => 'in short' },
    summarisers: { told: { agent: 'teller' } },
  });
  const { sessions, handoffs } = system.client;
  const session = { sessionId: 'customer' };
  const desk = { sessionId: 'desk' };
  for (const one of [session, desk]) await sessions.create(one);
  const { handoffId } = await handoffs.offer({ ...session, to: desk, kind: 'context_transfer' });
  await handoffs.accept({ ...desk, handoffId });
  const made = await sessions.summary({ ...session, summariser: 'told' });
  expect(made).toMatchObject({ summary: 'in short', by: 'told', degraded: null });
});

test('a version of a fork before it was one is merged as any other: it brings nothing', async () => {
  await using system = await createTestSystem();
  const { sessions } = system.client;
  await sessions.create({ sessionId: 'main' });
  await sessions.fork({ sessionId: 'main', newSessionId: 'branch' });
  const nothing = { messages: 0, files: 0, context: 0, removed: 0 };
  const merged = await sessions.merge({ sessionId: 'main', fromSessionId: 'branch', at: 2 });
  expect(merged).toMatchObject({ version: 2, merged: nothing, tasks: 0 });
});

test('a fork is nobody’s, and stands in no tree', async () => {
  await using system = await createTestSystem();
  const { sessions, handoffs, trees, messages } = system.client;
  await sessions.create({ sessionId: 'desk' });
  await sessions.create({ sessionId: 'top' });
  await trees.open({ sessionId: 'top', childId: 'child', link: 'terminate', treeBudget: { tokens: 100 } });
  const child = { sessionId: 'child' };
  const { handoffId } = await handoffs.offer({
    ...child,
    to: { sessionId: 'desk' },
    kind: 'context_transfer',
  });
  await handoffs.accept({ sessionId: 'desk', handoffId });
  await sessions.fork({ ...child, newSessionId: 'branch' });
  const branch = { sessionId: 'branch' };
  expect(await handoffs.ownership(branch)).toMatchObject({ owner: null, ownershipEpoch: 0 });
  await messages.send({ ...branch, role: 'assistant', content: 'of its own' });
  expect(await trees.get(branch)).toMatchObject({ rootSessionId: 'branch', link: null, budget: null });
  expect((await trees.get({ sessionId: 'top' })).children).toHaveLength(1);
  await trees.open({ ...branch, childId: 'leaf' });
  expect(await trees.get({ sessionId: 'leaf' })).toMatchObject({ rootSessionId: 'branch' });
});
