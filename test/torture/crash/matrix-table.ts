// One run of the crash matrix as a harness tells of it: what it tried as rows, and the promise that broke.

import { AssertionError } from 'node:assert';
import type { CrashMatrixResult } from '../../../src/testing/crash-matrix/scenario.ts';
import { CrashMatrixError } from '../../../src/testing/index.ts';
import type { TortureOptions, TortureResult } from '../harness.ts';

export async function matrixTable(
  { progress }: TortureOptions,
  sequences: number,
  what: string,
  run: (progress: (done: CrashMatrixResult) => void) => Promise<CrashMatrixResult>,
): Promise<TortureResult> {
  if (sequences === 0) return { rows: [], broken: [] };
  try {
    const told = (done: CrashMatrixResult): void => progress(done.sequences, sequences, what);
    const { points, recoveries, commands, pointsByFault } = await run(told);
    const rows = [
      [what, sequences],
      ['commands', commands],
      ['points', points],
      ...Object.entries(pointsByFault).map(([fault, count]) => [`  ${fault}`, count] as const),
      ['different disks recovered, twice each', recoveries],
    ] as const;
    return { rows, broken: [] };
  } catch (error) {
    if (error instanceof CrashMatrixError) return { rows: [], broken: [error.message] };
    if (error instanceof AssertionError)
      return { rows: [], broken: [`${what}, where nothing has failed: ${error.message}`] };
    throw error;
  }
}

export const together = (tables: readonly TortureResult[]): TortureResult => ({
  rows: tables.flatMap(({ rows }) => rows),
  broken: tables.flatMap(({ broken }) => broken),
});
