// When sessions next fall quiet: a heap by the time, in which each session knows its place, so that a query moves those
// that are due and looks at no other. A session that was used meanwhile keeps its earlier place until that comes up.
import type { SessionEntry } from './session-entry.ts';
import { nextEdgeAt } from './session-row.ts';

const none = -1;

export class QuietEdges {
  /** Two lists side by side: plain numbers take half the room, and are compared without a look at the sessions. */
  readonly #times: number[] = [];
  readonly #entries: SessionEntry[] = [];

  schedule(entry: SessionEntry, now: number): void {
    const next = nextEdgeAt(entry, now);
    const place = entry.edge;
    if (next === null) this.delete(entry);
    else if (place === none) this.#raise(this.#entries.length, next, entry);
    else if (next < this.#timeAt(place)) this.#raise(place, next, entry);
  }

  /** When it is looked at next; null while it waits for nothing. */
  timeOf({ edge }: SessionEntry): number | null {
    return edge === none ? null : this.#timeAt(edge);
  }

  delete(entry: SessionEntry): void {
    const place = entry.edge;
    if (place === none) return;
    entry.edge = none;
    const time = this.#times.pop() as number;
    const last = this.#entries.pop() as SessionEntry;
    if (last === entry) return;
    if (place > 0 && time < this.#timeAt((place - 1) >> 1)) this.#raise(place, time, last);
    else this.#lower(place, time, last);
  }

  /** Takes out those whose time has come, at most `limit`; schedule them anew. */
  due(now: number, limit: number): readonly SessionEntry[] {
    const due: SessionEntry[] = [];
    for (let first = this.#entries[0]; first !== undefined; first = this.#entries[0]) {
      if (this.#timeAt(0) > now || due.length >= limit) break;
      this.delete(first);
      due.push(first);
    }
    return due;
  }

  clear(): void {
    for (const entry of this.#entries) entry.edge = none;
    this.#times.length = 0;
    this.#entries.length = 0;
  }

  #timeAt(place: number): number {
    return this.#times[place] as number;
  }

  /** Puts it there or above, where its time belongs; what was later comes down. */
  #raise(from: number, time: number, entry: SessionEntry): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (this.#timeAt(above) <= time) break;
      this.#put(place, this.#timeAt(above), this.#entries[above] as SessionEntry);
      place = above;
    }
    this.#put(place, time, entry);
  }

  /** Puts it there or below; what was earlier comes up. */
  #lower(from: number, time: number, entry: SessionEntry): void {
    const { length } = this.#entries;
    let place = from;
    for (let below = 2 * place + 1; below < length; below = 2 * place + 1) {
      if (below + 1 < length && this.#timeAt(below + 1) < this.#timeAt(below)) below += 1;
      if (time <= this.#timeAt(below)) break;
      this.#put(place, this.#timeAt(below), this.#entries[below] as SessionEntry);
      place = below;
    }
    this.#put(place, time, entry);
  }

  #put(place: number, time: number, entry: SessionEntry): void {
    this.#times[place] = time;
    this.#entries[place] = entry;
    entry.edge = place;
  }
}
