// Who lives under which name. A name is held by one incarnation at a time; a second one is refused without a trace.

export interface RegistryEntry<Ref> {
  readonly ref: Ref;
  readonly incarnation: number;
  readonly registeredAt: number;
}

export class Registry<Ref> {
  readonly #entries = new Map<string, RegistryEntry<Ref>>();

  /** True when the name was free. */
  register(name: string, entry: RegistryEntry<Ref>): boolean {
    if (this.#entries.has(name)) return false;
    this.#entries.set(name, entry);
    return true;
  }

  /** Frees the name, unless a later incarnation holds it. */
  unregister(name: string, incarnation: number): void {
    if (this.#entries.get(name)?.incarnation === incarnation) this.#entries.delete(name);
  }

  find(name: string): Ref | undefined {
    return this.#entries.get(name)?.ref;
  }

  entry(name: string): RegistryEntry<Ref> | undefined {
    return this.#entries.get(name);
  }

  get size(): number {
    return this.#entries.size;
  }

  names(): IterableIterator<string> {
    return this.#entries.keys();
  }
}
