// The session list against a naive one: filter and sort over whole states, folded by the law itself.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SessionCommand } from '../../src/domain/session/session-commands.ts';
import { createLiveCounts } from '../../src/projection/live-counts.ts';
import { SessionList } from '../../src/projection/session-list.ts';
import { listedStatuses, type SessionQuery } from '../../src/projection/session-query.ts';
import { anyCommand, profileOf, smallConfig, type TimedCommand } from '../support/session-arbitraries.ts';
import { openedAt } from '../support/session-states.ts';
import { SessionWorld } from '../support/session-world.ts';

const ids = ['s1', 's2', 's3', 's4', 's5', 's6', 's7'];
const word = fc.constantFrom('a', 'b', 'c', '1');

type Query = Omit<SessionQuery, 'limit' | 'cursor'>;

const query: fc.Arbitrary<Query> = fc.record(
  {
    sort: fc.constantFrom('createdAt' as const, 'updatedAt' as const, 'name' as const),
    status: fc.uniqueArray(fc.constantFrom(...listedStatuses), { minLength: 1, maxLength: 4 }),
    name: fc.constantFrom('a', '*', 'a*', '*b', ''),
    agent: word,
    parentSessionId: fc.constantFrom('p1', 'p2'),
    createdAfter: fc.integer({ min: openedAt, max: openedAt + 20_000 }),
    createdBefore: fc.integer({ min: openedAt, max: openedAt + 20_000 }),
    search: fc.constantFrom('A', 's3', 'to', '1'),
  },
  { requiredKeys: ['sort'], noNullPrototype: true },
);

type Step =
  | { readonly do: 'send'; readonly sessionId: string; readonly timed: TimedCommand }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'quarantine'; readonly sessionId: string }
  | { readonly do: 'release'; readonly sessionId: string }
  | { readonly do: 'ask'; readonly query: Query; readonly limit: number };

const sessionId = fc.constantFrom(...ids);
const create = fc.tuple(profileOf(smallConfig), fc.option(word), fc.option(word)).map(
  ([profile, name, agent]): SessionCommand => ({
    type: 'session.create',
    profile: { ...profile, name, agent },
  }),
);
/** Names and agents of few words, so that queries meet them. */
const rename = fc
  .record({ name: word, agent: word }, { requiredKeys: [], noNullPrototype: true })
  .map((changes): SessionCommand => ({ type: 'session.configure', changes }));
const timed: fc.Arbitrary<TimedCommand> = fc.record({
  afterMs: fc.integer({ min: -500, max: 2_000 }),
  command: fc.oneof(
    { weight: 2, arbitrary: create },
    { weight: 1, arbitrary: rename },
    { weight: 3, arbitrary: anyCommand },
  ),
});

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('send' as const), sessionId, timed }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 6_000 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.record({ do: fc.constant('quarantine' as const), sessionId }),
        fc.record({ do: fc.constant('release' as const), sessionId }),
      ),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('ask' as const), query, limit: fc.integer({ min: 1, max: 4 }) }),
    },
  ),
  { maxLength: 60, size: 'max' },
);

class Followed {
  readonly world = new SessionWorld();
  readonly live = createLiveCounts();
  readonly list: SessionList;
  now = openedAt;

  constructor() {
    this.list = this.made();
    this.list.serve();
  }

  made(): SessionList {
    const { world, live } = this;
    const { journal, quarantined } = world;
    return new SessionList({
      journal,
      conditions: () =>
        [...quarantined].map((sessionId) => ({ sessionId, condition: 'quarantined' as const })),
      live,
      now: () => this.now,
    });
  }

  /** Time never runs backwards here: the list shows what it has shown. */
  async take(step: Exclude<Step, { do: 'ask' }>): Promise<void> {
    const { world } = this;
    if (step.do === 'wait') this.now += step.ms;
    else if (step.do === 'quarantine') world.quarantined.add(step.sessionId);
    else if (step.do === 'release') world.quarantined.delete(step.sessionId);
    else {
      const { afterMs, command } = step.timed;
      this.now += Math.max(afterMs, 0);
      const entry = world.send(step.sessionId, command, this.now + Math.min(afterMs, 0));
      if (entry === undefined) return;
      for (const stream of this.list.apply([entry])) await this.list.reread(stream);
    }
  }

