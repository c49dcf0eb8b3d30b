// The task-crash harness: random sequences to the tasks of a session are cut off at every operation of their disk, one command at a time
// and several under way together.
import { CrashMatrixError, crashMatrix } from '../../src/testing/index.ts';
import { tasksScenario } from './crash/task-sequences.ts';
import type { Harness, TortureOptions, TortureResult } from './harness.ts';

const mostCommands = 14;

export const taskCrashHarness: Harness = {
  name: 'task-crash',
  summary: 'the tasks of a session, cut off at every operation of a simulated disk (600 sequences)',
  async run(options) {
    const total = options.cycles ?? (options.short ? 30 : 600);
    const alone = await cutOff(options, 'one at a time', Math.ceil(total * 0.7), 1);
    const together = await cutOff(options, 'three under way', Math.floor(total * 0.3), 3);
    return { rows: [...alone.rows, ...together.rows], broken: [...alone.broken, ...together.broken] };
  },
};

async function cutOff(
  { seed, progress }: TortureOptions,
  note: string,
  sequences: number,
  inFlight: number,
): Promise<TortureResult> {
  if (sequences === 0) return { rows: [], broken: [] };
  try {
    const { commands, points, recoveries, pointsByFault } = await crashMatrix.entity(
      tasksScenario(mostCommands),
      {
        ...{ seed, sequences, inFlight, finishEvery: 3 },
        progress: (done) => progress(done.sequences, sequences, note),
      },
    );
    const rows = [
      [`sequences, ${note}`, sequences],
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
