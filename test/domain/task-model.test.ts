// The law of tasks against a model that looks at all of them after each step. The long form is `npm run torture -- laws`.
import fc from 'fast-check';
import { test } from 'vitest';
import { liveTasks, taskSteps } from '../support/task-lives.ts';
import { liveOffers, offerSteps } from '../support/task-offer-lives.ts';

test('whatever is asked of tasks, they come to what the model comes to', () => {
  fc.assert(fc.property(taskSteps, liveTasks), { numRuns: 300 });
});

test('however a task is offered, taken, declined and lost, one attempt is heard', () => {
  fc.assert(fc.property(offerSteps, liveOffers), { numRuns: 200 });
});
