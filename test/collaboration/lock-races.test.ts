// Locks that are taken, released, forgotten and expire at the same time, in every order that a scheduler chooses.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lockPlans, raceForLocks } from '../support/lock-races.ts';

test('whoever may believe that a lock is his has it alone, and nothing is left behind', async () => {
  const counts = { granted: 0, refused: 0, sure: 0 };
  await fc.assert(
    fc.asyncProperty(lockPlans, fc.scheduler(), async (plan, scheduler) => {
      const { broken, granted, refused, sure } = await raceForLocks(plan, scheduler);
      counts.granted += granted;
      counts.refused += refused;
      counts.sure += sure;
      expect(broken).toEqual([]);
    }),
    { numRuns: 100 },
  );
  expect(Math.min(counts.granted, counts.sure)).toBeGreaterThan(100);
  expect(counts.refused).toBeGreaterThan(0);
});
