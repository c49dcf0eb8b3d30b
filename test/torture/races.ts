// The races harness: one session under moves and writes in every order that a scheduler chooses; two actors never live at once.
import fc from 'fast-check';
import { raceMoves, raceOf } from '../support/session-races.ts';
import type { Harness } from './harness.ts';

export const racesHarness: Harness = {
  name: 'races',
  summary:
    'starts, crashes, passivation and waking of one session over a scheduled disk: one actor, nothing lost (2,000)',
  async run({ cycles, short, seed, progress }) {
    const total = cycles ?? (short ? 100 : 2_000);
    let done = 0;
    const property = fc.asyncProperty(raceMoves, fc.scheduler(), async (plan, scheduler) => {
      const broken = await raceOf(plan, scheduler);
      done += 1;
      progress(done, total, 'interleavings');
      if (broken.length > 0) throw new Error(broken.join('; '));
    });
    const { failed, errorInstance, counterexample } = await fc.check(property, { numRuns: total, seed });
    const shortest = `${String(errorInstance)} after ${JSON.stringify(counterexample?.[0])}`;
    return { rows: [['interleavings', done]], broken: failed ? [shortest] : [] };
  },
};
