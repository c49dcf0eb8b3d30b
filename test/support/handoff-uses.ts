// Every operation on handoffs in good use, and every code with which one is refused, for the test of the registry.
import type { ErrorCode } from '../../src/base/error-catalogue.ts';
import type { OperationName } from '../../src/operations/registry.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';

type Use = (test: TestSystem) => Promise<[answer: unknown, expected: object]>;

const one = { sessionId: 's' };
const desk = { sessionId: 'desk' };
const handoffId = 's/4';

async function offered({ client }: TestSystem): Promise<void> {
  await client.sessions.create(desk);
  await client.handoffs.offer({ ...one, to: desk, kind: 'context_transfer' });
}

async function accepted(test: TestSystem): Promise<void> {
  await offered(test);
  await test.client.handoffs.accept({ ...desk, handoffId });
}

export const handoffUses: Record<Extract<OperationName, `handoffs.${string}`>, Use> = {
  'handoffs.offer': async ({ client }) => {
    await client.sessions.create(desk);
    const answer = await client.handoffs.offer({ ...one, to: desk, kind: 'full_handoff' });
    return [answer, { handoffId, status: 'pending', existing: false, seq: 4, handoff: { to: 'desk' } }];
  },
  'handoffs.accept': async (test) => {
    await offered(test);
    const answer = await test.client.handoffs.accept({ ...desk, handoffId });
    return [answer, { status: 'accepted', owner: 'desk', ownershipEpoch: 1, delivered: true }];
  },
  'handoffs.reject': async (test) => {
    await offered(test);
    return [await test.client.handoffs.reject({ ...desk, handoffId }), { handoffId, status: 'rejected' }];
  },
  'handoffs.withdraw': async (test) => {
    await offered(test);
    return [await test.client.handoffs.withdraw({ ...one, handoffId }), { handoffId, status: 'withdrawn' }];
  },
  'handoffs.complete': async (test) => {
    await accepted(test);
    return [await test.client.handoffs.complete({ ...desk, handoffId }), { handoffId, status: 'completed' }];
  },
  'handoffs.get': async (test) => {
    await offered(test);
    const answer = await test.client.handoffs.get({ ...desk, handoffId });
    return [answer, { handoffId, sessionId: 's', status: 'pending', package: { context: { seq: 3 } } }];
  },
  'handoffs.inbox': async (test) => {
    await offered(test);
    return [await test.client.handoffs.inbox(desk), [{ handoffId }]];
  },
  'handoffs.ownership': async (test) => {
    await accepted(test);
    return [await test.client.handoffs.ownership(one), { owner: 'desk', ownershipEpoch: 1, offer: null }];
  },
  'handoffs.list': async (test) => {
    await offered(test);
    return [await test.client.handoffs.list(), { items: [{ handoffId }], total: 1 }];
  },
  'handoffs.chain': async (test) => {
    await offered(test);
    return [await test.client.handoffs.chain({ handoffId }), { chainId: handoffId, state: 'created' }];
  },
  'handoffs.metrics': async (test) => {
    await offered(test);
    return [await test.client.handoffs.metrics(), [{ from: 's', to: 'desk', offered: 1 }]];
  },
};

type OfHandoffs = Exclude<Extract<ErrorCode, `HANDOFF_${string}`>, 'HANDOFF_NOT_DELIVERED'>;
type Refused = 'OWNERSHIP_LOST' | 'OWNERSHIP_REQUIRED' | OfHandoffs;

export const handoffRefusals: Record<Refused, (test: TestSystem) => Promise<unknown>> = {
  OWNERSHIP_LOST: async (test) => {
    await accepted(test);
    const ownership = { owner: 's', epoch: 0 };
    return test.client.memory.set({ ...one, key: 'k', value: 1 }, { ownership });
  },
  OWNERSHIP_REQUIRED: async (test) => {
    await accepted(test);
    return test.client.messages.send({ ...one, role: 'assistant', content: 'mine' });
  },
  HANDOFF_NOT_FOUND: ({ client }) => client.handoffs.accept({ ...one, handoffId: 'none/1' }),
  HANDOFF_PENDING: async (test) => {
    await offered(test);
    return test.client.handoffs.offer({ ...one, to: { agent: 'anybody' }, kind: 'collaboration' });
  },
  HANDOFF_SETTLED: async (test) => {
    await accepted(test);
    return test.client.handoffs.withdraw({ ...one, handoffId }, { ownership: { owner: 'desk', epoch: 1 } });
  },
  HANDOFF_NOT_ADDRESSED: async (test) => {
    await offered(test);
    await test.client.sessions.create({ sessionId: 'stranger' });
    return test.client.handoffs.reject({ sessionId: 'stranger', handoffId });
  },
  HANDOFF_MISMATCH: async (test) => {
    await offered(test);
    return test.client.handoffs.accept({ ...desk, handoffId, digest: 'another' });
  },
};
