// The crash matrix: a scenario is lived once for every operation of its disk and every fault that can happen there, and
// whatever is left must be what was acknowledged, or that and what was under way.
import { inspect } from 'node:util';
import type { Command } from '../../domain/law.ts';
import { assertGiven, type Members } from '../../system/given.ts';
import { seededRandom } from '../seeded-random.ts';
import type { DiskFault } from '../simulated-disk.ts';
import { type EntityScenario, entityScenario } from './entity-matrix.ts';

export type { CrashMatrixResult } from './scenario.ts';

import type { CrashMatrixOptions, CrashMatrixResult, CrashPlace, CrashScenario } from './scenario.ts';
import { allFaults, type Failure, Sequence, type Settings } from './sequence.ts';
import { shrink } from './shrink.ts';
import { type SystemScenario, systemScenario } from './system-matrix.ts';

/** Thrown for the first point that breaks a promise. */
export class CrashMatrixError extends Error {
  override readonly name = 'CrashMatrixError';
  readonly seed: number;
  /** Hand it to `only`, with the same seed, to run just this again. */
  readonly place: CrashPlace;

  constructor(seed: number, place: CrashPlace, message: string) {
    super(message);
    this.seed = seed;
    this.place = place;
  }
}

const members: Members<CrashMatrixOptions> = {
  ...{ seed: 'optional', sequences: 'optional', faults: 'optional', crashes: 'optional', errors: 'optional' },
  ...{ finishEvery: 'optional', inFlight: 'optional', shuffle: 'optional', shrinks: 'optional' },
  ...{ only: 'optional', progress: 'optional' },
};

async function run<Handle, Command>(
  scenario: CrashScenario<Handle, Command>,
  options: CrashMatrixOptions = {},
): Promise<CrashMatrixResult> {
  assertGiven('crashMatrix', options, members);
  const settings = settingsOf(scenario, options);
  const { only, progress } = options;
  const tally = new Tally(settings.seed);
  const first = only?.sequence ?? 1;
  for (let n = first; n <= (only?.sequence ?? settings.sequences); n++) {
    const trial = new Trials(scenario, settings, n);
    const { sequence, failure } = await trial.run(only);
    tally.add(sequence, trial.commands.length);
    if (failure !== undefined)
      throw trial.errorOf(only === undefined ? await trial.shortest(failure) : failure);
    progress?.(tally.result);
  }
  return tally.result;
}

/** One list of commands, and shorter ones made of it. */
class Trials<Handle, Command> {
  readonly commands: readonly Command[];
  readonly #scenario: CrashScenario<Handle, Command>;
  readonly #settings: Settings;
  readonly #number: number;
  readonly #chance: number;

