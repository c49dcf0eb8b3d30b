// A job that is done every so often: never twice at once, and after a pause in which it fell due many times, once.
import type { Clock } from '../base/clock.ts';

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly everyMs: number;
  /** After a job that failed the next try comes sooner, if the interval is longer. */
  readonly retryMs: number;
  /** Does the job; resolves to false when it failed. Never rejects. */
  readonly run: () => Promise<boolean>;
}

export class Schedule {
  readonly #options: ScheduleOptions;
  #cancel = (): void => {};
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** `lastAt`: when the job was last done, null for never. What is overdue is done at once, once. */
  start(lastAt: number | null): void {
    const { clock, everyMs } = this.#options;
    this.#arm(lastAt === null ? 0 : Math.max(0, lastAt + everyMs - clock.now()));
  }

  /** Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  #arm(delayMs: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.schedule(delayMs, () => {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
    });
  }

  /** The next one falls due an interval after this one did, or later where it took longer than that. */
  async #run(): Promise<void> {
    const { clock, everyMs, retryMs, run } = this.#options;
    const beganAt = clock.now();
    const ok = await run();
    const next = ok ? everyMs : Math.min(everyMs, retryMs);
    this.#arm(Math.max(0, beganAt + next - clock.now()));
  }
}
