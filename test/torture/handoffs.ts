// The handoffs harness: the law against its model by random lives, everybody at once on one offer in every order that a scheduler
// chooses, processes that die under handoffs, and the crash matrix at every operation of all streams involved.
import fc from 'fast-check';
import { CrashMatrixError, crashMatrix } from '../../src/testing/index.ts';
import { handoffMoves, liveAsModelled } from '../support/handoff-model.ts';
import { raceForOffer, racers } from '../support/handoff-races.ts';
import { strandedAfter, strandingMoves } from '../support/handoff-stranding.ts';
import { checkProperty } from './check-property.ts';
import { handoffScenario } from './crash/handoff-scenario.ts';
import type { Harness, TortureOptions } from './harness.ts';

export const handoffsHarness: Harness = {
  name: 'handoffs',
  summary:
    'handoffs: lives against a model (3,000), races for an offer (2,000), processes that die (300), every disk operation (12 sequences)',
  async run(options) {
    const { cycles, short } = options;
    const counts = {
      lives: cycles ?? (short ? 500 : 3_000),
      races: cycles ?? (short ? 200 : 2_000),
      deaths: cycles ?? (short ? 20 : 300),
      sequences: cycles ?? (short ? 1 : 12),
    };
    const broken = [
      ...(await checkProperty(options, 'lives', counts.lives, (done) =>
        fc.property(handoffMoves, (moves) => {
          liveAsModelled(moves);
          done();
        }),
      )),
      ...(await checkProperty(options, 'interleavings', counts.races, (done) =>
        fc.asyncProperty(racers, fc.scheduler(), async (plan, scheduler) => {
          const problem = await raceForOffer(plan, scheduler);
          done();
          if (problem !== undefined) throw new Error(problem);
        }),
      )),
      ...(await checkProperty(options, 'deaths', counts.deaths, (done) =>
        fc.asyncProperty(strandingMoves, async (moves) => {
          const stranded = await strandedAfter(moves);
          done();
          if (stranded.length > 0) throw new Error(`left behind: ${stranded.join()}`);
        }),
      )),
    ];
    const matrix = await crash(options, counts.sequences);
    const rows = [
      ['lives against the model', counts.lives],
      ['interleavings of answers to an offer', counts.races],
      ['lives in which processes died', counts.deaths],
      ...matrix.rows,
    ] as const;
    return { rows, broken: [...broken, ...matrix.broken] };
  },
};

async function crash(
  { seed, progress }: TortureOptions,
  sequences: number,
): Promise<{
  readonly rows: readonly (readonly [string, string | number])[];
  readonly broken: readonly string[];
}> {
  try {
    const { points, recoveries, commands, pointsByFault } = await crashMatrix(handoffScenario(6), {
      ...{ seed, sequences, finishEvery: 5 },
      progress: (done) => progress(done.sequences, sequences, 'sequences'),
    });
    const rows = [
      ['sequences cut off', sequences],
      ['commands', commands],
      ['points', points],
      ...Object.entries(pointsByFault).map(([fault, count]) => [`  ${fault}`, count] as const),
      ['different disks recovered, twice each', recoveries],
    ] as const;
    return { rows, broken: [] };
  } catch (error) {
    if (error instanceof CrashMatrixError) return { rows: [], broken: [error.message] };
    throw error;
  }
}
