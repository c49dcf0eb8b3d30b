// One string for all who name the same status, agent or parent: read from the disk, each would be another. It forgets what it
// knows once that is too much, since nothing but memory depends on it.

export class SharedTexts {
  readonly #limit: number;
  readonly #known = new Map<string, string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  shared<T extends string>(text: T): T {
    const known = this.#known.get(text);
    if (known !== undefined) return known as T;
    if (this.#known.size >= this.#limit) this.#known.clear();
    this.#known.set(text, text);
    return text;
  }

  clear(): void {
    this.#known.clear();
  }
}
