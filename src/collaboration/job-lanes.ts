// Work in lanes: the jobs of one are done in order, lanes beside each other, so that a slow one holds up itself alone. What fails is
// tried again in its place; what is refused for good is told, and holds up nothing.
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';

export interface LaneJob {
  readonly lane: string;
  /** A fault that may pass is thrown: it is carried out again. */
  run(): Promise<void>;
}

export interface JobLanesOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** So many jobs are in hand at most. */
  readonly capacity: number;
}

type Step = { readonly job: LaneJob; readonly done: () => void } | { readonly passed: () => void };

const longestRetryMs = 5_000;

export class JobLanes {
  readonly #options: JobLanesOptions;
  readonly #lanes = new Map<string, Step[]>();
  /** Ends what is waited for: room, a lane, the time until the next try. */
  readonly #waits = new Set<() => void>();
  #inHand = 0;
  #room: Promise<void> | undefined;
  #madeRoom: () => void = () => {};
  #isClosed = false;

  constructor(options: JobLanesOptions) {
    this.#options = options;
  }

  /** Resolves when there is room for one more, or there will never be any. */
  async room(): Promise<void> {
    while (this.#inHand >= this.#options.capacity && !this.#isClosed) {
      this.#room ??= this.#until((resolve) => {
        this.#madeRoom = resolve;
      });
      await this.#room;
      this.#room = undefined;
    }
  }

  /** `done` is called when it was carried out, or refused for good; never once this is closed. */
  add(job: LaneJob, done: () => void): void {
    this.#inHand += 1;
    this.#push(job.lane, { job, done });
  }

  /** Resolves when all is done that stands in these lanes by now; at once when this is closed. */
  async passed(concerns: (lane: string) => boolean = () => true): Promise<void> {
    const lanes = [...this.#lanes.keys()].filter(concerns);
    await Promise.all(lanes.map((lane) => this.#until((passed) => this.#push(lane, { passed }))));
  }

  /** Waits for nothing: what is being done goes on, and counts as not done. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#waits) end();
  }

  #push(lane: string, step: Step): void {
    const steps = this.#lanes.get(lane);
    if (steps !== undefined) {
      steps.push(step);
      return;
    }
    const begun = [step];
    this.#lanes.set(lane, begun);
    void this.#work(lane, begun);
  }

  async #work(lane: string, steps: Step[]): Promise<void> {
    for (let step = steps[0]; step !== undefined && !this.#isClosed; step = steps[0]) {
      if ('passed' in step) step.passed();
      else await this.#carryOut(step.job);
      if (this.#isClosed) return;
      steps.shift();
      if ('passed' in step) continue;
      this.#inHand -= 1;
      step.done();
      this.#madeRoom();
    }
    this.#lanes.delete(lane);
  }

  async #carryOut(job: LaneJob): Promise<void> {
    for (let failures = 1; !this.#isClosed; failures++) {
      try {
        return await job.run();
      } catch (error) {
        if (this.#isClosed) return;
        if (HoldfastError.is(error) && !error.retryable) return this.#refused(job, error);
        await this.#backOff(toError(error), failures);
      }
    }
  }

  #refused({ lane }: LaneJob, { code, message: problem }: HoldfastError): void {
    this.#options.telemetry('relay.refused', { lane, code, problem });
  }

  async #backOff({ message: problem }: Error, failures: number): Promise<void> {
    const { name, telemetry, clock } = this.#options;
    telemetry('follower.failed', { name, failures, problem });
    let cancel = (): void => {};
    await this.#until((resolve) => {
      cancel = clock.schedule(Math.min(10 * 2 ** failures, longestRetryMs), resolve);
    });
    cancel();
  }

  /** Resolves when it is told to, and when this is closed. */
  async #until(begin: (resolve: () => void) => void): Promise<void> {
    if (this.#isClosed) return;
    let end = (): void => {};
    try {
      await new Promise<void>((resolve) => {
        end = resolve;
        this.#waits.add(end);
        begin(resolve);
      });
    } finally {
      this.#waits.delete(end);
    }
  }
}
