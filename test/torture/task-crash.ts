// The task-crash harness: random sequences to the tasks of a session are cut off at every operation of their disk, one command at a time
// and several under way together.
import { crashMatrix } from '../../src/testing/index.ts';
import { matrixTable, together } from './crash/matrix-table.ts';
import { tasksScenario } from './crash/task-sequences.ts';
import type { Harness, TortureOptions, TortureResult } from './harness.ts';

const mostCommands = 14;

export const taskCrashHarness: Harness = {
  name: 'task-crash',
  summary: 'the tasks of a session, cut off at every operation of a simulated disk (600 sequences)',
  async run(options) {
    const total = options.cycles ?? (options.short ? 30 : 600);
    return together([
      await cutOff(options, 'one at a time', Math.ceil(total * 0.7), 1),
      await cutOff(options, 'three under way', Math.floor(total * 0.3), 3),
    ]);
  },
};

function cutOff(
  options: TortureOptions,
  note: string,
  sequences: number,
  inFlight: number,
): Promise<TortureResult> {
  const { seed } = options;
  return matrixTable(options, sequences, `sequences, ${note}`, (progress) =>
    crashMatrix.entity(tasksScenario(mostCommands), { seed, sequences, inFlight, finishEvery: 3, progress }),
  );
}
