// Every operation on session trees in good use, for the test of the registry.
import type { OperationName } from '../../src/operations/registry.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';

type Use = (test: TestSystem) => Promise<[answer: unknown, expected: object]>;

const one = { sessionId: 's' };

const opened = ({ client }: TestSystem): Promise<unknown> => client.trees.open({ ...one, childId: 'c' });

export const treeUses: Record<Extract<OperationName, `trees.${string}`>, Use> = {
  'trees.open': async ({ client }) => [
    await client.trees.open({ ...one, childId: 'c', link: 'terminate' }),
    { sessionId: 'c', seq: 2 },
  ],
  'trees.get': async (test) => {
    await opened(test);
    const children = [{ sessionId: 'c', link: 'orphan', status: 'open', usage: { tokens: 0, cost: 0 } }];
    return [await test.client.trees.get(one), { rootSessionId: 's', parentSessionId: null, children }];
  },
  'trees.return': async (test) => {
    await opened(test);
    return [await test.client.trees.return({ sessionId: 'c', result: 1 }), { seq: 2, durability: 'fsync' }];
  },
  'trees.wait': async (test) => {
    await opened(test);
    await test.client.trees.return({ sessionId: 'c', result: 1 });
    return [
      await test.client.trees.wait({ ...one, childId: 'c' }),
      { childId: 'c', reason: 'returned', result: 1 },
    ];
  },
  'trees.cancel': async (test) => {
    await opened(test);
    return [await test.client.trees.cancel(one), { open: 0 }];
  },
  'trees.setBudget': async ({ client }) => [
    await client.trees.setBudget({ ...one, budget: { tokens: 5 } }),
    { seq: 2, durability: 'fsync' },
  ],
};
