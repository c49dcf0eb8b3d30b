// The handoffs harness: the law against its model by random lives, everybody at once on one offer in every order that a scheduler
// chooses, processes that die under handoffs, and the crash matrix at every operation of all streams involved.
import fc from 'fast-check';
import { crashMatrix } from '../../src/testing/index.ts';
import { handoffMoves, liveAsModelled } from '../support/handoff-model.ts';
import { raceForOffer, racers } from '../support/handoff-races.ts';
import { strandedAfter, strandingMoves } from '../support/handoff-stranding.ts';
import { checkProperty } from './check-property.ts';
import { handoffScenario } from './crash/handoff-scenario.ts';
import { matrixTable } from './crash/matrix-table.ts';
import type { Harness } from './harness.ts';

export const handoffsHarness: Harness = {
  name: 'handoffs',
  summary:
    'handoffs: lives against a model (3,000), races for an offer (2,000), processes that die (300), every disk operation (12 sequences)',
  async run(options) {
    const { cycles, short, seed } = options;
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
    const matrix = await matrixTable(options, counts.sequences, 'sequences cut off', (progress) =>
      crashMatrix(handoffScenario(6), { seed, sequences: counts.sequences, finishEvery: 5, progress }),
    );
    const rows = [
      ['lives against the model', counts.lives],
      ['interleavings of answers to an offer', counts.races],
      ['lives in which processes died', counts.deaths],
      ...matrix.rows,
    ] as const;
    return { rows, broken: [...broken, ...matrix.broken] };
  },
};
