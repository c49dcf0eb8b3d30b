// What a cache of so many places must have counted: the simplest thing that could be.

export class LruModel {
  readonly #places: number;
  /** Least recently used first. */
  #kept: string[] = [];
  #hits = 0;
  #misses = 0;
  readonly evicted: string[] = [];

  constructor(places: number) {
    this.#places = places;
  }

  get counts(): object {
    const [hits, misses] = [this.#hits, this.#misses];
    const hitRate = hits + misses === 0 ? null : hits / (hits + misses);
    return { sessions: this.#kept.length, hits, misses, hitRate, evictions: this.evicted.length };
  }

  read(id: string): void {
    if (this.#count(id)) this.#kept = [...this.#others(id), id];
  }

  wake(id: string): void {
    this.#count(id);
    this.#kept = this.#others(id);
  }

  keep(id: string): void {
    this.#kept = [...this.#others(id), id];
    this.evicted.push(...this.#kept.splice(0, this.#kept.length - this.#places));
  }

  #count(id: string): boolean {
    const isKept = this.#kept.includes(id);
    if (isKept) this.#hits += 1;
    else this.#misses += 1;
    return isKept;
  }

  #others(id: string): string[] {
    return this.#kept.filter((other) => other !== id);
  }
}
