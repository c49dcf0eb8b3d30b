// The time of a stream: it never runs backwards, whatever the clock does. While the end of a span is waited for, such as that of a
// lease, it goes on with what has elapsed, so that a clock that is set back lengthens no span.
import type { Clock } from '../base/clock.ts';

export class StreamTime {
  readonly #clock: Clock;
  #lastAt = 0;
  /** Added to what has elapsed it is the time of the stream. */
  #ahead = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The time of the newest event, or of the newest command that led to one. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** What it is now; `isCounting` while the end of a span is waited for. */
  now(isCounting: boolean): number {
    const least = Math.max(this.#clock.now(), this.#lastAt);
    const elapsed = isCounting ? this.#clock.elapsed?.() : undefined;
    return elapsed === undefined ? least : Math.max(least, elapsed + this.#ahead);
  }

  /** Something is written at `at`, when the time of the stream is `now`: it goes on from there. */
  stamp(at: number, now: number): void {
    this.#lastAt = Math.max(this.#lastAt, at);
    const elapsed = this.#clock.elapsed?.();
    if (elapsed !== undefined) this.#ahead = Math.max(this.#lastAt, now) - elapsed;
  }

  /** The stream was written at `at`, nobody here knows how long ago. */
  read(at: number): void {
    this.#lastAt = Math.max(this.#lastAt, at);
    this.reached(this.#lastAt);
  }

  /** It is known to have come so far. */
  reached(time: number): void {
    const elapsed = this.#clock.elapsed?.();
    if (elapsed !== undefined) this.#ahead = Math.max(this.#ahead, time - elapsed);
  }
}
