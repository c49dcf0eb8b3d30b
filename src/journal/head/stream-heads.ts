// The heads that the journal has in memory: what is durable, and what will be once all that waits is. Bounded.
import type { Head } from '../journal.ts';

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
  #sweepAt: number;

  constructor(read: (stream: string) => Head | undefined, limit = 20_000) {
    this.#read = read;
    this.#limit = limit;
    this.#sweepAt = limit;
  }

  get(stream: string): LiveHead {
    const known = this.#heads.get(stream);
    if (known !== undefined) return known;
    const stored = this.#read(stream);
    if (this.#heads.size >= this.#sweepAt) this.#forgetIdle();
    const head: LiveHead = { tail: stored, durable: stored, waiting: 0 };
    this.#heads.set(stream, head);
    return head;
  }

  clear(): void {
    this.#heads.clear();
    this.#sweepAt = this.#limit;
  }

  /**
   * Drops the older half of those that wait for nothing; a later use reads them again. It runs before a head is added:
   * one that was just handed out may be about to wait, and a second one beside it would let two appends win.
   * When most of them wait, the next sweep is put off, so that no append pays for looking at all others.
   */
  #forgetIdle(): void {
    let excess = this.#heads.size - this.#limit / 2;
    for (const [stream, head] of this.#heads) {
      if (excess <= 0) break;
      if (head.waiting > 0) continue;
      this.#heads.delete(stream);
      excess -= 1;
    }
    this.#sweepAt = Math.max(this.#limit, this.#heads.size * 2);
  }
}
