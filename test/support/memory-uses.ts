// Every operation on memories, analyses, summaries and tools in good use, for the test of the registry.
import type { OperationName } from '../../src/operations/registry.ts';
import type { TestSystem } from '../../src/testing/test-system.ts';

type Use = (test: TestSystem) => Promise<[answer: unknown, expected: object]>;

const session = { sessionId: 's' };
const one = { ...session, memoryId: 'm1' };
const file = { ...session, path: 'a.ts' };

export async function proposed({ client }: TestSystem): Promise<void> {
  await client.memories.propose({ ...session, content: 'the sky is blue', importance: 0.9 });
}

async function kept(test: TestSystem): Promise<void> {
  await proposed(test);
  await test.client.memories.promote(one);
}

async function cached({ client }: TestSystem): Promise<string> {
  return (await client.analysis.cacheFile({ ...file, content: "import 'b'" })).hash;
}

type Used = Extract<OperationName, `${'memories' | 'analysis' | 'tools'}.${string}`>;

export const memoryUses: Record<Used | 'sessions.summary' | 'sessions.context', Use> = {
  'memories.propose': async ({ client }) => [
    await client.memories.propose({ ...session, content: 1 }),
    { memoryId: 'm1', seq: 1, durability: 'fsync', promoted: [], evicted: [] },
  ],
  'memories.pending': async (test) => {
    await proposed(test);
    return [await test.client.memories.pending(session), [{ memoryId: 'm1', confidence: 0.58 }]];
  },
  'memories.evaluate': async (test) => {
    await proposed(test);
    return [await test.client.memories.evaluate(session), { promoted: ['m1'], seq: 2 }];
  },
  'memories.promote': async (test) => {
    await proposed(test);
    return [await test.client.memories.promote(one), { memoryId: 'm1', promoted: ['m1'], seq: 2 }];
  },
  'memories.reject': async (test) => {
    await proposed(test);
    return [await test.client.memories.reject(one), { rejected: ['m1'], seq: 2 }];
  },
  'memories.get': async (test) => {
    await kept(test);
    return [await test.client.memories.get(one), { ...one, status: 'kept', why: 'request' }];
  },
  'memories.list': async (test) => {
    await kept(test);
    return [await test.client.memories.list(session), { items: [one], total: 1 }];
  },
  'memories.search': async (test) => {
    await kept(test);
    return [await test.client.memories.search({ ...session, text: 'blue' }), { items: [one], total: 1 }];
  },
  'memories.share': async (test) => {
    await kept(test);
    return [await test.client.memories.share({ ...one, scope: 'app' }), { memoryId: 'm1', seq: 3 }];
  },
  'memories.unshare': async (test) => {
    await kept(test);
    return [await test.client.memories.unshare(one), { memoryId: 'm1', seq: 2 }];
  },
  'memories.forget': async (test) => {
    await kept(test);
    return [await test.client.memories.forget(one), { forgotten: ['m1'], seq: 3 }];
  },
  'memories.erase': async (test) => {
    await kept(test);
    return [await test.client.memories.erase(one), { erased: 1, purged: true, seq: 3 }];
  },
  'memories.stats': async (test) => {
    await kept(test);
    return [await test.client.memories.stats(session), { pending: 0, kept: 1, counts: { promoted: 1 } }];
  },
  'analysis.cacheFile': async ({ client }) => [
    await client.analysis.cacheFile({ ...file, content: 'x' }),
    { path: 'a.ts', bytes: 1, kept: true },
  ],
  'analysis.getFile': async (test) => {
    const hash = await cached(test);
    return [await test.client.analysis.getFile(file), { hit: true, hash, content: "import 'b'" }];
  },
  'analysis.store': async (test) => [
    await test.client.analysis.store({ ...file, type: 'lint', hash: await cached(test), result: 0 }),
    { kept: true },
  ],
  'analysis.get': async ({ client }) => [
    await client.analysis.get({ ...file, type: 'lint' }),
    { hit: false },
  ],
  'analysis.run': async (test) => {
    const hash = await cached(test);
    const analysis = { language: 'typescript', dependencies: { external: ['b'] } };
    return [await test.client.analysis.run(session), { files: [{ path: 'a.ts', hash, analysis }] }];
  },
  'analysis.snapshot': async (test) => {
    const hash = await cached(test);
    return [await test.client.analysis.snapshot(session), { files: [{ path: 'a.ts', hash }] }];
  },
  'analysis.invalidate': async (test) => {
    await cached(test);
    return [await test.client.analysis.invalidate(file), { removed: 1 }];
  },
  'analysis.clear': async (test) => {
    await cached(test);
    return [await test.client.analysis.clear(session), { removed: 1 }];
  },
  'analysis.stats': async (test) => {
    await cached(test);
    return [await test.client.analysis.stats(session), { session: { entries: 1 }, hitRate: null }];
  },
  'sessions.summary': async ({ client }) => [
    await client.sessions.summary(session),
    { summary: 'hello', by: 'extractive', counts: { messages: 1 } },
  ],
  'sessions.context': async ({ client }) => [
    await client.sessions.context(session),
    { items: [{ type: 'message' }], hasMore: false },
  ],
  'tools.rank': async ({ client }) => [
    await client.tools.rank({ ...session, tools: [{ name: 'hello' }] }),
    [{ name: 'hello', score: 0.6 }],
  ],
  'tools.usage': async ({ client }) => [await client.tools.usage(session), []],
};