  countsByHand(): Record<string, number> {
    const counts: Record<string, number> = Object.fromEntries(listedStatuses.map((status) => [status, 0]));
    for (const { status } of this.world.all(this.now)) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }
}

const visible = ({
  idleAfterMs,
  dormantAfterMs,
  ...row
}: ReturnType<SessionList['list']>['sessions'][number]) => row;

describe('whatever happens, and however late it is', () => {
  test('a page is the head of what a naive list finds, its total is right, and so are the counts', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const followed = new Followed();
        for (const step of history) {
          if (step.do !== 'ask') {
            await followed.take(step);
            continue;
          }
          const { world, list, now } = followed;
          const expected = world.find(step.query, now);
          const page = list.list({ ...step.query, limit: step.limit }, now);
          expect(page.sessions.map(visible)).toEqual(expected.slice(0, step.limit));
          expect(page.cursor === undefined).toBe(expected.length <= step.limit);
          if (page.total !== undefined) expect(page.total).toBe(expected.length);
          const counts = list.count({}, now);
          expect(counts.byStatus).toEqual(followed.countsByHand());
          expect(counts.total).toBe(world.all(now).length);
          expect(followed.live.getSnapshot().context.byStatus).toMatchObject(nonZero(counts.byStatus));
        }
      }),
      { numRuns: 150, seed: 11 },
    );
  });

  test('pages taken one after the other while it happens skip nothing that stayed in its place, and repeat nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        steps,
        query,
        fc.integer({ min: 1, max: 3 }),
        async (before, during, asked, limit) => {
          const followed = new Followed();
          const { world, list } = followed;
          for (const step of before) if (step.do !== 'ask') await followed.take(step);
          const placeOf = () =>
            new Map(world.find(asked, followed.now).map((row) => [row.sessionId, String(row[asked.sort])]));
          let stayed = placeOf();
          const seen: string[] = [];
          let cursor: string | undefined;
          const meanwhile = during.values();
          do {
            const page = list.list(
              { ...asked, limit, ...(cursor !== undefined && { cursor }) },
              followed.now,
            );
            seen.push(...page.sessions.map((row) => `${row.sessionId} at ${row[asked.sort]}`));
            cursor = page.cursor;
            for (const step of [meanwhile.next().value, meanwhile.next().value]) {
              if (step === undefined || step.do === 'ask') continue;
              if (cursor === undefined) break;
              await followed.take(step);
              const now = placeOf();
              stayed = new Map([...stayed].filter(([id, place]) => now.get(id) === place));
            }
          } while (cursor !== undefined);
          expect(new Set(seen).size).toBe(seen.length);
          for (const [id, place] of stayed)
            expect(seen).toContain(`${id} at ${asked.sort === 'name' && place === 'null' ? null : place}`);
        },
      ),
      { numRuns: 150, seed: 12 },
    );
  });

  test('a list that is made from heads shows what the one shows that followed, and goes on from there', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, fc.array(query, { maxLength: 6 }), async (first, then, queries) => {
        const followed = new Followed();
        for (const step of first) if (step.do !== 'ask') await followed.take(step);
        const rebuilt = followed.made();
        expect(rebuilt.load(followed.world.heads())).toEqual([]);
        rebuilt.serve();
        const pages = (list: SessionList) =>
          queries.map((asked) => list.list({ ...asked, limit: 5 }, followed.now));
        expect(pages(rebuilt)).toEqual(pages(followed.list));
        for (const step of then) if (step.do !== 'ask') await followed.take(step);
        for (const { stream } of followed.world.heads()) await rebuilt.reread(stream);
        expect(pages(rebuilt)).toEqual(pages(followed.list));
        expect(rebuilt.rows).toBe(followed.list.rows);
      }),
      { numRuns: 80, seed: 13 },
    );
  });

  test('counts of an agent and of a parent are those of what a naive list finds', async () => {
    await fc.assert(
      fc.asyncProperty(steps, word, async (history, agent) => {
        const followed = new Followed();
        for (const step of history) if (step.do !== 'ask') await followed.take(step);
        const { list, world, now } = followed;
        for (const filter of [{ agent }, { parentSessionId: 'p1' }, { agent, parentSessionId: 'p1' }]) {
          const found = world.find({ ...filter, sort: 'name', status: listedStatuses }, now);
          expect(list.count(filter, now).total).toBe(found.length);
        }
      }),
      { numRuns: 60, seed: 14 },
    );
  });
});

const nonZero = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
