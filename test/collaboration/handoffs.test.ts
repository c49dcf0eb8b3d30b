// Handing over a session as its users see it: three kinds, every way to end, who may write afterwards, and what is counted.
import { describe, expect, onTestFinished, test } from 'vitest';
import { handoffKinds } from '../../src/domain/handoff/handoff.ts';
import { createTestSystem, type TestSystemOptions } from '../../src/testing/index.ts';

const minuteMs = 60_000;

async function world(options: TestSystemOptions = {}) {
  const running = await createTestSystem(options);
  onTestFinished(() => running.close());
  const { sessions, messages } = running.client;
  await sessions.create({ sessionId: 'customer', agent: 'concierge' });
  await sessions.create({ sessionId: 'desk', agent: 'human' });
  await messages.send({ sessionId: 'customer', role: 'user', content: 'I want a person' });
  return running;
}

const customer = { sessionId: 'customer' };
const desk = { sessionId: 'desk' };
const code = (expected: string) => ({ code: expected });

describe('an offer', () => {
  test('carries what was said of it, and what can be told of the session without a model', async () => {
    const { client } = await world();
    const { handoff, status, existing } = await client.handoffs.offer({
      ...customer,
      ...{ to: desk, kind: 'full_handoff', nextActions: ['refund'], resumePoint: 'after the search' },
    });
    expect([status, existing, handoff.from, handoff.to]).toEqual(['pending', false, 'concierge', 'human']);
    expect(handoff.package).toMatchObject({
      summary: 'customer: 1 messages at hand, the last by user: I want a person',
      keyPoints: ['It began with: I want a person'],
      ...{
        nextActions: ['refund'],
        resumePoint: 'after the search',
        participants: ['concierge', 'user:unnamed'],
      },
      context: { stream: 'session/customer', messages: 1 },
    });
    expect(handoff.chainHead).toHaveLength(43);
    expect(await client.handoffs.inbox(desk)).toEqual([handoff]);
    expect(await client.handoffs.inbox(customer)).toEqual([]);
  });

  test.each(['context_transfer', 'full_handoff'] as const)(
    'under its key is answered also once it was accepted, whoever the caller is by then: %s',
    async (kind) => {
      const { client } = await world();
      const asked = { ...customer, to: desk, kind, key: 'one' } as const;
      const { handoffId } = await client.handoffs.offer(asked, {
        ownership: { owner: 'customer', epoch: 0 },
      });
      await client.handoffs.accept({ ...desk, handoffId });
      const again = { handoffId, status: 'accepted', existing: true };
      expect(await client.handoffs.offer(asked)).toMatchObject(again);
      const before = { ownership: { owner: 'customer', epoch: 0 } };
      expect(await client.handoffs.offer(asked, before)).toMatchObject(again);
      expect(await client.handoffs.ownership(customer)).toMatchObject({ owner: 'desk', ownershipEpoch: 1 });
      await client.sessions.terminate(desk);
      expect(await client.handoffs.offer(asked)).toMatchObject({ handoffId, existing: true });
    },
  );

  test('under a key that was used before is the handoff that is there', async () => {
    const { client } = await world();
    const asked = { ...customer, to: desk, kind: 'context_transfer', key: 'one' } as const;
    const first = await client.handoffs.offer(asked);
    await client.handoffs.reject({ ...desk, handoffId: first.handoffId, reason: 'busy' });
    const second = await client.handoffs.offer(asked);
    expect(second).toMatchObject({ handoffId: first.handoffId, existing: true, status: 'rejected' });
  });

  test('is one at a time, to somebody else who is there, of a session that is journaled', async () => {
    const { client } = await world();
    const { offer } = client.handoffs;
    const asked = { ...customer, to: desk, kind: 'context_transfer' } as const;
    await client.sessions.create({ sessionId: 'light', durability: 'none' });
    await client.sessions.create({ sessionId: 'resting' });
    await client.sessions.pause({ sessionId: 'resting' });
    await expect(offer({ ...asked, sessionId: 'light' })).rejects.toMatchObject(code('NOT_JOURNALED'));
    await expect(offer({ ...asked, to: customer })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { field: 'to' },
    });
    const nobody = offer({ ...asked, to: { sessionId: 'nobody' } });
    await expect(nobody).rejects.toMatchObject(code('SESSION_NOT_FOUND'));
    const paused = offer({ ...asked, to: { sessionId: 'resting' } });
    await expect(paused).rejects.toMatchObject(code('SESSION_NOT_ACTIVE'));
    const unkept = offer({ ...asked, to: { sessionId: 'light' } });
    await expect(unkept).rejects.toMatchObject(code('NOT_JOURNALED'));
    await offer(asked);
    await expect(offer(asked)).rejects.toMatchObject(code('HANDOFF_PENDING'));
  });

  test.each(handoffKinds)(
    'of the kind %s is not accepted by a session that the process would take along',
    async (kind) => {
      const running = await world();
      const { client } = running;
      const light = { sessionId: 'light' };
      await client.sessions.create({ ...light, agent: 'human', durability: 'none' });
      const { handoffId } = await client.handoffs.offer({ ...customer, to: { agent: 'human' }, kind });
      const refused = { code: 'NOT_JOURNALED', details: light };
      await expect(client.handoffs.accept({ ...light, handoffId })).rejects.toMatchObject(refused);
      await running.restart('kill');
      expect((await running.client.handoffs.inbox(desk))[0]?.package).not.toBeNull();
      await running.client.handoffs.accept({ ...desk, handoffId });
      expect((await running.client.messages.list(desk)).items).toHaveLength(1);
    },
  );

  test('to an agent is for whichever session of that agent answers first, and for nobody else', async () => {
    const { client } = await world();
    await client.sessions.create({ sessionId: 'desk-2', agent: 'human' });
    const asked = { ...customer, to: { agent: 'human' }, kind: 'context_transfer' } as const;
    const { handoffId } = await client.handoffs.offer(asked);
    await client.sessions.create({ sessionId: 'stranger' });
    const stranger = { sessionId: 'stranger', handoffId };
    await expect(client.handoffs.accept(stranger)).rejects.toMatchObject(code('HANDOFF_NOT_ADDRESSED'));
    await expect(client.handoffs.get(stranger)).rejects.toMatchObject(code('HANDOFF_NOT_FOUND'));
    expect(await client.handoffs.inbox({ sessionId: 'desk-2' })).toHaveLength(1);
    await client.handoffs.accept({ sessionId: 'desk-2', handoffId });
    const late = client.handoffs.accept({ ...desk, handoffId });
    await expect(late).rejects.toMatchObject({ ...code('HANDOFF_SETTLED'), details: { status: 'accepted' } });
  });
});

