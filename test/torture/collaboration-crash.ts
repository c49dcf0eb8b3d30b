// The collaboration-crash harness: locks and roster, permits, and tasks with their runner, each in a whole system that is cut off at
// operations of its disk. What was answered is there, and within the stated bounds nothing strands.
import { crashMatrix } from '../../src/testing/index.ts';
import { lockScenario } from './crash/lock-scenario.ts';
import { matrixTable, together } from './crash/matrix-table.ts';
import { permitScenario } from './crash/permit-scenario.ts';
import { taskScenario } from './crash/task-scenario.ts';
import type { Harness, TortureOptions, TortureResult } from './harness.ts';

const mostMoves = 10;

export const collaborationCrashHarness: Harness = {
  name: 'collaboration-crash',
  summary:
    'locks, roster, permits and tasks of a system, cut off at operations of its disk (20 sequences each)',
  async run(options) {
    const cut = cutOff(options);
    return together([
      await cut('sequences of locks and roster', (matrix) => crashMatrix(lockScenario(mostMoves), matrix)),
      await cut('sequences of permits', (matrix) => crashMatrix(permitScenario(mostMoves), matrix)),
      await cut('sequences of tasks', (matrix) => crashMatrix(taskScenario(mostMoves), matrix)),
    ]);
  },
};

type Matrix = NonNullable<Parameters<typeof crashMatrix>[1]>;

/**
 * Points are chosen by chance: more sequences find more than more points of one. The process dies at each: what an error of the disk holds up
 * goes on when time has passed, and states are compared before that.
 */
function cutOff(options: TortureOptions) {
  const { seed, cycles, short } = options;
  const sequences = cycles ?? (short ? 1 : 20);
  const crashes = short ? 16 : 60;
  return (what: string, run: (matrix: Matrix) => ReturnType<typeof crashMatrix>): Promise<TortureResult> =>
    matrixTable(options, sequences, what, (progress) =>
      run({ crashes, errors: 0, seed, sequences, progress, finishEvery: 3, shrinks: 10 }),
    );
}
