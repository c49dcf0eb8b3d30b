// The heart of a process: it beats while its event loop turns, and notes how long it stood still. A beat that cannot be
// written is told to operators and disturbs nobody.
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/errors.ts';
import type { ProcessIdentity } from '../../base/process-identity.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { Beat, HeartbeatStore } from './heartbeat-store.ts';

export interface HeartbeatOptions {
  readonly store: HeartbeatStore;
  readonly clock: Clock;
  /** The clock that nobody sets. */
  readonly monotonic: () => number;
  readonly telemetry: Telemetry;
  readonly owner: ProcessIdentity;
  readonly everyMs: number;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #cancel: () => void = () => {};
  #dueMs = 0;
  #beats = 0;
  #stalledMs = 0;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #closed = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** How long the event loop has stood still, summed over all beats. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /** The first beat is written when this resolves, or could not be. Without an interval there is none. */
  async start(): Promise<void> {
    if (this.#options.everyMs === 0) return;
    this.#dueMs = this.#options.monotonic();
    this.#beat();
    await this.#writing;
  }

  /** Resolves when the beat that is under way is written; none comes after it. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#writing;
  }

  /** The one beat that tells of an end in order. */
  async farewell(): Promise<void> {
    if (this.#beats > 0) await this.#write(this.#next(true));
  }

  #beat(): void {
    const { clock, everyMs, monotonic } = this.#options;
    const now = monotonic();
    this.#stalledMs += Math.max(0, now - this.#dueMs);
    this.#dueMs = now + everyMs;
    this.#cancel = clock.schedule(everyMs, () => this.#closed || this.#beat());
    // One that the disk holds up is not overtaken: it would be renamed over the newer one.
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#writing = this.#write(this.#next(false)).finally(() => {
      this.#isWriting = false;
    });
  }

  #next(graceful: boolean): Beat {
    const { clock, monotonic, owner } = this.#options;
    this.#beats += 1;
    return {
      at: clock.now(),
      monotonicMs: monotonic(),
      beats: this.#beats,
      stalledMs: this.#stalledMs,
      owner,
      ...(graceful && { graceful }),
    };
  }

  async #write(beat: Beat): Promise<void> {
    try {
      await this.#options.store.write(beat);
    } catch (error) {
      this.#options.telemetry('heartbeat.failed', { beats: beat.beats, problem: toError(error).message });
    }
  }
}
