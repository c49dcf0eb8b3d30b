// The list of sessions: what it shows, in which order, and that paging misses nothing and repeats nothing.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import type { InputOf } from '../../src/operations/registry.ts';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf } from '../support/outcome.ts';

type Query = InputOf<'sessions.list'>;

const idsOf = async (client: Client, query: Query = {}): Promise<string[]> =>
  (await client.sessions.list(query)).items.map(({ sessionId }) => sessionId);

async function started(): Promise<TestSystem> {
  const test = await createTestSystem({ passivateAfterMs: null });
  const { sessions } = test.client;
  for (const [sessionId, name, agent] of [
    ['s1', 'alpha one', 'gpt'],
    ['s2', 'beta', 'claude'],
    ['s3', 'Alpha two', 'claude'],
    ['s4', undefined, 'gpt'],
  ] as const) {
    await sessions.create({ sessionId, ...(name && { name }), agent });
    await test.clock.advance(1_000);
  }
  return test;
}

describe('the list', () => {
  test('shows what is open, newest first, with how many there are', async () => {
    await using test = await started();
    const { client, clock } = test;
    await client.sessions.terminate({ sessionId: 's2' });
    const { items, total, cursor } = await client.sessions.list({});
    expect(items.map(({ sessionId }) => sessionId)).toEqual(['s4', 's3', 's1']);
    expect([total, cursor]).toEqual([3, undefined]);
    expect(items[0]).toEqual({
      sessionId: 's4',
      status: 'active',
      name: null,
      agent: 'gpt',
      parentSessionId: null,
      createdAt: clock.now() - 1_000,
      updatedAt: clock.now() - 1_000,
      lastActivityAt: clock.now() - 1_000,
      messages: 0,
      agents: 0,
      entries: 0,
      seq: 2,
    });
  });

  test('holds everything that was answered before it was asked for, and nothing that was not', async () => {
    await using test = await createTestSystem();
    const { client, disk } = test;
    for (let i = 0; i < 50; i++) {
      const { sessionId } = await client.sessions.create({});
      expect(await idsOf(client)).toContain(sessionId);
    }
    const held = disk.holdWrites();
    const creating = client.sessions.create({ sessionId: 'late' });
    await held.arrived;
    expect(await idsOf(client)).not.toContain('late');
    held.release();
    await creating;
    expect(await idsOf(client)).toContain('late');
  });

  test.each<[Query, string[]]>([
    [{ agent: 'claude' }, ['s3', 's2']],
    [{ name: 'alpha' }, ['s1']],
    [{ name: '*a*' }, ['s3', 's2', 's1']],
    [{ name: '* two' }, ['s3']],
    [{ name: 'b*t*a' }, ['s2']],
    [{ name: '.*' }, []],
    [{ search: 'ALPHA' }, ['s3', 's1']],
    [{ search: 'claude' }, ['s3', 's2']],
    [{ search: 's4' }, ['s4']],
    [{ sort: 'name' }, ['s4', 's3', 's1', 's2']],
    [{ createdAfter: Date.UTC(2026, 0, 1) }, ['s4', 's3', 's2']],
    [{ createdBefore: Date.UTC(2026, 0, 1, 0, 0, 2) }, ['s2', 's1']],
    [{ status: ['terminated', 'paused'] }, []],
    [{ status: ['active'], agent: 'gpt', search: 'one' }, ['s1']],
    [{ parentSessionId: 'none' }, []],
  ])('filtered and sorted by %j shows %j', async (query, expected) => {
    await using test = await started();
    expect(await idsOf(test.client, query)).toEqual(expected);
  });

  test('knows a session by the status that it has now, whether or not that was written yet', async () => {
    await using test = await started();
    const { client, clock } = test;
    await client.sessions.pause({ sessionId: 's1' });
    await test.restart();
    await clock.advance(300_000);
    expect(await idsOf(test.client, { status: ['idle'] })).toEqual(['s4', 's3', 's2']);
    expect(await idsOf(test.client, { status: ['paused'] })).toEqual(['s1']);
    await clock.advance(7_200_000);
    expect(await idsOf(test.client, { status: ['dormant'] })).toEqual(['s4', 's3', 's2']);
  });

  test('is the same after a restart, in every order', async () => {
    await using test = await started();
    await test.client.messages.send({ sessionId: 's2', role: 'user', content: 'x' });
    await test.client.sessions.configure({ sessionId: 's1', name: 'zeta' });
    const all = async () => {
      const pages: unknown[] = [];
      for (const sort of ['createdAt', 'updatedAt', 'name'] as const)
        pages.push(await test.client.sessions.list({ sort }));
      return pages;
    };
    const before = await all();
    await test.restart();
    expect(await all()).toEqual(before);
  });

  test('follows the last change, whoever made it', async () => {
    await using test = await started();
    const { client, clock } = test;
    expect(await idsOf(client, { sort: 'updatedAt' })).toEqual(['s4', 's3', 's2', 's1']);
    await client.memory.set({ sessionId: 's2', key: 'k', value: 1 });
    expect(await idsOf(client, { sort: 'updatedAt' })).toEqual(['s2', 's4', 's3', 's1']);
    await clock.advance(300_000);
    const { items } = await client.sessions.list({ sort: 'updatedAt' });
    expect(items.map(({ updatedAt }) => updatedAt)).toEqual(
      items.map(({ updatedAt }) => updatedAt).sort((a, b) => b - a),
    );
  });

  test('forgets what was deleted, and finds again what was restored', async () => {
    await using test = await started();
    const { client } = test;
    await client.sessions.save({ sessionId: 's2' });
    await client.sessions.terminate({ sessionId: 's2', cleanup: true });
    const every = { status: ['active', 'terminated', 'archived', 'deleted'] } satisfies Query;
    expect(await idsOf(client, every)).toEqual(['s4', 's3', 's1']);
    await client.sessions.restore({ sessionId: 's2' });
    expect(await idsOf(client)).toEqual(['s4', 's3', 's2', 's1']);
    await test.restart();
    expect(await idsOf(test.client)).toEqual(['s4', 's3', 's2', 's1']);
  });

  test('refuses a cursor of another order', async () => {
    await using test = await started();
    const { cursor } = await test.client.sessions.list({ limit: 1 });
    expect(await codeOf(test.client.sessions.list({ limit: 1, sort: 'name', cursor }))).toBe(
      'INVALID_CURSOR',
    );
  });
});

