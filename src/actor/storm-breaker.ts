// Too many restarts at once are spread out, and none is refused: a storm must not starve those that are well.
import type { Clock } from '../base/clock.ts';

const windowMs = 5_000;
const leastLimit = 100;
const activePerRestart = 5;

export class StormBreaker {
  readonly #clock: Clock;
  readonly #activeChildren: () => number;
  /** When the latest restarts were or are to be, oldest first; never more than the limit. */
  #slots: number[] = [];
  /** Where in `#slots` the window begins. */
  #first = 0;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, activeChildren: () => number) {
    this.#clock = clock;
    this.#activeChildren = activeChildren;
  }

  /** Restarts that go at once within five seconds: a hundred, or a fifth of the active children when that is more. */
  get limit(): number {
    return Math.max(leastLimit, Math.floor(this.#activeChildren() / activePerRestart));
  }

  /** Restarts in the last five seconds, and those that wait for their turn: no more than the limit are counted. */
  get recent(): number {
    return this.#slots.length - this.#first;
  }

  /** How long a restart that is due now has to wait: 0, or in a storm until its turn, one every 5 s / limit. */
  pace(): number {
    const { limit } = this;
    const now = this.#clock.now();
    // A clock that was set back makes nobody wait until it has caught up.
    if (now < this.#asked) this.#begin([]);
    this.#asked = now;
    this.#forget(now - windowMs, limit);
    const last = this.#slots.at(-1) ?? now;
    const slot = this.recent < limit ? now : Math.max(now, last + windowMs / limit);
    this.#slots.push(slot);
    return Math.ceil(slot - now);
  }

  /** A restart that is exactly as old as the window still counts, as one of a child does. */
  #forget(before: number, limit: number): void {
    while (this.recent > limit || (this.recent > 0 && (this.#slots[this.#first] ?? before) < before))
      this.#first += 1;
    if (this.#first > this.#slots.length / 2) this.#begin(this.#slots.slice(this.#first));
  }

  #begin(slots: number[]): void {
    this.#slots = slots;
    this.#first = 0;
  }
}
