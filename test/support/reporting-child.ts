// Children that say in a log what happens to them, and count those that live: what a supervisor does can be read.
import type { ChildSpec, Exit, RestartPolicy, SupervisedChild } from '../../src/actor/child-spec.ts';

type RestartType = RestartPolicy['restart'];

export interface World {
  /** `start a 1`, `fail a 2`, `stop a 1`, `kill a 1`, in the order in which they happened. */
  readonly log: string[];
  /** Resources that are held now, by `id incarnation`. */
  readonly living: Set<string>;
  /** Every child that was ever started. */
  readonly born: ReportingChild[];
  /** How many of the next starts of an id fail. */
  readonly failing: Map<string, number>;
}

export function newWorld(): World {
  return { log: [], living: new Set(), born: [], failing: new Map() };
}

/** `deaf` ignores being stopped and, when it is killed, does not even say that it has ended. */
export type Manner = 'polite' | 'deaf';

export class ReportingChild implements SupervisedChild {
  readonly exited: Promise<Exit>;
  readonly id: string;
  readonly incarnation: number;
  progressed = false;
  readonly #world: World;
  readonly #manner: Manner;
  #end: (exit: Exit) => void = () => {};

  constructor(world: World, id: string, incarnation: number, manner: Manner = 'polite') {
    this.#world = world;
    this.id = id;
    this.incarnation = incarnation;
    this.#manner = manner;
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    world.log.push(`start ${this.name}`);
    world.living.add(this.name);
    world.born.push(this);
  }

  get name(): string {
    return `${this.id} ${this.incarnation}`;
  }

  hasProgressed(): boolean {
    return this.progressed;
  }

  async stop(): Promise<void> {
    this.#world.log.push(`stop ${this.name}`);
    if (this.#manner === 'polite') this.end({ reason: 'shutdown' });
  }

  kill(): void {
    this.#world.log.push(`kill ${this.name}`);
    this.#world.living.delete(this.name);
    if (this.#manner === 'polite') this.crash('killed');
  }

  crash(message = 'boom'): void {
    this.end({ reason: 'crash', error: new Error(`${message} ${this.name}`) });
  }

  end(exit: Exit): void {
    this.#world.living.delete(this.name);
    this.#end(exit);
  }
}

export interface ChildWish {
  readonly id: string;
  readonly restart?: RestartType;
  readonly manner?: Manner;
  readonly policy?: Partial<RestartPolicy>;
}

/** A deaf child is killed without being asked, so that no time has to pass. */
export function reportingSpec(world: World, wish: ChildWish): ChildSpec<ReportingChild> {
  const { id, restart = 'permanent', manner = 'polite', policy } = wish;
  return {
    id,
    policy: {
      restart,
      intensity: { maxRestarts: 3, periodMs: 1_000 },
      backOff: { firstMs: 100, longestMs: 1_000 },
      ...policy,
    },
    ...(manner === 'deaf' && { shutdown: 'brutal_kill' as const }),
    async start(incarnation) {
      const failures = world.failing.get(id) ?? 0;
      if (failures > 0) {
        world.failing.set(id, failures - 1);
        world.log.push(`fail ${id} ${incarnation}`);
        throw new Error(`no ${id} ${incarnation}`);
      }
      return new ReportingChild(world, id, incarnation, manner);
    },
  };
}
