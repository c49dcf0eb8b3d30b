// The law of durable steps beside a plain model. The long form is `npm run torture -- laws`.
import fc from 'fast-check';
import { test } from 'vitest';
import { liveSteps, stepMoves } from '../support/step-model.ts';

test('the runs of a session have finished, wait for and are told what a plain list of them says', () => {
  fc.assert(fc.property(stepMoves, liveSteps), { numRuns: 100 });
});
