// Keys in the order of the times at which they were last touched, newest first. Times nearly always come in their order, so
// that touching a key costs the same however many there are.

interface Node {
  readonly key: string;
  at: number;
  older: Node | undefined;
  newer: Node | undefined;
}

/** A place in the list, which may be one where no key stands any more. */
export type Place = readonly [at: number, key: string];

export class RecencyList {
  readonly #nodes = new Map<string, Node>();
  #newest: Node | undefined;

  /** Keys of one time stand in the descending order of their names. */
  touch(key: string, at: number): void {
    const node = this.#nodes.get(key) ?? { key, at, older: undefined, newer: undefined };
    this.#unlink(node);
    node.at = at;
    this.#nodes.set(key, node);
    let newer: Node | undefined;
    let older = this.#newest;
    while (older !== undefined && isBehind([at, key], older)) {
      newer = older;
      older = older.older;
    }
    this.#link(newer, node, older);
  }

  delete(key: string): void {
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    this.#unlink(node);
    this.#nodes.delete(key);
  }

  /** Newest first; those behind a place when one is given. */
  *keys(after?: Place): Generator<string> {
    for (let node = this.#first(after); node !== undefined; node = node.older) yield node.key;
  }

  #first(after: Place | undefined): Node | undefined {
    if (after === undefined) return this.#newest;
    const [at, key] = after;
    const standing = this.#nodes.get(key);
    if (standing?.at === at) return standing.older;
    let node = this.#newest;
    while (node !== undefined && !isBehind([node.at, node.key], { at, key })) node = node.older;
    return node;
  }

  #link(newer: Node | undefined, node: Node, older: Node | undefined): void {
    node.newer = newer;
    node.older = older;
    if (newer === undefined) this.#newest = node;
    else newer.older = node;
    if (older !== undefined) older.newer = node;
  }

  #unlink(node: Node): void {
    if (node.older !== undefined) node.older.newer = node.newer;
    if (node.newer !== undefined) node.newer.older = node.older;
    if (node === this.#newest) this.#newest = node.older;
    node.older = undefined;
    node.newer = undefined;
  }
}

function isBehind([at, key]: Place, other: { readonly at: number; readonly key: string }): boolean {
  return at === other.at ? key < other.key : at < other.at;
}
