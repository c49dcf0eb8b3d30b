// A persistent map of short texts to values: a change copies one small shard, never the whole.

const shardCount = 32;

export class ShardedMap<V> {
  readonly #shards: readonly (ReadonlyMap<string, V> | undefined)[];
  readonly size: number;

  private constructor(shards: readonly (ReadonlyMap<string, V> | undefined)[], size: number) {
    this.#shards = shards;
    this.size = size;
  }

  /** The map of nothing, shared by all. */
  static get empty(): ShardedMap<never> {
    return nothing;
  }

  static of<V>(entries: Iterable<readonly [string, V]>): ShardedMap<V> {
    const shards = new Array<Map<string, V> | undefined>(shardCount).fill(undefined);
    for (const [key, value] of entries) {
      const index = shardOf(key);
      const shard = shards[index] ?? new Map<string, V>();
      shards[index] = shard.set(key, value);
    }
    return new ShardedMap<V>(
      shards,
      shards.reduce((sum, shard) => sum + (shard?.size ?? 0), 0),
    );
  }

  get(key: string): V | undefined {
    return this.#shards[shardOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#shards[shardOf(key)]?.has(key) ?? false;
  }

  set(key: string, value: V): ShardedMap<V> {
    const shard = new Map(this.#shards[shardOf(key)]);
    const size = this.size + (shard.has(key) ? 0 : 1);
    return this.#with(shardOf(key), shard.set(key, value), size);
  }

  delete(key: string): ShardedMap<V> {
    if (!this.has(key)) return this;
    const shard = new Map(this.#shards[shardOf(key)]);
    shard.delete(key);
    return this.size === 1 ? ShardedMap.empty : this.#with(shardOf(key), shard, this.size - 1);
  }

  *entries(): IterableIterator<readonly [string, V]> {
    for (const shard of this.#shards) if (shard !== undefined) yield* shard;
  }

  #with(index: number, shard: ReadonlyMap<string, V>, size: number): ShardedMap<V> {
    const shards = [...this.#shards];
    shards[index] = shard;
    return new ShardedMap<V>(shards, size);
  }
}

const nothing: ShardedMap<never> = ShardedMap.of([]);

/** FNV-1a, 32 bits, folded to a shard. */
function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % shardCount;
}
