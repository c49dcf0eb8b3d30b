// Races of one session with itself: starts, crashes, passivation, waking and writes in orders that a scheduler chooses. There are
// more of them in `npm run torture -- races`.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { raceMoves, raceOf } from '../support/session-races.ts';

test('one session never has two actors, never none when one is due, and keeps what was acknowledged, once', async () => {
  await fc.assert(
    fc.asyncProperty(raceMoves, fc.scheduler(), async (plan, scheduler) => {
      expect(await raceOf(plan, scheduler)).toEqual([]);
    }),
    { numRuns: 120 },
  );
});