describe('accepting', () => {
  test('gives the target the package once, and the session its owner', async () => {
    const { client } = await world();
    const { handoffId } = await client.handoffs.offer({
      ...{ ...customer, to: desk, kind: 'context_transfer' },
      ...{ summary: 'Wants a refund', instructions: 'Be kind', preservedState: { booking: 'X1' } },
    });
    const accepted = await client.handoffs.accept({ ...desk, handoffId });
    expect(accepted).toMatchObject({ status: 'accepted', owner: 'desk', ownershipEpoch: 1, delivered: true });
    expect(await client.handoffs.accept({ ...desk, handoffId })).toMatchObject({ owner: 'desk' });
    const { items } = await client.messages.list(desk);
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      role: 'system',
      content:
        'Handed over by concierge to human (context_transfer).\nWants a refund\nKey points:\n- It began with: I want a person\nInstructions: Be kind',
      metadata: { handoff: { handoffId, kind: 'context_transfer' }, preservedState: { booking: 'X1' } },
    });
    expect(await client.sessions.get(customer)).toMatchObject({ status: 'active' });
  });

  test('a full handoff ends the session that was handed over', async () => {
    const { client } = await world();
    const { handoffId } = await client.handoffs.offer({ ...customer, to: desk, kind: 'full_handoff' });
    await client.handoffs.accept({ ...desk, handoffId });
    expect(await client.sessions.get(customer)).toMatchObject({ status: 'terminated', reason: 'handedOver' });
    const done = await client.handoffs.complete({ ...desk, handoffId, result: { refunded: 20 } });
    expect(done).toMatchObject({ status: 'completed', outcome: 'success' });
  });

  test('stops the agents of the owner before, whose handles are worth nothing from then on', async () => {
    const { client } = await world({
      agents: {
        concierge: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
      },
    });
    const { runId } = await client.agents.start({ ...customer, agent: 'concierge' });
    const { handoffId } = await client.handoffs.offer({ ...customer, to: desk, kind: 'context_transfer' });
    await client.handoffs.accept({ ...desk, handoffId });
    expect(await client.agents.get({ ...customer, runId })).toMatchObject({
      status: 'stopped',
      reason: 'handed over',
    });
  });

  test('is refused when the package is not what was seen, or the session not what was offered', async () => {
    const { client } = await world();
    const { handoffId, handoff } = await client.handoffs.offer({
      ...customer,
      to: desk,
      kind: 'full_handoff',
    });
    const other = client.handoffs.accept({ ...desk, handoffId, digest: 'another' });
    await expect(other).rejects.toMatchObject(code('HANDOFF_MISMATCH'));
    await client.messages.erase({ ...customer, seq: 3, reason: 'asked for' });
    const erased = client.handoffs.accept({ ...desk, handoffId, digest: handoff.digest });
    await expect(erased).rejects.toMatchObject({
      ...code('HANDOFF_MISMATCH'),
      message: expect.stringContaining('is not what it was'),
    });
  });
});

