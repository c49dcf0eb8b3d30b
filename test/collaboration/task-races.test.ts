// One task in the hands of several workers at once, in every order that a scheduler chooses. The long form is `npm run torture -- laws`.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { raceForTask, taskPlans } from '../support/task-races.ts';

test('however a task is claimed, lost, handed over and completed at once, one attempt is heard and no result is lost', async () => {
  const counts = { attempts: 0, handedOver: 0, completed: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(taskPlans, fc.scheduler(), async (plan, scheduler) => {
      const { broken, ...seen } = await raceForTask(plan, scheduler);
      counts.attempts += seen.attempts;
      counts.handedOver += seen.handedOver;
      counts.completed += seen.completed;
      counts.refused += seen.refused;
      expect(broken).toEqual([]);
    }),
    { numRuns: 100 },
  );
  const { handedOver, ...others } = counts;
  expect(Math.min(...Object.values(others))).toBeGreaterThan(20);
  expect(handedOver).toBeGreaterThan(0);
});
