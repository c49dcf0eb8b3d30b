// One list of commands, and every point at which the disk is asked for something on its way.
import { seededRandom } from '../seeded-random.ts';
import type { DiskFault, DiskPoint } from '../simulated-disk.ts';
import type { History, Outcome } from './history.ts';
import { lawfulHistories } from './history.ts';
import { type Difference, Judge, lateProblem, type Remains } from './judge.ts';
import { Life, type LifeOptions, problemOf } from './life.ts';
import { References } from './references.ts';
import type { CrashMatrixOptions, CrashPlace, CrashScenario } from './scenario.ts';

export const allFaults: readonly DiskFault[] = [
  'crash-before',
  'crash-after',
  'torn',
  'error-before',
  'error-after',
  'full',
];
const crashes: readonly DiskFault[] = ['crash-before', 'crash-after', 'torn'];
const writes: readonly string[] = ['put', 'del', 'batch', 'clear'];

export type Settings = Required<Omit<CrashMatrixOptions, 'only' | 'progress'>>;

/** Where it failed, and how. */
export interface Failure {
  readonly place: Omit<CrashPlace, 'sequence'>;
  readonly operation: string;
  readonly difference: Difference;
}

/** One fault at one operation. */
type Trial = Pick<CrashPlace, 'point' | 'fault' | 'kept'> & { readonly operation: string };

interface Moment extends Omit<Remains, 'kept'> {
  readonly moment: 'before' | 'after';
  readonly point: DiskPoint;
}

type Wanted = (trial: Trial) => boolean;

export class Sequence<Handle, Command> {
  readonly tried = new Map<DiskFault, number>();
  readonly #scenario: CrashScenario<Handle, Command>;
  readonly #commands: readonly Command[];
  readonly #wanted: History;
  readonly #settings: Settings;
  readonly #chance: number;
  readonly #references: References<Handle, Command>;
  readonly #judge: Judge<Handle, Command>;

