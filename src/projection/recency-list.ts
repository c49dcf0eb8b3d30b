// Keys in the order in which they were last touched: touching one costs the same however many there are.

interface Node {
  readonly key: string;
  older: Node | undefined;
  newer: Node | undefined;
}

export class RecencyList {
  readonly #nodes = new Map<string, Node>();
  #newest: Node | undefined;

  touch(key: string): void {
    const node = this.#nodes.get(key) ?? { key, older: undefined, newer: undefined };
    if (node === this.#newest) return;
    this.#unlink(node);
    node.older = this.#newest;
    if (this.#newest !== undefined) this.#newest.newer = node;
    this.#newest = node;
    this.#nodes.set(key, node);
  }

  delete(key: string): void {
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    this.#unlink(node);
    if (node === this.#newest) this.#newest = node.older;
    this.#nodes.delete(key);
  }

  /** Newest first; those touched before `after` when it is given and known. */
  *keys(after?: string): Generator<string> {
    const from = after === undefined ? undefined : this.#nodes.get(after);
    for (let node = from === undefined ? this.#newest : from.older; node !== undefined; node = node.older)
      yield node.key;
  }

  #unlink(node: Node): void {
    if (node.older !== undefined) node.older.newer = node.newer;
    if (node.newer !== undefined) node.newer.older = node.older;
    if (node === this.#newest) this.#newest = node.older;
    node.older = undefined;
    node.newer = undefined;
  }
}
