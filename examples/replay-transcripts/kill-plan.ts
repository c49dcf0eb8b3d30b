// When the child is killed: at random points spread over the whole replay, and sometimes while it is still starting.

/** What the lives so far have shown, in milliseconds. */
export interface Pace {
  /** From the start of the process until it serves. */
  readonly bootMs: number;
  /** The last part of it, in which the system is opened. */
  readonly openingMs: number;
  /** From sending a command to its answer. */
  readonly answerMs: number;
}

/** A moment in the start of a process. */
export interface BootMoment {
  readonly after: 'start' | 'opening';
  readonly delayMs: number;
}

/** Kills that are to find commands in flight; two more than the ten that a demonstration needs. */
export const plannedKills = 12;
const plannedBootKills = 4;
/** A kill that comes too late finds nothing in flight and is planned again, in the smallest inputs more than once. */
const mostAttempts = 40;

export class KillPlan {
  readonly #random: () => number;
  readonly #thresholds: readonly number[];
  #hits = 0;
  #attempts = 0;
  #bootKills = 0;

  constructor(random: () => number, commands: number) {
    this.#random = random;
    this.#thresholds = Array.from({ length: plannedKills }, (_, index) =>
      Math.floor(((index + random()) * commands) / plannedKills),
    );
  }

  /** True when so many acknowledgements are the point for the next kill. */
  isDue(acknowledged: number): boolean {
    const threshold = this.#thresholds[this.#hits];
    return threshold !== undefined && acknowledged >= threshold && this.#attempts < mostAttempts;
  }

  /** A kill has happened while the child served. */
  struck(inFlight: number): void {
    this.#attempts += 1;
    if (inFlight > 0) this.#hits += 1;
  }

  /** Somewhere in the life of a command: before it is written, while it is, or after it but before the answer is heard. */
  strikeDelayMs({ answerMs }: Pace): number {
    return this.#random() * answerMs;
  }

  /** For the start that comes now; undefined lets it pass. The kills are spread over the replay too. */
  bootKill({ bootMs, openingMs }: Pace): BootMoment | undefined {
    const isTooEarly = this.#bootKills * plannedKills > this.#hits * plannedBootKills;
    if (isTooEarly || this.#bootKills === plannedBootKills) return undefined;
    this.#bootKills += 1;
    return this.#bootKills % 2 === 1
      ? { after: 'opening', delayMs: this.#random() * openingMs }
      : { after: 'start', delayMs: this.#random() * bootMs };
  }
}
