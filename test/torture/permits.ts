// The permits harness: pools under random lives, and agents that race for two permits in every order that a scheduler chooses.
import fc from 'fast-check';
import { livePool, permitPlans, poolLimits, poolMoves, raceOfPermits } from '../support/permit-races.ts';
import type { Harness } from './harness.ts';

export const permitsHarness: Harness = {
  name: 'permits',
  summary:
    'permits of one key: limits hold, turns are kept, nothing strands (3,000 lives, 2,000 interleavings)',
  async run({ cycles, short, seed, progress }) {
    const races = cycles ?? (short ? 100 : 2_000);
    const lives = short ? 100 : 3_000;
    let done = 0;
    const life = fc.property(poolLimits, poolMoves, (limits, moves) => {
      const broken = livePool(limits, moves);
      if (broken.length > 0) throw new Error(broken.join('; '));
    });
    const race = fc.asyncProperty(permitPlans, fc.scheduler(), async (plan, scheduler) => {
      const { most, left } = await raceOfPermits(plan, scheduler);
      progress(++done, races, 'interleavings');
      const isClean =
        JSON.stringify(left) === JSON.stringify({ held: 0, waiting: 0, isOver: true, timers: 0 });
      if (most > 2 || !isClean) throw new Error(`${most} held at once, left ${JSON.stringify(left)}`);
    });
    const judged = [fc.check(life, { numRuns: lives, seed }), await fc.check(race, { numRuns: races, seed })];
    const broken = judged
      .filter(({ failed }) => failed)
      .map(
        ({ errorInstance, counterexample }) =>
          `${String(errorInstance)} after ${JSON.stringify(counterexample)}`,
      );
    return {
      rows: [
        ['lives', lives],
        ['interleavings', done],
      ],
      broken,
    };
  },
};