type Change = { readonly do: 'create' | 'touch' | 'end' | 'wait'; readonly which: number };

const changes = fc.array(
  fc.record({
    do: fc.constantFrom<Change['do']>('create', 'touch', 'touch', 'end', 'wait'),
    which: fc.nat(40),
  }),
  { maxLength: 4 },
);

test.each(['createdAt', 'updatedAt', 'name'] as const)(
  'pages by %s miss no session that was there all the time, and repeat none, while others come, change and go',
  async (sort) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), later: fc.boolean() }), {
          minLength: 4,
          maxLength: 14,
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(changes, { maxLength: 10 }),
        async (first, limit, meanwhile) => {
          await using test = await createTestSystem();
          const { client, clock } = test;
          const ids: string[] = [];
          for (const { name, later } of first) {
            if (later) await clock.advance(1);
            ids.push((await client.sessions.create({ name })).sessionId);
          }
          const there = new Set(ids);
          const touched = new Set<string>();
          const seen: string[] = [];
          let cursor: string | undefined;
          for (let page = 0; page === 0 || cursor !== undefined; page++) {
            const found = await client.sessions.list({
              sort,
              limit,
              ...(cursor !== undefined && { cursor }),
            });
            seen.push(...found.items.map(({ sessionId }) => sessionId));
            expect(found.items.length).toBeLessThanOrEqual(limit);
            cursor = found.cursor;
            for (const change of meanwhile[page] ?? []) {
              const sessionId = ids[change.which % ids.length] ?? '';
              if (change.do === 'wait') await clock.advance(1);
              else if (change.do === 'create')
                ids.push((await client.sessions.create({ name: 'b' })).sessionId);
              else {
                touched.add(sessionId);
                if (change.do === 'touch')
                  await codeOf(client.memory.set({ sessionId, key: 'k', value: page }));
                else await client.sessions.terminate({ sessionId });
              }
            }
          }
          expect(seen).toEqual([...new Set(seen)]);
          for (const id of there) if (!touched.has(id)) expect(seen).toContain(id);
        },
      ),
      { numRuns: 60, seed: 42 },
    );
  },
);
