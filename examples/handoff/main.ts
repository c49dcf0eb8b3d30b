// A customer is handed from a concierge to a person at a desk: offered, accepted in one append, given the package once. Whoever had the
// session before is refused from then on, an offer that nobody takes comes back, and the process may die at any point of it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentContext, createSystem, HoldfastError } from 'holdfast';

/** The tool `transfer_to_human_agents` of the concierge: the session is offered to whichever session of the agent `human` takes it. */
async function concierge({ session }: AgentContext): Promise<string> {
  const { handoffId } = await session.handoffs.offer({
    to: { agent: 'human' },
    kind: 'full_handoff',
    key: 'transfer_to_human_agents',
    reason: 'the customer asked for a person',
    summary: 'Wants the refund of booking X1, the fare allows none.',
    nextActions: ['decide on the refund'],
    preservedState: { booking: 'X1' },
  });
  return handoffId;
}

const location = await mkdtemp(join(tmpdir(), 'holdfast-'));
const agents = { concierge };
try {
  const first = await createSystem({ location, agents });
  const customer = { sessionId: 'customer' };
  const desk = { sessionId: 'desk' };
  await first.client.sessions.create({ ...customer, agent: 'concierge' });
  await first.client.sessions.create({ ...desk, agent: 'human' });
  await first.client.messages.send({ ...customer, role: 'user', content: 'A person, please' });
  const { runId } = await first.client.agents.start({ ...customer, agent: 'concierge' });
  await first.client.agents.wait({ ...customer, runId });
  await first.close();

  // Another process; the offer stands, until its deadline.
  await using second = await createSystem({ location, agents });
  const { handoffs, messages, memory, sessions } = second.client;
  const [offered] = await handoffs.inbox(desk);
  assert.equal(offered?.package?.summary, 'Wants the refund of booking X1, the fare allows none.');
  const { handoffId, digest } = offered;
  const accepted = await handoffs.accept({ ...desk, handoffId, digest });
  assert.deepEqual([accepted.owner, accepted.ownershipEpoch, accepted.delivered], ['desk', 1, true]);

  // The desk was told once, with where it comes from; the session that was handed over has ended.
  const { items } = await messages.list(desk);
  assert.equal(items.length, 1);
  const [told] = items;
  assert.equal(told?.role, 'system');
  assert.deepEqual((told.metadata as { preservedState: unknown }).preservedState, { booking: 'X1' });
  assert.equal((await sessions.get(customer)).status, 'terminated');
  await handoffs.complete({ ...desk, handoffId, result: { refunded: 120 } });

  // Where the session goes on, the epoch keeps the owner before out of it.
  await sessions.create({ sessionId: 'booking' });
  const asked = await handoffs.offer({ sessionId: 'booking', to: desk, kind: 'context_transfer' });
  const { ownershipEpoch: epoch } = await handoffs.accept({ ...desk, handoffId: asked.handoffId });
  const note = { sessionId: 'booking', key: 'seat', value: '12A' };
  await memory.set(note, { ownership: { owner: 'desk', epoch } });
  const late = memory.set(note, { ownership: { owner: 'booking', epoch: 0 } });
  await assert.rejects(late, (error) => HoldfastError.is(error, 'OWNERSHIP_LOST'));

  const { state, sessions: through } = await handoffs.chain({ handoffId });
  const [route] = await handoffs.metrics({ from: 'concierge' });
  assert.deepEqual([state, through, route?.successRate], ['completed', ['customer', 'desk'], 1]);
  console.log(`${through.join(' → ')}: ${state}, ${route?.contextBytes.total} bytes of context`);
} finally {
  await rm(location, { recursive: true });
}
