// Every operation on the roster and on locks in good use, and what each of their codes comes from, for the test of the registry.
import type { OperationName } from '../../src/operations/registry.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';

type Use = (test: TestSystem) => Promise<[answer: unknown, expected: object]>;

const one = { sessionId: 's' };
const lock = { ...one, name: 'x' };

async function locked({
  client,
}: TestSystem): Promise<{ sessionId: string; name: string; fencingToken: number }> {
  const { fencingToken } = await client.locks.acquire(lock);
  return { ...lock, fencingToken };
}

async function joined({ client }: TestSystem): Promise<typeof one> {
  await client.roster.join({ ...one, role: 'tester' });
  return one;
}

async function busy(test: TestSystem): Promise<typeof one> {
  await joined(test);
  await test.client.tasks.create({ ...one, taskId: 't', title: 'T', role: 'tester', input: 7 });
  await test.client.roster.assign({ ...one, taskId: 't' });
  return one;
}

export const coordinationUses: Record<Extract<OperationName, `locks.${string}` | `roster.${string}`>, Use> = {
  'locks.acquire': async ({ client }) => [
    await client.locks.acquire(lock),
    { outcome: 'granted', name: 'x', fencingToken: 1, seq: 1, durability: 'fsync' },
  ],
  'locks.renew': async (test) => [
    await test.client.locks.renew(await locked(test)),
    { fencingToken: 1, interrupted: false, seq: 2 },
  ],
  'locks.release': async (test) => [await test.client.locks.release(await locked(test)), { seq: 2 }],
  'locks.notice': async (test) => {
    const held = await locked(test);
    await test.client.locks.release(held);
    return [await test.client.locks.notice(held), { outcome: 'lost' }];
  },
  'locks.held': async (test) => {
    await locked(test);
    return [await test.client.locks.held(one), [{ name: 'x', holder: { sessionId: 's' } }]];
  },
  'locks.check': async (test) => {
    const { name, fencingToken } = await locked(test);
    return [await test.client.locks.check({ name, fencingToken }), { sessionId: 's', interrupted: false }];
  },
  'locks.get': async (test) => {
    await locked(test);
    return [
      await test.client.locks.get({ name: 'x' }),
      { name: 'x', holder: { fencingToken: 1 }, waiters: [] },
    ];
  },
  'locks.list': async (test) => {
    await locked(test);
    return [await test.client.locks.list(), { items: [{ name: 'x' }], total: 1 }];
  },
  'locks.revoke': async (test) => {
    await locked(test);
    return [await test.client.locks.revoke({ name: 'x' }), { revoked: true, seq: 2 }];
  },
  'locks.stats': async (test) => {
    await locked(test);
    return [await test.client.locks.stats(), { held: 1, waiting: 0, granted: 1, deadlocksRefused: 0 }];
  },
  'locks.strategy': async ({ client }) => [
    await client.locks.strategy({ kind: 'concurrent_access', sessions: 3 }),
    { strategy: 'queue_sequential' },
  ],
  'roster.join': async ({ client }) => [
    await client.roster.join({ ...one, role: 'tester', liveness: 'lease' }),
    { joined: true, role: 'tester', beatMs: 30_000, seq: 1 },
  ],
  'roster.leave': async (test) => [await test.client.roster.leave(await joined(test)), { left: true }],
  'roster.heartbeat': async (test) => [
    await test.client.roster.heartbeat(await joined(test)),
    { leaseUntil: null },
  ],
  'roster.update': async (test) => [
    await test.client.roster.update({ ...(await joined(test)), available: false }),
    { seq: 2 },
  ],
  'roster.get': async (test) => [
    await test.client.roster.get(await joined(test)),
    { role: 'tester', status: 'idle', health: 'healthy', locks: [] },
  ],
  'roster.peers': async (test) => {
    await joined(test);
    return [await test.client.roster.peers({ sessionId: 'other' }), [{ sessionId: 's' }]];
  },
  'roster.list': async (test) => {
    await joined(test);
    return [await test.client.roster.list({ role: 'tester' }), { items: [{ sessionId: 's' }], total: 1 }];
  },
  'roster.stats': async (test) => {
    await joined(test);
    return [await test.client.roster.stats(), { total: 1, byRole: { tester: 1 }, byStatus: { idle: 1 } }];
  },
  'roster.assign': async (test) => [
    await test.client.roster.assign({ ...(await joined(test)), title: 'look around' }),
    { member: 's', role: 'tester', assignment: 2 },
  ],
  'roster.work': async (test) => [
    await test.client.roster.work(await busy(test)),
    { title: 'T', task: { taskId: 't', epoch: 1, input: 7 } },
  ],
  'roster.complete': async (test) => [
    await test.client.roster.complete({ ...(await busy(test)), result: 1 }),
    { seq: 3 },
  ],
  'roster.fail': async (test) => [
    await test.client.roster.fail({ ...(await busy(test)), message: 'no' }),
    { seq: 3 },
  ],
  'roster.release': async (test) => [await test.client.roster.release(await busy(test)), { seq: 3 }],
};

export const coordinationRefusals = {
  NOT_ON_ROSTER: ({ client }: TestSystem) => [client.roster.get(one), client.roster.heartbeat(one)],
  NO_SUCH_ASSIGNMENT: async (test: TestSystem) =>
    test.client.roster.complete({ ...(await joined(test)), assignment: 9 }),
  LOCK_HELD: async (test: TestSystem) => {
    await locked(test);
    return test.client.locks.acquire({ ...lock, owner: 'another', waitMs: 0 });
  },
  LOCK_TOKEN_STALE: ({ client }: TestSystem) => client.locks.check({ name: 'x', fencingToken: 1 }),
  LOCK_LIMIT: async ({ client }: TestSystem) => {
    for (let n = 0; n < 200; n++) await client.locks.acquire({ ...one, name: `${n}` });
    return client.locks.acquire({ ...one, name: 'one more' });
  },
  DEADLOCK: async ({ client }: TestSystem) => {
    await client.locks.acquire({ ...lock, owner: 'a' });
    await client.locks.acquire({ ...one, name: 'y', owner: 'b' });
    client.locks.acquire({ ...one, name: 'y', owner: 'a' }).catch(() => undefined);
    return client.locks.acquire({ ...lock, owner: 'b' });
  },
} as const;
