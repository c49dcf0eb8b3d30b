// Is what a disk holds one of the histories that keep the promise? It is recovered twice, verified, and goes on to the end.
import { isDeepStrictEqual } from 'node:util';
import type { DiskImage } from '../disk-image.ts';
import { type History, lawfulHistories, type Outcome } from './history.ts';
import { Life, problemOf } from './life.ts';
import type { References } from './references.ts';
import type { CrashScenario } from './scenario.ts';
import { problemsIn } from './verify-store.ts';

/** What is not as it should be. */
export interface Difference {
  readonly what: string;
  readonly expected?: readonly unknown[];
  readonly found?: unknown;
}

/** What a process left. */
export interface Remains {
  readonly image: DiskImage;
  /** How many unsynced batches had reached the disk. */
  readonly kept: number;
  readonly outcomes: readonly Outcome[];
  readonly now: number;
  /** What could be read of it at its end, when all of that is promised to be there. */
  readonly shown?: { readonly state: unknown };
}

interface Recovered {
  readonly state: unknown;
  /** The disk after the recovery, and another loss of power. */
  readonly image: DiskImage;
}

type Recovery = Recovered | { readonly difference: Difference };

export interface JudgeOptions<Handle, Command> {
  readonly scenario: CrashScenario<Handle, Command>;
  readonly commands: readonly Command[];
  /** Those of the commands that are asked at all. */
  readonly wanted: History;
  readonly references: References<Handle, Command>;
  readonly chance: number;
  readonly finishEvery: number;
}

export class Judge<Handle, Command> {
  recoveries = 0;
  readonly #options: JudgeOptions<Handle, Command>;
  /** The same contents at the same time are recovered once: what was answered until then may differ. */
  readonly #recovered = new WeakMap<DiskImage, Map<string, Promise<Recovery>>>();
  readonly #finished = new WeakMap<DiskImage, Map<string, Promise<Difference | undefined>>>();

  constructor(options: JudgeOptions<Handle, Command>) {
    this.#options = options;
  }

  async differenceOf(remains: Remains): Promise<Difference | undefined> {
    const { image, kept, outcomes, now, shown } = remains;
    const recovery = await this.#recoverOnce(image, kept, now);
    if ('difference' in recovery) return recovery.difference;
    if (shown !== undefined && !isDeepStrictEqual(shown.state, recovery.state))
      return { what: 'what was read while it lived is gone', expected: [shown.state], found: recovery.state };
    const found = await this.match(recovery.state, lawfulHistories(outcomes, kept < image.unsynced));
    if ('difference' in found) return found.difference;
    if (this.recoveries % this.#options.finishEvery !== 0) return undefined;
    return this.#finishOnce(recovery.image, found.possible, outcomes, now);
  }

  /** The histories that lead to this state: more than one, where a command changes nothing that is read. */
  async match(
    state: unknown,
    histories: readonly History[],
  ): Promise<{ readonly possible: readonly [History, ...History[]] } | { readonly difference: Difference }> {
    const expected: unknown[] = [];
    const possible: History[] = [];
    for (const history of histories) {
      const reference = await this.#options.references.stateAfter(history);
      if (isDeepStrictEqual(reference, state)) possible.push(history);
      else expected.push(reference);
    }
    const [first, ...others] = possible;
    if (first !== undefined) return { possible: [first, ...others] };
    return { difference: { what: 'the state is none that the answers allow', expected, found: state } };
  }

  #recoverOnce(image: DiskImage, kept: number, now: number): Promise<Recovery> {
    const known = this.#recovered.get(image) ?? new Map<string, Promise<Recovery>>();
    this.#recovered.set(image, known);
    const key = `${kept}|${now}`;
    const recovery = known.get(key) ?? this.#recover(image, kept, now);
    known.set(key, recovery);
    return recovery;
  }

  async #recover(image: DiskImage, kept: number, now: number): Promise<Recovery> {
    this.recoveries += 1;
    const left = kept < image.unsynced ? image.afterPowerLoss(kept) : image;
    const first = await this.#stateOn(left, 2, now);
    if ('difference' in first) return first;
    const second = await this.#stateOn(first.image, 3, now);
    if ('difference' in second) return second;
    const difference =
      this.#changed(first.state, second.state) ??
      this.#checked(second.state) ??
      (await verified(second.image)) ??
      (await this.#laterOn(second.image, now));
    return difference === undefined ? second : { difference };
  }

  /** Opens it, reads it, and loses power. */
  async #stateOn(image: DiskImage, number: number, now: number): Promise<Recovery> {
    const life = this.#life(image, number, now);
    try {
      await life.start();
      const state = await life.read();
      const left = life.disk.image;
      await life.drop();
      return { state, image: left.afterPowerLoss(0) };
    } catch (error) {
      return { difference: { what: `recovery ${number - 1} failed: ${problemOf(error)}` } };
    }
  }

  /** What time has to bring comes by itself, whatever was cut off. */
  async #laterOn(image: DiskImage, now: number): Promise<Difference | undefined> {
    if (this.#options.scenario.later === undefined) return undefined;
    const life = this.#life(image, 5, now);
    try {
      await life.start();
      await life.later();
      await life.drop();
      return undefined;
    } catch (error) {
      return lateProblem(error);
    }
  }

  #changed(first: unknown, second: unknown): Difference | undefined {
    if (isDeepStrictEqual(first, second)) return undefined;
    return { what: 'a second recovery changes what the first has made', expected: [first], found: second };
  }

  #checked(state: unknown): Difference | undefined {
    try {
      this.#options.scenario.check?.(state);
      return undefined;
    } catch (error) {
      return { what: `the check failed: ${problemOf(error)}`, found: state };
    }
  }

  #finishOnce(
    image: DiskImage,
    possible: readonly [History, ...History[]],
    outcomes: readonly Outcome[],
    now: number,
  ): Promise<Difference | undefined> {
    const kept = new Set(possible[0]);
    const rest = this.#options.wanted.filter((index) => outcomes[index] !== 'refused' && !kept.has(index));
    const known = this.#finished.get(image) ?? new Map<string, Promise<Difference | undefined>>();
    this.#finished.set(image, known);
    const key = `${possible.join('/')}|${rest}|${now}`;
    const finished = known.get(key) ?? this.#finish(image, possible, rest, now);
    known.set(key, finished);
    return finished;
  }

  /** Goes on to the end, as if nothing had been. */
  async #finish(
    image: DiskImage,
    possible: readonly History[],
    rest: History,
    now: number,
  ): Promise<Difference | undefined> {
    const life = this.#life(image, 4, now);
    try {
      await life.start();
      await life.send(rest);
      const found = await life.read();
      await life.drop();
      const ends = possible.map((history) => [...history, ...rest]);
      const ended = await this.match(found, ends);
      if ('possible' in ended) return undefined;
      return { ...ended.difference, what: 'after the recovery it goes on to another end' };
    } catch (error) {
      return { what: `after the recovery it cannot go on: ${problemOf(error)}` };
    }
  }

  #life(image: DiskImage, number: number, startMs: number): Life<Handle, Command> {
    const { scenario, commands, chance } = this.#options;
    return new Life(scenario, commands, { image, number, startMs, chance, inFlight: 1 });
  }
}

export const lateProblem = (error: unknown): Difference => ({
  what: `what is promised for later does not come: ${problemOf(error)}`,
});

async function verified(image: DiskImage): Promise<Difference | undefined> {
  const problems = await problemsIn(image).catch((error: unknown) => [problemOf(error)]);
  return problems.length === 0 ? undefined : { what: `the journal does not verify: ${problems.join('; ')}` };
}
