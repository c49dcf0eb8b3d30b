// Every operation on permits in good use, for the test of the registry.
import type { OperationName } from '../../src/operations/registry.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';

type Use = (test: TestSystem) => Promise<[answer: unknown, expected: object]>;

const ask = { sessionId: 's', key: 'model' };

export const permitUses: Record<Extract<OperationName, `permits.${string}`>, Use> = {
  'permits.acquire': async ({ client }) => [
    await client.permits.acquire(ask),
    { permitId: 'id-1', key: 'model', waitedMs: 0 },
  ],
  'permits.release': async ({ client }) => {
    const { permitId } = await client.permits.acquire(ask);
    return [await client.permits.release({ sessionId: 's', permitId, tokens: 3 }), { released: true }];
  },
  'permits.list': async ({ client }) => [
    await client.permits.list(),
    [{ key: 'model', limits: { inFlight: 1 }, held: 0, waiting: 0, pausedUntil: null }],
  ],
  'permits.get': async ({ client }) => {
    await client.permits.acquire({ ...ask, tokens: 4 });
    const holders = [{ sessionId: 's', tree: 's', runId: null, permitId: 'id-1' }];
    return [
      await client.permits.get({ key: 'model' }),
      { held: 1, used: { tokens: 4 }, holders, waiters: [] },
    ];
  },
};
