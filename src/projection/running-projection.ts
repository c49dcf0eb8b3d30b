// A projection at work: loaded in the background once the system serves, kept up by the feed, and built again on demand
// beside the one that answers. Readers wait for the first load, never for a rebuild, and never see a half-built model.
import { type Clock, delay } from '../base/clock.ts';
import { toError } from '../base/errors.ts';
import { positionAt } from '../journal/feed.ts';
import type { Journal } from '../journal/journal.ts';
import type { ProjectionInfo } from '../operations/views/views.ts';
import { Generation, type GenerationOptions, notServing } from './generation.ts';
import type { Projection } from './projection.ts';
import { Unjournaled, type UnjournaledHeads } from './unjournaled.ts';

export interface RunningProjectionOptions<P extends Projection> extends GenerationOptions<P> {
  readonly journal: Pick<Journal, 'list' | 'feedEnd'>;
  readonly clock: Clock;
  /** The streams of which the feed does not tell. */
  readonly unjournaled: UnjournaledHeads;
}

/** Somebody who waits for the first load. */
interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const lagLimit = 1_000;
const longestRetryMs = 5_000;

export class RunningProjection<P extends Projection = Projection> {
  readonly #options: RunningProjectionOptions<P>;
  readonly #unjournaled: Unjournaled;
  /** The one that answers. */
  #generation: Generation<P> | undefined;
  /** The one that is being built. */
  #coming: Generation<P>;
  #loading: Promise<void> | undefined;
  #rebuilding: Promise<void> | undefined;
  #waiters: Waiter[] = [];
  #stopped = false;
  #endBackOff: () => void = () => {};

  constructor(options: RunningProjectionOptions<P>) {
    this.#options = options;
    this.#coming = new Generation(options);
    this.#unjournaled = new Unjournaled(options.unjournaled, () => this.#takeIn());
  }

  get name(): string {
    return this.#coming.projection.name;
  }

  /** Loads it in the background. A load that fails is reported, and begun again after a while. */
  begin(): void {
    this.#loading ??= this.#load();
  }

  /**
   * The projection, once it is loaded and has taken in all that was durable when this was called. Rejects when an attempt to
   * load it fails meanwhile.
   */
  async caughtUp(): Promise<P> {
    for (;;) {
      const generation = this.#generation;
      await (generation?.catchUp() ?? this.#loaded());
      if (generation === undefined || generation !== this.#generation) continue;
      this.#takeIn();
      return generation.projection;
    }
  }

  /**
   * Builds it again from the journal. Calls that come while it is being built wait for the same one; so do those that come
   * while it is being loaded, for the one that is built then.
   */
  rebuild(): Promise<void> {
    this.#rebuilding ??= this.#rebuild().finally(() => {
      this.#rebuilding = undefined;
    });
    return this.#rebuilding;
  }

  async info(): Promise<ProjectionInfo> {
    const { position, projection } = this.#generation ?? this.#coming;
    const { name, version, rows, incomplete } = projection;
    const lag = Math.min(positionAt(this.#options.journal.feedEnd()) - positionAt(position), lagLimit);
    const loading = this.#generation === undefined;
    const rebuilding = this.#rebuilding !== undefined;
    return { name, version, rows, incomplete, position, lag, loading, rebuilding };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unjournaled.stop();
    this.#endBackOff();
    this.#refuse(notServing());
    const ended = [this.#coming.stop(), this.#generation?.stop(), this.#loading, this.#rebuilding];
    await Promise.all(ended.map((end) => end?.catch(() => undefined)));
  }

  /** The one that answers takes in of what the feed does not tell; while there is none, it waits. */
  #takeIn(): void {
    const projection = this.#generation?.projection;
    if (projection === undefined) return;
    this.#unjournaled.flush((stream, head) => {
      if (stream.startsWith(projection.prefix)) projection.place(stream, head);
    });
  }

  async #load(): Promise<void> {
    for (let failures = 1; !this.#stopped; failures++) {
      try {
        await this.#build((next) => next.build({ quiet: true }));
        for (const { resolve } of this.#waiters.splice(0)) resolve();
        return;
      } catch (error) {
        if (!this.#stopped) await this.#backOff(toError(error), failures);
      }
    }
  }

  async #rebuild(): Promise<void> {
    if (this.#generation === undefined) {
      await this.#loaded();
      return this.#coming.completed;
    }
    this.#coming = new Generation(this.#options);
    await this.#build(async (next) => {
      await next.build({ quiet: false });
      await next.completed;
      await next.catchUp();
    });
  }

  /** What is made takes the place of the one that answers, if there is one; what fails leaves nothing behind. */
  async #build(make: (next: Generation<P>) => Promise<void>): Promise<void> {
    const next = this.#coming;
    this.#unjournaled.beginBuild();
    try {
      await make(next);
      if (this.#stopped) throw notServing();
    } catch (error) {
      this.#unjournaled.endBuild();
      await next.stop();
      next.projection.reset();
      throw error;
    }
    const last = this.#generation;
    this.#generation = next;
    this.#unjournaled.endBuild();
    next.projection.serve();
    this.#takeIn();
    await last?.stop();
    last?.projection.reset();
  }

  #loaded(): Promise<void> {
    if (this.#stopped) return Promise.reject(notServing());
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  #refuse(error: Error): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  async #backOff(error: Error, failures: number): Promise<void> {
    const { telemetry, clock } = this.#options;
    telemetry('follower.failed', { name: `projection ${this.name}`, failures, problem: error.message });
    this.#refuse(error);
    const waited = delay(clock, Math.min(10 * 2 ** failures, longestRetryMs));
    await Promise.race([waited, new Promise<void>((resolve) => (this.#endBackOff = resolve))]);
    this.#coming = new Generation(this.#options);
  }
}
