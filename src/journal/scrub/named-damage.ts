// What the scrub has named: each damage once in a process, and again only when a pass in between did not meet it.
import type { Damage } from './scrub-check.ts';

/** What is found beyond these is named at each pass. */
const mostRemembered = 10_000;

export class NamedDamage {
  #named: ReadonlySet<string> = new Set();
  #met = new Set<string>();

  /** True for what is to be named now; it counts as named from then on. */
  isNew({ stream, seq, problem }: Damage): boolean {
    const key = JSON.stringify([stream, seq, problem]);
    const isKnown = this.#named.has(key) || this.#met.has(key);
    if (this.#met.size < mostRemembered) this.#met.add(key);
    return !isKnown;
  }

  /** A pass was cut off, and another begins from the first key. */
  begin(): void {
    this.#named = new Set([...this.#named, ...this.#met]);
    this.#met = new Set();
  }

  /** All was read: what was not met is healed, or gone. */
  end(): void {
    this.#named = this.#met;
    this.#met = new Set();
  }
}
