// A session that is brought in as its records has its past with it. What that meant for others it meant where it happened: here nobody is
// charged, opened, ended, offered or told anything for it.
import { expect, onTestFinished, test } from 'vitest';
import type { AgentContext } from '../../src/session/agents/agent-definitions.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/index.ts';
import { quiet } from '../support/outcome.ts';

const agents = {
  spender: ({ report }: AgentContext) => report({ tokens: 5, cost: 1 }),
};

async function place(...sessionIds: readonly string[]): Promise<TestSystem> {
  const system = await createTestSystem({ agents });
  onTestFinished(() => system.close());
  for (const sessionId of sessionIds) await system.client.sessions.create({ sessionId });
  return system;
}

async function settled({ clock }: TestSystem): Promise<void> {
  for (let i = 0; i < 8; i++) {
    await quiet(10);
    await clock.advance(20);
  }
}

async function taken({ client }: TestSystem, sessionId: string): Promise<string> {
  let text = '';
  for (let cursor: string | undefined; ; ) {
    const page = await client.sessions.export({ sessionId, ...(cursor !== undefined && { cursor }) });
    text += page.text;
    cursor = page.cursor;
    if (cursor === undefined) return text;
  }
}

test.each([
  ['stands here too', ['top', 'else']],
  ['is not here', ['else']],
])(
  'a child whose parent %s is in no tree, is not ended, and what it has spent is charged to nobody',
  async (_, ids) => {
    const here = await place('top');
    await here.client.trees.open({ sessionId: 'top', childId: 'low', link: 'terminate' });
    const { runId } = await here.client.agents.start({ sessionId: 'low', agent: 'spender' });
    await here.client.agents.wait({ sessionId: 'low', runId });
    const text = await taken(here, 'low');

    const there = await place(...ids);
    const { client } = there;
    // Trees are at work there already.
    for (const sessionId of ids) await client.trees.open({ sessionId, childId: `${sessionId}-child` });
    await client.sessions.import({ text });
    await settled(there);
    expect((await client.sessions.get({ sessionId: 'low' })).status).toBe('active');
    expect(await client.trees.get({ sessionId: 'low' })).toMatchObject({ usage: { total: { tokens: 0 } } });
    for (const sessionId of ids) {
      const { usage, children } = await client.trees.get({ sessionId });
      expect(usage.total).toEqual({ tokens: 0, cost: 0 });
      expect(children.map(({ sessionId: child }) => child)).toEqual([`${sessionId}-child`]);
    }
    await there.restart('kill');
    await settled(there);
    expect((await there.client.sessions.get({ sessionId: 'low' })).status).toBe('active');
  },
);

/** The records of a session whose handoff is accepted, and is on its way. */
async function acceptedThere(): Promise<{ readonly handoffId: string; readonly text: string }> {
  const here = await place('customer', 'desk');
  const { handoffs } = here.client;
  const offer = { sessionId: 'customer', to: { sessionId: 'desk' }, kind: 'full_handoff' } as const;
  const { handoffId } = await handoffs.offer(offer);
  const held = here.disk.holdWrites(2);
  const accepted = handoffs.accept({ sessionId: 'desk', handoffId });
  await held.arrived;
  await quiet(50);
  const found = await handoffs.get({ sessionId: 'customer', handoffId });
  const text = await taken(here, 'customer');
  held.release();
  await accepted;
  expect(found).toMatchObject({ status: 'accepted', deliveredAt: null });
  return { handoffId, text };
}

test('a handoff that was accepted elsewhere is delivered there, and comes back where its session is brought in', async () => {
  const { handoffId, text } = await acceptedThere();
  const there = await place('desk', 'x', 'y');
  await there.client.handoffs.offer({ sessionId: 'x', to: { sessionId: 'y' }, kind: 'collaboration' });
  await there.client.sessions.import({ text });
  for (const how of ['close', 'kill'] as const) {
    await settled(there);
    const { client } = there;
    expect((await client.messages.list({ sessionId: 'desk' })).items).toEqual([]);
    expect((await client.sessions.get({ sessionId: 'customer' })).status).toBe('active');
    expect(await client.handoffs.ownership({ sessionId: 'customer' })).toMatchObject({ owner: null });
    expect(await client.handoffs.get({ sessionId: 'customer', handoffId })).toMatchObject({
      ...{ status: 'returned', reason: 'imported' },
    });
    await there.restart(how);
  }
});
