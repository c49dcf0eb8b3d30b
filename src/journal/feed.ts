// The feed: the order in which all streams became durable, one key per group commit, and its newest part in memory.
import { HoldfastError } from '../base/errors.ts';
import type { Cursor, FeedEntry, StoredEvent } from './journal.ts';

/** Which events a group commit holds: `[stream, first seq, last seq]`, and whether they were written in another store. */
export type FeedRange = readonly [stream: string, first: number, last: number, imported?: true];

export const cursorAt = (position: number): Cursor => position.toString(36) as Cursor;

/** The position of a cursor, 0 for null; what is none throws `INVALID_CURSOR`. */
export function positionAt(cursor: Cursor | null): number {
  if (cursor === null) return 0;
  if (/^[0-9a-z]{1,9}$/.test(cursor)) return Number.parseInt(cursor, 36);
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}

export function rangesOf(events: readonly StoredEvent[]): FeedRange[] {
  const ranges: [stream: string, first: number, last: number, imported?: true][] = [];
  for (const { stream, seq, imported } of events) {
    const last = ranges.at(-1);
    if (last !== undefined && last[0] === stream && last[2] + 1 === seq && last[3] === imported)
      last[2] = seq;
    else ranges.push(imported === undefined ? [stream, seq, seq] : [stream, seq, seq, imported]);
  }
  return ranges;
}

interface TailEntry extends FeedEntry {
  readonly bytes: number;
}

/** The newest entries, so that a reader that keeps up never touches the disk. Bounded in events and in bytes. */
export class FeedTail {
  readonly #eventLimit: number;
  readonly #byteLimit: number;
  #entries: TailEntry[] = [];
  #first = 1;
  #events = 0;
  #bytes = 0;

  constructor(eventLimit = 4096, byteLimit = 16 * 1024 * 1024) {
    this.#eventLimit = eventLimit;
    this.#byteLimit = byteLimit;
  }

  /** Forgets everything and expects `position` next. */
  reset(position: number): void {
    this.#entries = [];
    this.#first = position;
    this.#events = 0;
    this.#bytes = 0;
  }

  push(position: number, events: readonly StoredEvent[], bytes: number): void {
    this.#entries.push({ cursor: cursorAt(position), events, bytes });
    this.#events += events.length;
    this.#bytes += bytes;
    if (this.#events > this.#eventLimit || this.#bytes > this.#byteLimit) this.#shrink();
  }

  /** Entries after `position`, or undefined when they are older than what is kept. */
  after(position: number, limit: number): readonly FeedEntry[] | undefined {
    const from = position + 1 - this.#first;
    if (from < 0) return undefined;
    return this.#entries.slice(from, from + limit).map(({ cursor, events }) => ({ cursor, events }));
  }

  /** Drops a half at a time, so that dropping costs nothing per event. The newest entry stays. */
  #shrink(): void {
    let drop = 0;
    while (drop < this.#entries.length - 1) {
      if (this.#events <= this.#eventLimit / 2 && this.#bytes <= this.#byteLimit / 2) break;
      this.#events -= this.#entries[drop]?.events.length ?? 0;
      this.#bytes -= this.#entries[drop]?.bytes ?? 0;
      drop += 1;
    }
    this.#entries = this.#entries.slice(drop);
    this.#first += drop;
  }
}
