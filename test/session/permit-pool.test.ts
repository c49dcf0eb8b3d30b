// The permits of one key under random lives: never more than may be, nobody overtaken beyond the bound, nothing stranded.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PermitPool } from '../../src/session/permits/permit-pool.ts';
import { livePool, permitPlans, poolLimits, poolMoves, raceOfPermits } from '../support/permit-races.ts';

test('whatever comes in whatever order, limits hold, turns are kept, and all that wait are served in the end', () => {
  fc.assert(
    fc.property(poolLimits, poolMoves, (limits, moves) => {
      expect(livePool(limits, moves)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('in every order of asking, giving up, dying and giving back never more hold one, and none is left over', async () => {
  await fc.assert(
    fc.asyncProperty(permitPlans, fc.scheduler(), async (plan, scheduler) => {
      const { most, left } = await raceOfPermits(plan, scheduler);
      expect(most).toBeLessThanOrEqual(2);
      expect(left).toEqual({ held: 0, waiting: 0, isOver: true, timers: 0 });
    }),
    { numRuns: 100 },
  );
});

const use = { requests: 1, tokens: 0, cost: 0 };

test('a tree with a hundred that wait takes turns with one that has one', () => {
  const pool = new PermitPool<{ tree: string; use: typeof use; name: string }>({ inFlight: 1 });
  const ask = (tree: string, name: string) => ({ tree, use, name });
  const many = Array.from({ length: 100 }, (_, i) => ask('many', `m${i}`));
  for (const each of many) pool.join(each);
  pool.join(ask('one', 'o'));
  const order: string[] = [];
  for (let i = 0; i < 4; i++) {
    for (const granted of pool.serve(0)) {
      order.push(granted.name);
      pool.giveBack(granted, 0, undefined, 0);
    }
  }
  expect(order).toEqual(['m0', 'o', 'm1', 'm2']);
});

test('one that asks for much is not overtaken by those that ask for little', () => {
  const pool = new PermitPool<{ tree: string; use: typeof use }>({ tokensPerMinute: 100 });
  const ask = (tree: string, tokens: number) => ({ tree, use: { ...use, tokens } });
  const first = ask('a', 60);
  const much = ask('b', 60);
  const little = ask('c', 10);
  for (const each of [first, much, little]) pool.join(each);
  expect(pool.serve(0)).toEqual([first]);
  const next = pool.nextAt(0);
  expect(next).toBe(61_000);
  expect(pool.serve(60_000)).toEqual([]);
  expect(pool.serve(next ?? 0)).toEqual([much, little]);
});

test('a tree at its own limit is passed over, and goes on when it has given one back', () => {
  const pool = new PermitPool<{ tree: string; use: typeof use; n: number }>({
    inFlight: 3,
    perTree: { inFlight: 1 },
  });
  const ask = (tree: string, n: number) => ({ tree, use, n });
  const asks = [ask('a', 1), ask('a', 2), ask('b', 3)];
  for (const each of asks) pool.join(each);
  expect(pool.serve(0).map(({ n }) => n)).toEqual([1, 3]);
  expect(pool.nextAt(0)).toBeNull();
  pool.giveBack(ask('a', 1), 0, undefined, 0);
  expect(pool.serve(0).map(({ n }) => n)).toEqual([2]);
});

test('what was used in place of what was expected is set right, and counts for its minute', () => {
  const pool = new PermitPool<{ tree: string; use: typeof use }>({ tokensPerMinute: 100 });
  const ask = (tokens: number) => ({ tree: 'a', use: { ...use, tokens } });
  const [first, second] = [ask(80), ask(80)];
  pool.join(first);
  pool.join(second);
  expect(pool.serve(500)).toEqual([first]);
  pool.giveBack(first, 500, { ...use, tokens: 20 }, 900);
  expect(pool.serve(900)).toEqual([second]);
  pool.giveBack(second, 900, { ...use, tokens: 200 }, 30_000);
  const third = ask(0);
  pool.join(third);
  expect(pool.serve(60_999)).toEqual([]);
  expect(pool.nextAt(60_999)).toBe(91_000);
  expect(pool.serve(91_000)).toEqual([third]);
});
