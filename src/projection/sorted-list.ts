// Items in order, in chunks of bounded size: adding, deleting and finding a place cost two binary searches and one short
// copy, however many there are. Adding at the end, where nearly everything comes, costs less.

const fullChunk = 256;

/** True for the items that stand before a place; what stands behind it must all be false. */
export type Before<T> = (item: T) => boolean;

export class SortedList<T> {
  /** A total order: 0 for an item and itself alone. */
  readonly #compare: (a: T, b: T) => number;
  /** None is empty. */
  readonly #chunks: T[][] = [];
  #size = 0;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    const last = this.#chunks.at(-1)?.at(-1);
    if (last === undefined || this.#compare(last, item) < 0) {
      this.addLast(item);
      return;
    }
    this.#size += 1;
    const chunkAt = this.#chunkFor(item);
    const chunk = this.#chunks[chunkAt] ?? [];
    chunk.splice(this.#placeIn(chunk, item), 0, item);
    if (chunk.length > fullChunk) this.#chunks.splice(chunkAt + 1, 0, chunk.splice(fullChunk / 2));
  }

  /** For what is known to stand behind everything else. A full last chunk stays full: what comes in order is packed. */
  addLast(item: T): void {
    this.#size += 1;
    const last = this.#chunks.at(-1);
    if (last === undefined || last.length >= fullChunk) this.#chunks.push([item]);
    else last.push(item);
  }

  /** False when it was not there. */
  delete(item: T): boolean {
    const chunkAt = this.#chunkFor(item);
    const chunk = this.#chunks[chunkAt];
    if (chunk === undefined) return false;
    const at = this.#placeIn(chunk, item);
    const found = chunk[at];
    if (found === undefined || this.#compare(found, item) !== 0) return false;
    chunk.splice(at, 1);
    this.#size -= 1;
    this.#merge(chunkAt, chunk);
    return true;
  }

  /** From the first item that stands not before the place on, or from the first of all. */
  *upward(isBefore: Before<T> = () => false): Generator<T> {
    let from = this.#chunkOf(isBefore);
    let at = countBefore(this.#chunks[from] ?? [], isBefore);
    for (let chunk = this.#chunks[from]; chunk !== undefined; chunk = this.#chunks[++from]) {
      for (; at < chunk.length; at++) yield chunk[at] as T;
      at = 0;
    }
  }

  /** From the last item that stands before the place on, towards the first; or from the last of all. */
  *downward(isBefore: Before<T> = () => true): Generator<T> {
    let from = Math.min(this.#chunkOf(isBefore), this.#chunks.length - 1);
    let at = countBefore(this.#chunks[from] ?? [], isBefore) - 1;
    for (let chunk = this.#chunks[from]; chunk !== undefined; chunk = this.#chunks[--from]) {
      for (; at >= 0; at--) yield chunk[at] as T;
      at = (this.#chunks[from - 1]?.length ?? 0) - 1;
    }
  }

  /** Chunks that have become small join their neighbour, so that their number stays in proportion. */
  #merge(chunkAt: number, chunk: T[]): void {
    if (chunk.length >= fullChunk / 8) return;
    const next = this.#chunks[chunkAt + 1];
    if (next !== undefined && chunk.length + next.length <= fullChunk / 2) {
      chunk.push(...next);
      this.#chunks.splice(chunkAt + 1, 1);
    }
    if (chunk.length === 0) this.#chunks.splice(chunkAt, 1);
  }

  /** The first chunk that does not stand wholly before the item. */
  #chunkFor(item: T): number {
    return countBefore(this.#chunks, (chunk) => this.#compare(chunk[chunk.length - 1] as T, item) < 0);
  }

  #placeIn(chunk: readonly T[], item: T): number {
    return countBefore(chunk, (other) => this.#compare(other, item) < 0);
  }

  /** The first chunk that does not stand wholly before the place. */
  #chunkOf(isBefore: Before<T>): number {
    return countBefore(this.#chunks, (chunk) => isBefore(chunk[chunk.length - 1] as T));
  }
}

function countBefore<T>(items: readonly T[], isBefore: Before<T>): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(items[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