describe('who writes to a session that has an owner', () => {
  async function owned() {
    const running = await world();
    const { client } = running;
    const { handoffId } = await client.handoffs.offer({ ...customer, to: desk, kind: 'context_transfer' });
    const { owner, ownershipEpoch } = await client.handoffs.accept({ ...desk, handoffId });
    return { ...running, client, handoffId, ownership: { owner: owner ?? '', epoch: ownershipEpoch } };
  }
  const note = { ...customer, key: 'k', value: 1 };

  test('names the owner and its epoch; the owner before is refused', async () => {
    const { client, ownership } = await owned();
    await client.memory.set(note, { ownership });
    const before = client.memory.set(note, { ownership: { owner: 'customer', epoch: 0 } });
    await expect(before).rejects.toMatchObject({
      ...code('OWNERSHIP_LOST'),
      details: { owner: 'desk', ownershipEpoch: 1, epoch: 0 },
    });
    await expect(client.memory.set(note)).rejects.toMatchObject(code('OWNERSHIP_REQUIRED'));
    await expect(client.agents.start({ ...customer, agent: 'x' })).rejects.toMatchObject(
      code('AGENT_NOT_REGISTERED'),
    );
  });

  test('is anybody where it comes from outside, or looks after the session', async () => {
    const { client } = await owned();
    await client.messages.send({ ...customer, role: 'user', content: 'still here' });
    const reply = client.messages.send({ ...customer, role: 'assistant', content: 'me too' });
    await expect(reply).rejects.toMatchObject(code('OWNERSHIP_REQUIRED'));
    await client.sessions.pause(customer);
    await client.sessions.terminate(customer);
  });

  test('changes with each transfer, and one chain tells of all', async () => {
    const { client, ownership, handoffId } = await owned();
    await client.sessions.create({ sessionId: 'boss' });
    const on = await client.handoffs.offer(
      { ...customer, to: { sessionId: 'boss' }, kind: 'context_transfer' },
      { ownership },
    );
    await client.handoffs.accept({ sessionId: 'boss', handoffId: on.handoffId });
    await expect(client.memory.set(note, { ownership })).rejects.toMatchObject(code('OWNERSHIP_LOST'));
    await client.memory.set(note, { ownership: { owner: 'boss', epoch: 2 } });
    await client.handoffs.complete({
      sessionId: 'boss',
      handoffId: on.handoffId,
      outcome: 'failure',
      reason: 'too hard',
    });
    const chain = await client.handoffs.chain({ handoffId });
    expect(chain.links.map(({ link, sessionId }) => `${link} ${sessionId}`)).toEqual([
      ...['created customer', 'transferred desk', 'transferred boss', 'abandoned boss'],
    ]);
    expect(chain).toMatchObject({ state: 'abandoned', sessions: ['customer', 'desk', 'boss'] });
  });

  test('is told apart by operation: what no law looks at takes no ownership', async () => {
    const { client, ownership } = await owned();
    const invalid = { ownership: { owner: 'desk', epoch: -1 } };
    await expect(client.memory.set(note, invalid)).rejects.toMatchObject(code('INVALID_INPUT'));
    const task = client.tasks.create({ ...customer, title: 't' }, { ownership });
    await expect(task).rejects.toMatchObject(code('INVALID_INPUT'));
  });

  test('are both, while they work together', async () => {
    const { client, ownership } = await owned();
    await client.sessions.create({ sessionId: 'expert' });
    const asked = { ...customer, to: { sessionId: 'expert' }, kind: 'collaboration' } as const;
    const { handoffId } = await client.handoffs.offer(asked, { ownership });
    const joined = await client.handoffs.accept({ sessionId: 'expert', handoffId });
    expect(joined).toMatchObject({ owner: 'desk', ownershipEpoch: 1 });
    const expert = { ownership: { owner: 'expert', epoch: 1 } };
    await client.memory.set(note, expert);
    await client.memory.set(note, { ownership });
    await client.handoffs.complete({ sessionId: 'expert', handoffId });
    await expect(client.memory.set(note, expert)).rejects.toMatchObject(code('OWNERSHIP_LOST'));
    await client.memory.set(note, { ownership });
  });
});

