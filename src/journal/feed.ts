// The feed: the order in which all streams became durable, one key per group commit, and its newest part in memory.
import type { Cursor, FeedEntry, StoredEvent } from './journal.ts';

/** Which events a group commit holds: `[stream, first seq, last seq]`. */
export type FeedRange = readonly [stream: string, first: number, last: number];

export const cursorAt = (position: number): Cursor => position.toString(36) as Cursor;
export const positionAt = (cursor: Cursor | null): number =>
  cursor === null ? 0 : Number.parseInt(cursor, 36);

export function rangesOf(events: readonly StoredEvent[]): FeedRange[] {
  const ranges: [string, number, number][] = [];
  for (const { stream, seq } of events) {
    const last = ranges.at(-1);
    if (last !== undefined && last[0] === stream && last[2] + 1 === seq) last[2] = seq;
    else ranges.push([stream, seq, seq]);
  }
  return ranges;
}

/** The newest entries, so that a reader that keeps up never touches the disk. Bounded in events. */
export class FeedTail {
  readonly #limit: number;
  #entries: FeedEntry[] = [];
  #first = 1;
  #events = 0;

  constructor(limit = 4096) {
    this.#limit = limit;
  }

  /** Forgets everything and expects `position` next. */
  reset(position: number): void {
    this.#entries = [];
    this.#first = position;
    this.#events = 0;
  }

  push(position: number, events: readonly StoredEvent[]): void {
    this.#entries.push({ cursor: cursorAt(position), events });
    this.#events += events.length;
    if (this.#events > this.#limit && this.#entries.length > 1) this.#shrink();
  }

  /** Entries after `position`, or undefined when they are older than what is kept. */
  after(position: number, limit: number): readonly FeedEntry[] | undefined {
    const from = position + 1 - this.#first;
    return from < 0 ? undefined : this.#entries.slice(from, from + limit);
  }

  /** Drops a half at a time, so that dropping costs nothing per event. */
  #shrink(): void {
    let kept = this.#events;
    let drop = 0;
    while (kept > this.#limit / 2 && drop < this.#entries.length - 1) {
      kept -= this.#entries[drop]?.events.length ?? 0;
      drop += 1;
    }
    this.#entries = this.#entries.slice(drop);
    this.#first += drop;
    this.#events = kept;
  }
}
