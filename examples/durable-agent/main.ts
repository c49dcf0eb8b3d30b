// An agent of several steps whose process goes in the middle: the next one goes on behind the last step that was finished, waits for
// an approval that was given while nobody ran it, and pays once.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentContext, type AgentDefinitions, createSystem, type System } from 'holdfast';

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
const did: string[] = [];

const agents: AgentDefinitions = {
  async refund({ input, step, waitFor, child }: AgentContext<{ order: number }>) {
    const order = await step('load', () => {
      did.push('load');
      return { id: input.order, amount: 30 };
    });
    const [risk, limit] = await Promise.all([
      child<string>('check', 'fraud-check', order),
      step('limit', () => {
        did.push('limit');
        return 50;
      }),
    ]);
    const approval = await waitFor<{ by: string }>('approval', { deadlineMs: 86_400_000 });
    const paid = await step(
      'pay',
      ({ idempotencyKey }) => {
        did.push('pay');
        return `paid under ${idempotencyKey.split('/').at(-1)}`;
      },
      { effect: true },
    );
    return { risk, within: order.amount <= limit, approvedBy: approval.by, paid };
  },
  'fraud-check': ({ step }: AgentContext) =>
    step('ask the model', () => {
      did.push('check');
      return 'low';
    }),
};

const open = (known: AgentDefinitions): Promise<System> => createSystem({ location, agents: known });

try {
  const first = await open(agents);
  const { sessionId } = await first.client.sessions.create({ name: 'refunds' });
  const { runId } = await first.client.agents.start({ sessionId, agent: 'refund', input: { order: 7 } });
  while ((await first.client.agents.waits({ sessionId })).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await first.close();
  assert.deepEqual([...did].sort(), ['check', 'limit', 'load']);

  // A process that knows no agents takes the approval: it is kept until somebody runs the agent.
  const desk = await open({});
  const approval = { sessionId, runId, name: 'approval', payload: { by: 'ann' } };
  await desk.client.agents.signal(approval, { idempotencyKey: 'approval', by: 'ann' });
  await desk.close();

  const second = await open(agents);
  const { status, result, incarnation } = await second.client.agents.wait({ sessionId, runId });
  assert.equal(status, 'completed');
  assert.deepEqual(result, { risk: 'low', within: true, approvedBy: 'ann', paid: 'paid under pay' });
  assert.deepEqual([...did].sort(), ['check', 'limit', 'load', 'pay']);
  console.log(
    `${did.length} steps, each done once, over ${incarnation} incarnations: ${JSON.stringify(result)}`,
  );
  await second.close();
} finally {
  await rm(location, { recursive: true });
}