describe('an offer that nobody accepts', () => {
  test('ends at its deadline, also in a session that is not in memory, and late after a restart', async () => {
    const test = await world();
    const asked = { ...customer, to: desk, kind: 'context_transfer', deadlineMs: 5 * minuteMs } as const;
    const { handoffId } = await test.client.handoffs.offer(asked);
    await test.restart('kill');
    await test.clock.advance(5 * minuteMs);
    const late = test.client.handoffs.accept({ ...desk, handoffId });
    await expect(late).rejects.toMatchObject({ ...code('HANDOFF_SETTLED'), details: { status: 'expired' } });
    expect(await test.client.handoffs.ownership(customer)).toMatchObject({ owner: null, offer: null });
    await test.client.memory.set({ ...customer, key: 'k', value: 1 });
  });

  test('can be withdrawn by its session alone, and ends with it', async () => {
    const { client } = await world();
    const asked = { ...customer, to: desk, kind: 'context_transfer' } as const;
    const { handoffId } = await client.handoffs.offer(asked);
    const others = client.handoffs.withdraw({ ...desk, handoffId });
    await expect(others).rejects.toMatchObject(code('HANDOFF_NOT_FOUND'));
    await client.handoffs.withdraw({ ...customer, handoffId });
    const next = await client.handoffs.offer(asked);
    await client.sessions.terminate(customer);
    expect(await client.handoffs.get({ ...customer, handoffId: next.handoffId })).toMatchObject({
      ...{ status: 'withdrawn', reason: 'session.terminate' },
    });
    expect(await client.handoffs.chain({ handoffId })).toMatchObject({ state: 'abandoned' });
  });
});

test('handoffs are listed by what is known of them, newest first, and counted by route', async () => {
  const test = await world();
  const { client, clock, telemetry } = test;
  const asked = { ...customer, to: desk, kind: 'context_transfer' } as const;
  const first = await client.handoffs.offer(asked);
  await clock.advance(1_000);
  await client.handoffs.reject({ ...desk, handoffId: first.handoffId, reason: 'busy' });
  const second = await client.handoffs.offer(asked);
  await clock.advance(3_000);
  await client.handoffs.accept({ ...desk, handoffId: second.handoffId });
  await test.restart('kill');
  const page = await test.client.handoffs.list({ limit: 1 });
  expect(page).toMatchObject({ total: 2, items: [{ handoffId: second.handoffId, status: 'accepted' }] });
  const rest = await test.client.handoffs.list({ limit: 1, cursor: page.cursor ?? '' });
  expect(rest.items.map(({ status }) => status)).toEqual(['rejected']);
  expect((await test.client.handoffs.list({ status: ['rejected'], sessionId: 'desk' })).total).toBe(1);
  expect((await test.client.handoffs.list({ from: 'nobody' })).total).toBe(0);
  const [route] = await test.client.handoffs.metrics();
  const bytes = second.handoff.contextBytes + first.handoff.contextBytes;
  expect(route).toMatchObject({
    ...{ from: 'concierge', to: 'human', offered: 2, successRate: 0.5, contextBytes: { total: bytes } },
    ...{ acceptMs: { mean: 3_000, p95: 3_000 }, reasons: [{ reason: 'busy', count: 1 }] },
  });
  const reported = telemetry.filter(({ name }) => name.startsWith('handoff.'));
  expect(reported.map(({ name, data }) => `${name} ${String(data.status ?? '')}`)).toEqual([
    ...['handoff.offered ', 'handoff.settled rejected', 'handoff.offered '],
    ...['handoff.settled accepted', 'handoff.settled accepted'],
  ]);
});

test('an agent hands over its own session, and another takes it as its own', async () => {
  const { client } = await world({
    agents: {
      concierge: async ({ session }) => {
        const { handoffId } = await session.handoffs.offer({ to: desk, kind: 'full_handoff' });
        return handoffId;
      },
      human: async ({ session }) => {
        const [found] = await session.handoffs.inbox();
        const { handoffId } = found ?? { handoffId: 'none/1' };
        const { owner } = await session.handoffs.accept({ handoffId });
        return owner;
      },
    },
  });
  const asked = await client.agents.start({ ...customer, agent: 'concierge' });
  await client.agents.wait({ ...customer, runId: asked.runId });
  const { runId } = await client.agents.start({ ...desk, agent: 'human' });
  expect(await client.agents.wait({ ...desk, runId })).toMatchObject({ status: 'completed', result: 'desk' });
  expect(await client.sessions.get(customer)).toMatchObject({ status: 'terminated' });
});

test('a repeat under its key is answered from its record, also once the target has ended', async () => {
  const { client } = await world();
  const keyed = { idempotencyKey: 'k' };
  const asked = { ...customer, to: desk, kind: 'context_transfer' } as const;
  const { handoffId } = await client.handoffs.offer(asked, keyed);
  const accept = { ...desk, handoffId };
  await client.handoffs.accept(accept, { idempotencyKey: 'a' });
  await client.sessions.terminate(desk);
  expect(await client.handoffs.offer(asked, keyed)).toMatchObject({ handoffId, repeated: true });
  expect(await client.handoffs.accept(accept, { idempotencyKey: 'a' })).toMatchObject({ delivered: true });
  await expect(client.handoffs.accept(accept)).rejects.toMatchObject(code('SESSION_NOT_ACTIVE'));
});
