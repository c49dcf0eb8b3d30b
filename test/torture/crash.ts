// The crash harness: random sequences to a session, and to a whole system, are cut off at every operation of their disk. Whatever is
// left must be what was acknowledged, or that and what was under way.
import { availableParallelism } from 'node:os';
import type { CrashReport } from './crash-worker.ts';
import type { Harness, TortureOptions, TortureResult } from './harness.ts';
import { inChild } from './in-child.ts';

const fullSequences = 10_000;
const shortSequences = 40;
/** Points through a whole system for each sequence of a session. */
const systemShare = 0.5;

export const crashHarness: Harness = {
  name: 'crash',
  summary:
    'every operation of a simulated disk is where the process ends or the disk fails (10,000 sequences)',
  run,
};

async function run({ cycles, short, seed, progress }: TortureOptions): Promise<TortureResult> {
  const sequences = cycles ?? (short ? shortSequences : fullSequences);
  const workers = Math.min(availableParallelism(), 4, sequences);
  const began = performance.now();
  let done = 0;
  const reports = await Promise.all(
    Array.from({ length: workers }, (_, n) => {
      const share = Math.floor((sequences + n) / workers);
      const job = { seed: seed + n, sequences: share, systemPoints: Math.ceil(share * systemShare) };
      return inChild<CrashReport>('crash-worker', job, (_done, _total, note) =>
        progress(++done, sequences, note),
      );
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const sum = (count: (report: CrashReport) => number): number =>
    reports.reduce((total, report) => total + count(report), 0);
  const points = sum(({ entity, system }) => entity.points + system.points);
  const faults = [...new Set(reports.flatMap(({ entity }) => Object.keys(entity.faults)))];
  return {
    rows: [
      ['sequences of a session', sum(({ entity }) => entity.sequences)],
      ['commands', sum(({ entity }) => entity.commands)],
      ['points', sum(({ entity }) => entity.points)],
      ...faults.map((fault) => [`  ${fault}`, sum(({ entity }) => entity.faults[fault] ?? 0)] as const),
      ['different disks recovered, twice each', sum(({ entity }) => entity.recoveries)],
      ['sequences of a system', sum(({ system }) => system.sequences)],
      ['points of a system', sum(({ system }) => system.points)],
      ['different disks of a system recovered', sum(({ system }) => system.recoveries)],
      ['seconds', seconds.toFixed(1)],
      ['points a second', `${Math.round(points / seconds)}, in ${workers} processes`],
    ],
    broken: reports.flatMap(({ broken }) => broken),
  };
}
