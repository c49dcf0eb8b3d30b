// One life of what is tested: from its start on a disk to whatever ends it. What was answered until now can be seen at any moment.
import { setImmediate } from 'node:timers';
import { toError } from '../../base/errors.ts';
import { seededRandom } from '../seeded-random.ts';
import { type SimulatedDisk, type SimulatedDiskOptions, simulatedDisk } from '../simulated-disk.ts';
import { type CrashClock, crashClock } from './crash-clock.ts';
import { type History, type Outcome, outcomeOfAnswer, outcomeOfError } from './history.ts';
import type { CrashPorts, CrashScenario } from './scenario.ts';

export interface LifeOptions extends SimulatedDiskOptions {
  readonly startMs?: number;
  /** Chooses what commands draw from chance. */
  readonly chance: number;
  /** Counts the lives on one disk: ids that are made while it starts are of one life. */
  readonly number: number;
  readonly inFlight: number;
}

/** So many turns of the event loop in which nothing happens, until a timer is let through. */
const quietTurns = 3;
/** Then real time is waited for, a millisecond at a time. */
const longestWaits = 5_000;

export class Life<Handle, Command> {
  disk: SimulatedDisk;
  readonly clock: CrashClock;
  outcomes: readonly Outcome[];
  /** Why the command that rejected last did. */
  lastError: unknown;
  readonly #scenario: CrashScenario<Handle, Command>;
  readonly #commands: readonly Command[];
  readonly #ports: CrashPorts;
  readonly #options: LifeOptions;
  #place = '';
  #starts = 0;
  #ids = 0;
  #random: () => number;
  #handle: { readonly value: Handle } | undefined;

  constructor(scenario: CrashScenario<Handle, Command>, commands: readonly Command[], options: LifeOptions) {
    this.#scenario = scenario;
    this.#commands = commands;
    this.#options = options;
    this.disk = simulatedDisk(options);
    this.clock = crashClock(options.startMs);
    this.outcomes = commands.map(() => 'unsent' as const);
    this.#random = seededRandom(options.chance);
    this.#ports = {
      store: Object.assign(() => this.disk.open(), {
        syncWritten: async () => this.disk.open.syncWritten?.(),
      }),
      clock: this.clock,
      newId: () => `${this.#place}-${++this.#ids}`,
      random: () => this.#random(),
    };
  }

  /** Opens it. Where a fault of the disk keeps it from that, its process ends, and another begins. */
  async start(): Promise<void> {
    this.#starts += 1;
    this.#place = `start${this.#options.number}-${this.#starts}`;
    this.#ids = 0;
    try {
      this.#handle = { value: await this.#settled(this.#scenario.start(this.#ports)) };
    } catch (error) {
      if (this.#options.plan === undefined || this.#starts > 4) throw error;
      this.#newProcess();
      await this.start();
    }
  }

  /** Ends it in order and opens it again. Where it does not end, its process does. */
  async restart(): Promise<void> {
    try {
      await this.stop();
    } catch {
      this.#newProcess();
    }
    await this.start();
  }

  /** Sends these commands in order, so many at once as may be, and waits for all. */
  async send(history: History): Promise<void> {
    const under = new Set<Promise<void>>();
    for (const index of history) {
      const sent = this.#send(index).finally(() => under.delete(sent));
      under.add(sent);
      if (under.size >= this.#options.inFlight) await this.#settled(Promise.race(under));
    }
    await this.#settled(Promise.all(under));
  }

  async read(): Promise<unknown> {
    return this.#settled(Promise.resolve(this.#scenario.read(this.#running)));
  }

  /** Waits for what is promised for later. */
  async later(): Promise<void> {
    await this.#settled(Promise.resolve(this.#scenario.later?.(this.#running)));
  }

  async stop(): Promise<void> {
    if (this.#handle === undefined) return;
    const handle = this.#handle.value;
    this.#handle = undefined;
    await this.#settled(Promise.resolve(this.#scenario.stop?.(handle)));
  }

  /** Nobody looks at it any more. */
  async drop(): Promise<void> {
    if (this.#handle === undefined || this.#scenario.drop === undefined) return this.stop();
    await this.#scenario.drop(this.#handle.value);
  }

  get #running(): Handle {
    if (this.#handle === undefined) throw new Error('it does not run');
    return this.#handle.value;
  }

  #newProcess(): void {
    this.disk = simulatedDisk({ image: this.disk.image });
  }

  async #send(index: number): Promise<void> {
    this.#place = `c${index}`;
    this.#ids = 0;
    this.#random = seededRandom(this.#options.chance + index + 1);
    this.#note(index, 'open');
    try {
      const answer = await this.#scenario.run(this.#running, this.#commands[index] as Command, {
        index,
        key: `c${index}`,
      });
      this.#note(index, outcomeOfAnswer(answer));
    } catch (error) {
      this.lastError = error;
      this.#note(index, (this.#scenario.outcome ?? outcomeOfError)(error));
    }
  }

  #note(index: number, outcome: Outcome): void {
    this.outcomes = this.outcomes.with(index, outcome);
  }

  /** Waits for a promise; lets timers through when nothing else goes on. */
  async #settled<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    for (let quiet = 0; !settled; ) {
      const before = this.disk.points;
      await turn();
      quiet = this.disk.points === before && this.disk.waiting === 0 ? quiet + 1 : 0;
      if (settled || quiet < quietTurns) continue;
      if (this.clock.nudge()) quiet = 0;
      else if (quiet > longestWaits)
        throw new Error('it never went on: nothing waits for the disk or for time');
      else if (quiet > 20) await millisecond();
    }
    return promise;
  }
}

export const problemOf = (error: unknown): string => toError(error).message;

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function millisecond(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 1);
  });
}
