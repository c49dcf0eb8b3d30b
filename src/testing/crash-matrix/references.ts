// What state a history leads to when nothing fails: found by living it once on a disk that works.
import type { History } from './history.ts';
import { Life, type LifeOptions } from './life.ts';
import type { CrashScenario } from './scenario.ts';

/** How one history ended. */
interface Reference {
  readonly state: unknown;
}

export class References<Handle, Command> {
  readonly #scenario: CrashScenario<Handle, Command>;
  readonly #commands: readonly Command[];
  readonly #options: Pick<LifeOptions, 'chance' | 'startMs'>;
  readonly #known = new Map<string, Promise<Reference>>();
  /** Commands that take no effect at their place in the whole history. */
  readonly #idle = new Set<number>();

  constructor(
    scenario: CrashScenario<Handle, Command>,
    commands: readonly Command[],
    options: Pick<LifeOptions, 'chance' | 'startMs'>,
  ) {
    this.#scenario = scenario;
    this.#commands = commands;
    this.#options = options;
  }

  /** Lives these commands, and learns the state after each of them. */
  async learn(wanted: History): Promise<void> {
    for (const index of this.#commands.keys()) if (!wanted.includes(index)) this.#idle.add(index);
    const life = this.#life();
    await life.start();
    const whole: number[] = [];
    this.#keep(whole, await life.read());
    for (const index of wanted) {
      await life.send([index]);
      const outcome = life.outcomes[index];
      // Nothing has failed: of what rejects like this, by a mistake of its own perhaps, no fault could show anything.
      if (outcome === 'unknown' && wanted.length === this.#commands.length) throw life.lastError;
      if (outcome === 'acked' || outcome === 'written') whole.push(index);
      else this.#idle.add(index);
      this.#keep(whole, await life.read());
    }
    await life.drop();
  }

  async stateAfter(history: History): Promise<unknown> {
    const short = this.#withoutIdle(history);
    const key = short.join();
    const known = this.#known.get(key) ?? this.#live(short);
    this.#known.set(key, known);
    return (await known).state;
  }

  #keep(history: History, state: unknown): void {
    this.#known.set(history.join(), Promise.resolve({ state }));
  }

  async #live(history: History): Promise<Reference> {
    const life = this.#life();
    await life.start();
    await life.send(history);
    const state = await life.read();
    await life.drop();
    return { state };
  }

  #life(): Life<Handle, Command> {
    return new Life(this.#scenario, this.#commands, { ...this.#options, number: 1, inFlight: 1 });
  }

  /** As long as it is the whole history in order, what took no effect there takes none here. */
  #withoutIdle(history: History): History {
    let next = 0;
    return history.filter((index) => {
      while (this.#idle.has(next) && next < index) next += 1;
      const inOrder = index === next;
      if (inOrder) next += 1;
      else next = Number.POSITIVE_INFINITY;
      return !(inOrder && this.#idle.has(index));
    });
  }
}
