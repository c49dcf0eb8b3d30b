// Work in lanes: the jobs of one are done in order, lanes beside each other, so that a slow one holds up itself alone. What fails is
// tried again in its place; what is refused for good is told, and holds up nothing. A lane in which too much waits, or which holds up
// the others, gives up its places: it fetches again, one by one, what it had and what came since.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';

export interface LaneJob {
  readonly lane: string;
  /** A fault that may pass is thrown: it is carried out again. */
  run(): Promise<void>;
}

/** A job that waits in its lane. */
export interface Queued {
  readonly job: LaneJob;
  /** Where it comes from: what a lane gives up it fetches from there. */
  readonly place: number;
  /** It was carried out, or refused for good; never called once the lanes are closed. */
  readonly done: () => void;
}

export interface JobLanesOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** So many jobs are in hand at most, but for those that lanes are at which gave up their places. */
  readonly capacity: number;
  /** So many of them in one lane. */
  readonly laneCapacity: number;
  /** At full capacity a lane that has been at one job for so long gives up its places. */
  readonly deafAfterMs: number;
  /** A lane gives up its places: these are not carried out, but what {@link fetch} then hands to `carryOut`, until it resolves. */
  readonly gaveUp: (lane: string, left: readonly Queued[]) => void;
  /** What it throws is a fault that may pass: it is called again. */
  readonly fetch: (lane: string, carryOut: CarryOut) => Promise<void>;
}

/** False when the lanes are closed. */
export type CarryOut = (job: LaneJob) => Promise<boolean>;

type Step = Queued | { readonly passed: () => void } | { readonly fetches: true };

interface Lane {
  readonly steps: Step[];
  /** How many of the steps are jobs that count. */
  jobs: number;
  /** When it began with what it is at. */
  since: number;
  hasPlaces: boolean;
}

const longestRetryMs = 5_000;

export class JobLanes {
  readonly #options: JobLanesOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Ends what is waited for: room, a lane, the time until the next try. */
  readonly #waits = new Set<() => void>();
  #inHand = 0;
  #madeRoom: () => void = () => {};
  #isClosed = false;

  constructor(options: JobLanesOptions) {
    this.#options = options;
  }

  /** Resolves when there is room for one more, or there will never be any. */
  async room(): Promise<void> {
    while (this.#inHand >= this.#options.capacity && !this.#isClosed) {
      const waitMs = this.#passOverDeaf();
      if (waitMs > 0) await this.#pause(waitMs, (resolve) => (this.#madeRoom = resolve));
    }
  }

  add(queued: Queued): void {
    const { lane: name } = queued.job;
    this.#inHand += 1;
    this.#push(name, queued, 1);
    const lane = this.#lanes.get(name);
    if (lane?.hasPlaces === true && lane.jobs > this.#options.laneCapacity) this.#giveUp(name, lane);
  }

  /** Resolves when all is done that stands in these lanes by now; at once when this is closed. */
  async passed(concerns: (lane: string) => boolean = () => true): Promise<void> {
    const lanes = [...this.#lanes.keys()].filter(concerns);
    await Promise.all(lanes.map((lane) => this.#until((passed) => this.#push(lane, { passed }, 0))));
  }

  /** Waits for nothing: what is being done goes on, and counts as not done. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#waits) end();
  }

  #now(): number {
    const { clock } = this.#options;
    return clock.elapsed?.() ?? clock.now();
  }

  #push(name: string, step: Step, jobs: number): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) {
      lane.steps.push(step);
      lane.jobs += jobs;
      return;
    }
    const begun: Lane = { steps: [step], jobs, since: this.#now(), hasPlaces: true };
    this.#lanes.set(name, begun);
    void this.#work(name, begun);
  }

  async #work(name: string, lane: Lane): Promise<void> {
    const { steps } = lane;
    for (let step = steps[0]; step !== undefined && !this.#isClosed; step = steps[0]) {
      lane.since = this.#now();
      if ('passed' in step) step.passed();
      else if ('fetches' in step) await this.#fetch(name);
      else await this.#carryOut(step.job);
      if (this.#isClosed) return;
      steps.shift();
      if ('fetches' in step) lane.hasPlaces = true;
      if ('job' in step) this.#ended(lane, step);
    }
    this.#lanes.delete(name);
  }

  #ended(lane: Lane, { done }: Queued): void {
    if (lane.jobs > 0) this.#free(lane, 1);
    done();
  }

  #free(lane: Lane, jobs: number): void {
    lane.jobs -= jobs;
    this.#inHand -= jobs;
    this.#madeRoom();
  }

  /** Answers with how long nobody is to be passed over, or 0. */
  #passOverDeaf(): number {
    const { deafAfterMs } = this.#options;
    const now = this.#now();
    let waitMs = deafAfterMs;
    for (const [name, lane] of this.#lanes) {
      if (!lane.hasPlaces) continue;
      const left = lane.since + deafAfterMs - now;
      if (left <= 0) this.#giveUp(name, lane);
      waitMs = Math.min(waitMs, Math.max(0, left));
    }
    return waitMs;
  }

  /** It goes on with what it is at, then with what it fetches; whoever waits for the lane waits behind that. */
  #giveUp(name: string, lane: Lane): void {
    const { steps } = lane;
    const behind = steps.splice(1);
    const left = behind.filter((step) => 'job' in step);
    lane.hasPlaces = false;
    this.#free(lane, lane.jobs);
    steps.push({ fetches: true }, ...behind.filter((step) => 'passed' in step));
    this.#options.gaveUp(name, left);
  }

  async #fetch(lane: string): Promise<void> {
    const carryOut = (job: LaneJob): Promise<boolean> => this.#carryOut(job);
    const run = (): Promise<void> =>
      this.#options.fetch(lane, carryOut).catch((error: unknown) => {
        throw new Error(toError(error).message, { cause: error });
      });
    await this.#carryOut({ lane, run });
  }

  async #carryOut(job: LaneJob): Promise<boolean> {
    for (let failures = 1; !this.#isClosed; failures++) {
      try {
        await job.run();
        return !this.#isClosed;
      } catch (error) {
        if (this.#isClosed) return false;
        if (HoldfastError.is(error) && !error.retryable) {
          this.#refused(job, error);
          return true;
        }
        await this.#backOff(toError(error), failures);
      }
    }
    return false;
  }

  #refused({ lane }: LaneJob, { code, message: problem }: HoldfastError): void {
    this.#options.telemetry('relay.refused', { lane, code, problem });
  }

  async #backOff({ message: problem }: Error, failures: number): Promise<void> {
    const { name, telemetry } = this.#options;
    telemetry('follower.failed', { name, failures, problem });
    await this.#pause(Math.min(10 * 2 ** failures, longestRetryMs));
  }

  /** Ends when its time is over, and before when `begin` has it end. */
  async #pause(ms: number, begin: (resolve: () => void) => void = () => {}): Promise<void> {
    let cancel = (): void => {};
    await this.#until((resolve) => {
      cancel = this.#options.clock.schedule(ms, resolve);
      begin(resolve);
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
