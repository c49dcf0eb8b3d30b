// One process of the crash harness: its share of the sequences, one matrix for each.
import { type CrashMatrixResult, crashMatrix } from '../../src/testing/crash-matrix/crash-matrix.ts';
import type { CrashMatrixOptions } from '../../src/testing/crash-matrix/scenario.ts';
import { sessionScenario } from './crash/session-sequences.ts';
import { systemMatrixScenario } from './crash/system-scenario.ts';
import { answer } from './in-child.ts';

interface Job {
  readonly seed: number;
  readonly sequences: number;
  readonly systemPoints: number;
}

interface Share {
  readonly sequences: number;
  readonly commands: number;
  readonly points: number;
  readonly recoveries: number;
  readonly faults: Readonly<Record<string, number>>;
}

export interface CrashReport {
  readonly entity: Share;
  readonly system: Share;
  readonly broken: readonly string[];
}

/** Refusals are many here, and nobody reads where they come from. */
Error.stackTraceLimit = 0;

const nothing: Share = { sequences: 0, commands: 0, points: 0, recoveries: 0, faults: {} };
const mostBroken = 3;

await answer<Job>(async ({ seed, sequences, systemPoints }, progress): Promise<CrashReport> => {
  const broken: string[] = [];
  /** Each sequence has a seed of its own, so that what is printed runs it again alone. */
  const one = async (
    share: Share,
    n: number,
    run: (options: CrashMatrixOptions) => Promise<CrashMatrixResult>,
  ): Promise<Share> => {
    try {
      return added(share, await run({ seed: (seed * 100_003 + n) % 2 ** 31, sequences: 1 }));
    } catch (error) {
      broken.push((error as Error).message);
      return share;
    }
  };
  let entity = nothing;
  for (let n = 1; n <= sequences && broken.length < mostBroken; n++) {
    // Every fourth has commands under way together.
    const inFlight = n % 4 === 0 ? 3 : 1;
    const settings = { inFlight, errors: 2, finishEvery: 3 };
    entity = await one(entity, n, (options) =>
      crashMatrix.entity(sessionScenario(10), { ...options, ...settings }),
    );
    progress(n, sequences, `${entity.points} points`);
  }
  let system = nothing;
  for (let n = 1; system.points < systemPoints && broken.length < mostBroken; n++) {
    const settings = { crashes: 40, errors: 10 };
    system = await one(system, n, (options) =>
      crashMatrix.system(systemMatrixScenario(8), { ...options, ...settings }),
    );
  }
  return { entity, system, broken };
});

function added(share: Share, result: CrashMatrixResult): Share {
  const faults = { ...share.faults };
  for (const [fault, count] of Object.entries(result.pointsByFault))
    faults[fault] = (faults[fault] ?? 0) + count;
  return {
    sequences: share.sequences + result.sequences,
    commands: share.commands + result.commands,
    points: share.points + result.points,
    recoveries: share.recoveries + result.recoveries,
    faults,
  };
}
