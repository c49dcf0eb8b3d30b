// Laws of forks and merges, for any past: a fork is its version, a merge loses nothing that both sides did apart, and twice is once.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client } from '../../src/client/client.ts';
import { createTestSystem } from '../../src/testing/test-system.ts';

/** Runs of each property; the acceptance runs 3,000. */
const numRuns = Number(process.env.FORK_RUNS ?? 3);
const timeout = 60_000 + numRuns * 2_000;

const sides = ['main', 'branch'] as const;
type Side = (typeof sides)[number];

type Move = readonly [kind: 'say' | 'set' | 'unset' | 'add' | 'drop' | 'clear' | 'back', n: number];

const move: fc.Arbitrary<Move> = fc.tuple(
  fc.constantFrom('say', 'say', 'say', 'set', 'set', 'unset', 'add', 'drop', 'clear', 'back'),
  fc.nat(5),
) as fc.Arbitrary<Move>;

const moves = fc.array(move, { maxLength: 12, size: 'max' });

let told = 0;

/** What is not there to be taken away is left. */
async function play(client: Client, sessionId: string, list: readonly Move[], prefix = ''): Promise<void> {
  for (const [kind, n] of list) {
    try {
      if (kind === 'say')
        await client.messages.send({ sessionId, role: n === 0 ? 'system' : 'user', content: `m${++told}` });
      else if (kind === 'set') await client.memory.set({ sessionId, key: `${prefix}k${n}`, value: ++told });
      else if (kind === 'unset') await client.memory.delete({ sessionId, key: `${prefix}k${n}` });
      else if (kind === 'add') await client.files.add({ sessionId, path: `${prefix}f${n}`, metadata: { n } });
      else if (kind === 'drop') await client.files.remove({ sessionId, path: `${prefix}f${n}` });
      else if (kind === 'clear') await client.messages.clear({ sessionId });
      else {
        const { seq } = await client.sessions.get({ sessionId });
        await client.sessions.rollback({ sessionId, seq: Math.max(2, seq - n) });
      }
    } catch (error) {
      expect((error as { code?: string }).code).toMatch(/NOT_FOUND$/);
    }
  }
}

/** All that is held, without what belongs to a life of its own. */
async function held(client: Client, sessionId: string, at?: number): Promise<object> {
  const past = { sessionId, ...(at !== undefined && { at }) };
  const keys = (await client.memory.keys(past)).toSorted();
  const { items } = await client.messages.list({ ...past, limit: 1_000 });
  const newest = await client.messages.list({ ...past, newestFirst: true, limit: 1_000 });
  const { messages, entries, name, config } = await client.sessions.get(past);
  expect(newest.items.toReversed()).toEqual(items);
  return {
    ...{ messages, entries, name, config, items },
    memory: await Promise.all(keys.map((key) => client.memory.get({ ...past, key }))),
    files: await client.files.list(past),
    index: await client.files.listIndex(past),
  };
}

test('property: a fork at any version holds what the version held, also when forked again, and after a kill', {
  timeout,
}, async () => {
  const given = fc.tuple(moves, moves, fc.nat(), fc.nat(), fc.boolean(), fc.integer({ min: 1, max: 6 }));
  await fc.assert(
    fc.asyncProperty(given, async ([before, after, first, second, isKilled, messageWindow]) => {
      await using system = await createTestSystem();
      await system.client.sessions.create({ sessionId: 'main', config: { messageWindow } });
      await play(system.client, 'main', before);
      const { seq } = await system.client.sessions.get({ sessionId: 'main' });
      const at = 2 + (first % (seq - 1));
      const then = await held(system.client, 'main', at);
      await system.client.sessions.fork({ sessionId: 'main', at, newSessionId: 'fork' });
      await play(system.client, 'main', after);
      if (isKilled) await system.restart('kill');
      const { client } = system;
      expect(await held(client, 'fork')).toEqual(then);
      expect(await held(client, 'fork', at)).toEqual(then);
      await play(client, 'fork', after);
      const newest = (await client.sessions.get({ sessionId: 'fork' })).seq;
      const again = 2 + (second % (newest - 1));
      const later = await held(client, 'fork', again);
      await client.sessions.fork({ sessionId: 'fork', at: again, newSessionId: 'twig' });
      expect(await held(client, 'twig')).toEqual(later);
      for (const sessionId of ['main', 'fork', 'twig'])
        expect(await client.sessions.verify({ sessionId })).toMatchObject({ valid: true, problems: [] });
    }),
    { numRuns },
  );
});

const contents = async (client: Client, sessionId: string): Promise<unknown[]> =>
  (await client.messages.list({ sessionId, limit: 1_000 })).items.map(({ content }) => content);

const valuesOf = async (client: Client, sessionId: string): Promise<Map<string, unknown>> => {
  const keys = await client.memory.keys({ sessionId });
  return new Map(
    await Promise.all(
      keys.map(async (key) => [key, (await client.memory.get({ sessionId, key })).value] as const),
    ),
  );
};

const pathsOf = async (client: Client, sessionId: string): Promise<string[]> =>
  (await client.files.list({ sessionId })).map(({ path }) => path).toSorted();

const apart = fc.array(
  fc.tuple(fc.constantFrom('say', 'set', 'unset', 'add', 'drop'), fc.nat(5)) as fc.Arbitrary<Move>,
  { maxLength: 12, size: 'max' },
);

test('property: what two sides did apart is all there once they are merged, the same on both, and a second merge does nothing', {
  timeout,
}, async () => {
  const given = fc.tuple(apart, apart, apart, apart, fc.constantFrom<Side>(...sides), fc.boolean());
  await fc.assert(
    fc.asyncProperty(given, async ([common, mine, theirs, more, into, isKilled]) => {
      await using system = await createTestSystem();
      await system.client.sessions.create({ sessionId: 'main' });
      await play(system.client, 'main', common, 'main-');
      await play(system.client, 'main', common, 'branch-');
      await system.client.sessions.fork({ sessionId: 'main', newSessionId: 'branch' });
      await play(system.client, 'main', mine, 'main-');
      await play(system.client, 'branch', theirs, 'branch-');
      if (isKilled) await system.restart('kill');
      const { client } = system;
      const from = into === 'main' ? 'branch' : 'main';
      const merge = { sessionId: into, fromSessionId: from };
      const all = [...(await contents(client, 'main')), ...(await contents(client, 'branch'))];
      expect((await client.sessions.merge(merge)).conflicts).toEqual([]);
      expect((await contents(client, into)).toSorted()).toEqual([...new Set(all)].toSorted());
      const { seq } = await client.sessions.get({ sessionId: into });
      const again = await client.sessions.merge(merge);
      expect(again.merged).toEqual({ messages: 0, files: 0, context: 0, removed: 0 });
      expect((await client.sessions.get({ sessionId: into })).seq).toBe(seq);

      await play(client, from, more, `${from}-`);
      await client.sessions.merge(merge);
      await client.sessions.merge({ sessionId: from, fromSessionId: into });
      expect((await contents(client, from)).toSorted()).toEqual((await contents(client, into)).toSorted());
      expect(await valuesOf(client, from)).toEqual(await valuesOf(client, into));
      expect(await pathsOf(client, from)).toEqual(await pathsOf(client, into));
      const { items } = await client.sessions.compare({ sessionId: into, otherSessionId: from });
      expect(items.filter(({ part }) => part !== 'index')).toEqual([]);
    }),
    { numRuns },
  );
});