  constructor(scenario: CrashScenario<Handle, Command>, settings: Settings, number: number) {
    this.#scenario = scenario;
    this.#settings = settings;
    this.#number = number;
    this.#chance = Math.floor(seededRandom(settings.seed + number * 7_919)() * 2 ** 31);
    const { commands } = scenario;
    this.commands = typeof commands === 'function' ? commands(seededRandom(this.#chance)) : commands;
  }

  async run(
    only: CrashPlace | undefined,
  ): Promise<{ sequence: Sequence<Handle, Command>; failure: Failure | undefined }> {
    const sequence = this.#of(only?.commands ?? [...this.commands.keys()], this.#settings);
    const failure = await sequence.run(
      only &&
        (({ point, fault, kept }) => point === only.point && fault === only.fault && kept === only.kept),
    );
    return { sequence, failure };
  }

  /** Fewer commands, then the earliest point, that fail by the same fault. */
  shortest(failure: Failure): Promise<Failure> {
    const { fault } = failure.place;
    const every = { ...this.#settings, faults: [fault], crashes: Infinity, errors: Infinity, finishEvery: 1 };
    return shrink(failure.place.commands, failure, (some) => this.#of(some, every).run(), every.shrinks);
  }

  errorOf({ place, operation, difference }: Failure): CrashMatrixError {
    const { seed } = this.#settings;
    const full: CrashPlace = { sequence: this.#number, ...place };
    const { what, expected, found } = difference;
    const shown = place.commands.map((index) => `  ${index}: ${show(this.commands[index])}`);
    const lines = [
      `${what}.`,
      `Seed ${seed}, sequence ${full.sequence}: ${place.fault} at operation ${place.point} of the disk, ${operation}, ${place.kept} unsynced batches kept.`,
      `Commands:`,
      ...shown,
      ...(expected === undefined
        ? []
        : ['Expected:', ...expected.map((state) => `  ${show(state)}`).slice(0, 4)]),
      ...('found' in difference ? ['Found:', `  ${show(found)}`] : []),
      `Run just this again: { seed: ${seed}, only: ${JSON.stringify(full)} }`,
    ];
    return new CrashMatrixError(seed, full, lines.join('\n'));
  }

  #of(wanted: readonly number[], settings: Settings): Sequence<Handle, Command> {
    return new Sequence(this.#scenario, this.commands, wanted, settings, this.#chance);
  }
}

class Tally {
  result: CrashMatrixResult;

  constructor(seed: number) {
    this.result = { seed, sequences: 0, commands: 0, points: 0, pointsByFault: {}, recoveries: 0 };
  }

  add(
    { tried, recoveries }: Pick<Sequence<unknown, unknown>, 'tried' | 'recoveries'>,
    commands: number,
  ): void {
    const { result } = this;
    const pointsByFault: Partial<Record<DiskFault, number>> = { ...result.pointsByFault };
    let { points } = result;
    for (const [fault, count] of tried) {
      pointsByFault[fault] = (pointsByFault[fault] ?? 0) + count;
      points += count;
    }
    this.result = {
      ...result,
      sequences: result.sequences + 1,
      commands: result.commands + commands,
      ...{ points, pointsByFault },
      recoveries: result.recoveries + recoveries,
    };
  }
}

function settingsOf(scenario: { readonly commands: unknown }, options: CrashMatrixOptions): Settings {
  const { seed = 1, inFlight = 1, finishEvery = 1, shuffle = true, shrinks = 200 } = options;
  const sequences = options.sequences ?? (typeof scenario.commands === 'function' ? 20 : 1);
  const { crashes = Infinity, errors = Infinity, faults = allFaults } = options;
  for (const [name, value, least, most] of [
    ['seed', seed, 0, 2 ** 32],
    ['sequences', sequences, 1, Infinity],
    ['inFlight', inFlight, 1, 4],
    ['finishEvery', finishEvery, 1, Infinity],
    ['crashes', crashes, 0, Infinity],
    ['errors', errors, 0, Infinity],
    ['shrinks', shrinks, 0, Infinity],
  ] as const) {
    if (!(value >= least && value <= most && (value === Infinity || Number.isInteger(value))))
      throw new TypeError(`${name} is a whole number from ${least} to ${most}, not ${value}`);
  }
  const unknown = faults.find((fault) => !allFaults.includes(fault));
  if (unknown !== undefined) throw new TypeError(`${unknown} is none of the faults ${allFaults.join(', ')}`);
  return { seed, sequences, faults, crashes, errors, finishEvery, inFlight, shuffle, shrinks };
}

function show(value: unknown): string {
  const text = inspect(value, { depth: 8, breakLength: 160, maxStringLength: 2_000 });
  return text.replaceAll('\n', '\n  ');
}

export interface CrashMatrix {
  <Handle, C>(scenario: CrashScenario<Handle, C>, options?: CrashMatrixOptions): Promise<CrashMatrixResult>;
  /** The matrix of a law of your own, on an entity that nothing else surrounds. */
  entity<State, C extends Command>(
    scenario: EntityScenario<State, C>,
    options?: CrashMatrixOptions,
  ): Promise<CrashMatrixResult>;
  /** The matrix of a whole system with agents of your own, through its Client. */
  system<C>(scenario: SystemScenario<C>, options?: CrashMatrixOptions): Promise<CrashMatrixResult>;
}

/**
 * Finds out whether what was acknowledged survives. Lives the scenario once without a fault, then lets its process end at each
 * operation of its disk, before, after and in the middle of it, with and without what was not synced, and lets each operation fail and
 * the process go on. Each time it is recovered: its state must be the one that the acknowledged commands lead to, or those and the one
 * under way; a second recovery must change nothing; every record must verify; and it must go on to the same end.
 *
 * @throws CrashMatrixError at the first point where that is not so, with the fewest commands that show it.
 * @throws TypeError for options that are not as they should be.
 */
export const crashMatrix: CrashMatrix = Object.assign(run, {
  entity: <State, C extends Command>(scenario: EntityScenario<State, C>, options?: CrashMatrixOptions) =>
    run(entityScenario(scenario), options),
  system: <C>(scenario: SystemScenario<C>, options?: CrashMatrixOptions) =>
    run(systemScenario(scenario), options),
});
