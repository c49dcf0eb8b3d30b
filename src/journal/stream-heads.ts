// The heads that the journal has in memory: what is durable, and what will be once all that waits is. Bounded.
import type { Head } from './journal.ts';

export interface LiveHead {
  /** After everything that waits for the disk; undefined for a stream that does not exist yet. */
  tail: Head | undefined;
  durable: Head | undefined;
  /** Appends that wait; a head with any is never forgotten. */
  waiting: number;
}

export class StreamHeads {
  readonly #read: (stream: string) => Head | undefined;
  readonly #limit: number;
  readonly #heads = new Map<string, LiveHead>();

  constructor(read: (stream: string) => Head | undefined, limit = 20_000) {
    this.#read = read;
    this.#limit = limit;
  }

  get(stream: string): LiveHead {
    const known = this.#heads.get(stream);
    if (known !== undefined) return known;
    const stored = this.#read(stream);
    const head: LiveHead = { tail: stored, durable: stored, waiting: 0 };
    this.#heads.set(stream, head);
    if (this.#heads.size > this.#limit) this.#forgetIdle();
    return head;
  }

  clear(): void {
    this.#heads.clear();
  }

  /** Drops the older half of those that wait for nothing; a later use reads them again. */
  #forgetIdle(): void {
    let excess = this.#heads.size - this.#limit / 2;
    for (const [stream, head] of this.#heads) {
      if (excess <= 0) return;
      if (head.waiting > 0) continue;
      this.#heads.delete(stream);
      excess -= 1;
    }
  }
}
