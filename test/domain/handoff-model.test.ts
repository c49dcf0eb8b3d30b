// The law of handoffs: its lives beside a plain model, and everybody at once on one offer. The long form is `npm run torture -- handoffs`.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { handoffMoves, liveAsModelled } from '../support/handoff-model.ts';
import { raceForOffer, racers } from '../support/handoff-races.ts';

test('a session that is handed over has the owner that a plain model says, and lets the same writers in', () => {
  fc.assert(fc.property(handoffMoves, liveAsModelled), { numRuns: 200 });
});

test('of all who answer an offer while it is withdrawn and expires one has it, and everybody is told the same', async () => {
  const race = fc.asyncProperty(racers, fc.scheduler(), async (plan, scheduler) => {
    expect(await raceForOffer(plan, scheduler)).toBeUndefined();
  });
  await fc.assert(race, { numRuns: 150 });
});
