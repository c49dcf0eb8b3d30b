// A persistent list that grows at the end and shrinks at the front: older versions stay valid, nothing is copied per append.

/** Versions share one array; a version sees `[start, end)` of it. */
export class AppendList<T> {
  readonly #items: T[];
  readonly #start: number;
  readonly #end: number;

  private constructor(items: T[], start: number, end: number) {
    this.#items = items;
    this.#start = start;
    this.#end = end;
  }

  static readonly empty: AppendList<never> = new AppendList<never>([], 0, 0);

  static of<T>(items: readonly T[]): AppendList<T> {
    return items.length === 0 ? AppendList.empty : new AppendList([...items], 0, items.length);
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** A list with `item` at its end. Only the newest version appends in place; an older one copies first. */
  append(item: T): AppendList<T> {
    const inPlace = this.#items.length === this.#end && this.#end > 0;
    const items = inPlace ? this.#items : this.toArray();
    const start = inPlace ? this.#start : 0;
    items.push(item);
    return new AppendList(items, start, items.length);
  }

  /** A list without its first `count` items; the array is copied once half of it is no longer seen. */
  dropFirst(count: number): AppendList<T> {
    const start = Math.min(this.#start + Math.max(count, 0), this.#end);
    if (start === this.#end) return AppendList.empty;
    if (start * 2 < this.#items.length) return new AppendList(this.#items, start, this.#end);
    return AppendList.of(this.#items.slice(start, this.#end));
  }

  at(index: number): T | undefined {
    return index < 0 || index >= this.length ? undefined : this.#items[this.#start + index];
  }

  toArray(): T[] {
    return this.#items.slice(this.#start, this.#end);
  }
}
