// All laws that are led beside a model, and all races for what only one may have: one list, so that each can be run at any count.
import fc from 'fast-check';
import { handoffMoves, liveAsModelled as liveHandoffs } from './handoff-model.ts';
import { raceForOffer, racers } from './handoff-races.ts';
import { liveLocks, lockSteps } from './lock-model.ts';
import { lockPlans, raceForLocks } from './lock-races.ts';
import { liveMail, mailSteps } from './mail-model.ts';
import { memoryMoves, rememberAsModelled } from './memory-model.ts';
import { livePool, permitPlans, poolLimits, poolMoves, raceOfPermits } from './permit-races.ts';
import { liveRoster, rosterSteps } from './roster-model.ts';
import { raceMoves, raceOf } from './session-races.ts';
import { liveAsModelled as liveSpaces, spaceMoves } from './space-model.ts';
import { raceOfSwaps, swapPlans } from './space-races.ts';
import { liveSteps, stepMoves } from './step-model.ts';
import { liveTasks, taskSteps } from './task-lives.ts';
import { liveOffers, offerSteps } from './task-offer-lives.ts';
import { raceForTask, taskPlans } from './task-races.ts';
import { liveTree, treeSteps } from './tree-model.ts';

export interface CheckedLaw {
  readonly name: string;
  /** How often a long run checks it. */
  readonly runs: number;
  /** What is wrong with the shortest life or race that went wrong; undefined when none did. `ran` is called after each. */
  check(runs: number, seed: number, ran: () => void): Promise<string | undefined>;
}

const lives = 3_000;
const interleavings = 2_000;

function life<Steps>(name: string, steps: fc.Arbitrary<Steps>, live: (steps: Steps) => unknown): CheckedLaw {
  return law(`lives of ${name}`, lives, (ran) =>
    fc.property(steps, (given) => {
      live(given);
      ran();
    }),
  );
}

/** `problem`: what was wrong with one race; undefined or empty for nothing. */
function race<Plan>(
  name: string,
  plans: fc.Arbitrary<Plan>,
  problem: (plan: Plan, scheduler: fc.Scheduler) => Promise<string | undefined>,
): CheckedLaw {
  return law(`races for ${name}`, interleavings, (ran) =>
    fc.asyncProperty(plans, fc.scheduler(), async (plan, scheduler) => {
      const found = await problem(plan, scheduler);
      ran();
      if (found) throw new Error(found);
    }),
  );
}

function law<Ts>(
  name: string,
  runs: number,
  property: (ran: () => void) => fc.IAsyncProperty<Ts> | fc.IProperty<Ts>,
): CheckedLaw {
  return {
    ...{ name, runs },
    async check(numRuns, seed, ran) {
      const found = await fc.check(property(ran) as fc.IAsyncProperty<Ts>, { numRuns, seed });
      if (!found.failed) return undefined;
      return `${String(found.errorInstance)} after ${fc.stringify(found.counterexample)}`;
    },
  };
}

const idlePool = JSON.stringify({ held: 0, waiting: 0, isOver: true, timers: 0 });

export const checkedLaws: readonly CheckedLaw[] = [
  life('agents and their steps', stepMoves, liveSteps),
  life('tasks', taskSteps, liveTasks),
  life('offers of tasks', offerSteps, liveOffers),
  life('spaces', spaceMoves, liveSpaces),
  life('roster', rosterSteps, liveRoster),
  life('locks', lockSteps, liveLocks),
  life('memories', memoryMoves, rememberAsModelled),
  life('handoffs', handoffMoves, liveHandoffs),
  life('trees', treeSteps, liveTree),
  life('mail', mailSteps, liveMail),
  life('permits', fc.tuple(poolLimits, poolMoves), ([limits, moves]) => {
    const broken = livePool(limits, moves);
    if (broken.length > 0) throw new Error(broken.join('; '));
  }),
  race('tasks', taskPlans, async (plan, scheduler) => (await raceForTask(plan, scheduler)).broken.join('; ')),
  race('keys of spaces', swapPlans, async (plan, scheduler) => {
    const { verdict, lost } = await raceOfSwaps(plan, scheduler);
    return verdict === 'linearizable' && lost === 0 ? undefined : `${verdict}, ${lost} writes are lost`;
  }),
  race('locks', lockPlans, async (plan, scheduler) =>
    (await raceForLocks(plan, scheduler)).broken.join('; '),
  ),
  race('handoffs', racers, raceForOffer),
  race('permits', permitPlans, async (plan, scheduler) => {
    const { most, left } = await raceOfPermits(plan, scheduler);
    const isClean = most <= 2 && JSON.stringify(left) === idlePool;
    return isClean ? undefined : `${most} held at once, left ${JSON.stringify(left)}`;
  }),
  race('sessions', raceMoves, async (plan, scheduler) => (await raceOf(plan, scheduler)).join('; ')),
];