  /** `wanted`: those of the commands that are asked at all. */
  constructor(
    scenario: CrashScenario<Handle, Command>,
    commands: readonly Command[],
    wanted: History,
    settings: Settings,
    chance: number,
  ) {
    this.#scenario = scenario;
    this.#commands = commands;
    this.#wanted = wanted;
    this.#settings = settings;
    this.#chance = chance;
    this.#references = new References(scenario, commands, { chance });
    const { finishEvery } = settings;
    this.#judge = new Judge({
      scenario,
      commands,
      wanted,
      references: this.#references,
      chance,
      finishEvery,
    });
  }

  get recoveries(): number {
    return this.#judge.recoveries;
  }

  /** Tries all points, or those that are wanted, until one fails. */
  async run(wanted: Wanted = () => true): Promise<Failure | undefined> {
    await this.#references.learn(this.#wanted);
    const moments = await this.#witness();
    return (await this.#crash(moments, wanted)) ?? (await this.#fail(moments, wanted));
  }

  /** Lives once without a fault, and notes what every end of the process on the way would leave. */
  async #witness(): Promise<Moment[]> {
    const moments: Moment[] = [];
    const life: Life<Handle, Command> = this.#life({
      observe: (moment, point, image) =>
        moments.push({ moment, point, image, outcomes: life.outcomes, now: life.clock.now() }),
    });
    await this.#live(life);
    await life.read();
    await life.stop();
    return moments;
  }

  async #crash(moments: readonly Moment[], wanted: Wanted): Promise<Failure | undefined> {
    const trials = moments.flatMap((moment) => this.#endsAt(moment).map((trial) => ({ ...trial, moment })));
    for (const trial of this.#sample(trials.filter(wanted), this.#settings.crashes)) {
      const { kept, moment } = trial;
      this.#count(trial.fault);
      const difference = await this.#judge.differenceOf({ ...moment, kept });
      if (difference !== undefined) return this.#failure(trial, difference);
    }
    return undefined;
  }

  /** How a process can end at this moment, and what the loss of power that ends it can leave. */
  #endsAt({ moment, point: { number: point, operation }, image }: Moment): Trial[] {
    const { unsynced } = image;
    const choice = seededRandom(this.#chance + point)();
    const some = Math.floor(choice * unsynced);
    const kept = [...new Set([unsynced, 0, some])];
    const faults: readonly DiskFault[] = moment === 'before' ? ['crash-before', 'torn'] : ['crash-after'];
    const possible = faults.filter(
      (fault) => this.#settings.faults.includes(fault) && (fault !== 'torn' || writes.includes(operation)),
    );
    return possible.flatMap((fault) =>
      (fault === 'torn' ? [some] : kept).map((batches) => ({ point, operation, fault, kept: batches })),
    );
  }

  async #fail(moments: readonly Moment[], wanted: Wanted): Promise<Failure | undefined> {
    const faults = this.#settings.faults.filter((fault) => !crashes.includes(fault));
    const points = moments.filter(({ moment }) => moment === 'before').map(({ point }) => point);
    const trials = points.flatMap(({ number: point, operation }) =>
      faults.map((fault) => ({ point, operation, fault, kept: 0 })),
    );
    for (const trial of this.#sample(trials.filter(wanted), this.#settings.errors)) {
      this.#count(trial.fault);
      const difference = await this.#differenceAfter(trial);
      if (difference !== undefined) return this.#failure(trial, difference);
    }
    return undefined;
  }

  /** The operation fails, the process goes on with all other commands, and then loses power. */
  async #differenceAfter({ point, fault }: Trial): Promise<Difference | undefined> {
    let isLate = false;
    const life = this.#life({ plan: ({ number }) => (number === point && !isLate ? fault : undefined) });
    let outcomes: readonly Outcome[];
    let state: unknown;
    try {
      await this.#live(life);
      state = await life.read().catch(() => life.read());
      outcomes = life.outcomes;
      const found = await this.#judge.match(state, lawfulHistories(outcomes, false));
      if ('difference' in found)
        return { ...found.difference, what: 'while it lives, its state is none that the answers allow' };
    } catch (error) {
      return { what: `it does not live on: ${problemOf(error)}` };
    }
    const { image } = life.disk;
    const now = life.clock.now();
    isLate = true;
    try {
      await life.later();
    } catch (error) {
      return lateProblem(error);
    }
    await life.drop().catch(() => undefined);
    const shown = outcomes.includes('written') ? {} : { shown: { state } };
    return this.#judge.differenceOf({ image, kept: 0, outcomes, now, ...shown });
  }

  /** From the start to the last command, with one orderly restart on the way. */
  async #live(life: Life<Handle, Command>): Promise<void> {
    const half = Math.ceil(this.#wanted.length / 2);
    await life.start();
    await life.send(this.#wanted.slice(0, half));
    if (this.#scenario.stop !== undefined) await life.restart();
    await life.send(this.#wanted.slice(half));
  }

  #life(options: Pick<LifeOptions, 'plan' | 'observe'>): Life<Handle, Command> {
    const { inFlight, shuffle } = this.#settings;
    const shuffled = shuffle ? { seed: this.#chance } : {};
    const [scenario, commands, chance] = [this.#scenario, this.#commands, this.#chance];
    return new Life(scenario, commands, { ...options, ...shuffled, chance, inFlight, number: 1 });
  }

  #sample<T extends Trial>(trials: readonly T[], most: number): readonly T[] {
    if (trials.length <= most) return trials;
    const random = seededRandom(this.#chance);
    const ranked = trials.map((trial) => ({ trial, rank: random() }));
    const chosen = ranked.sort((a, b) => a.rank - b.rank).slice(0, most);
    return chosen.map(({ trial }) => trial).sort((a, b) => a.point - b.point);
  }

  #count(fault: DiskFault): void {
    this.tried.set(fault, (this.tried.get(fault) ?? 0) + 1);
  }

  #failure({ operation, point, fault, kept }: Trial, difference: Difference): Failure {
    return { place: { commands: this.#wanted, point, fault, kept }, operation, difference };
  }
}
