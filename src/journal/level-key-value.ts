// Small values beside the streams: projections, positions, saved sessions.
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { JournalLimits, KeyValue } from './journal.ts';
import { keys, prefixRange } from './keys.ts';
import type { LevelStore } from './level-store.ts';

export class LevelKeyValue implements KeyValue {
  readonly #store: LevelStore;
  readonly #ready: () => Promise<void>;
  readonly #limits: JournalLimits;

  constructor(store: LevelStore, ready: () => Promise<void>, limits: JournalLimits) {
    this.#store = store;
    this.#ready = ready;
    this.#limits = limits;
  }

  async get(key: string): Promise<Json | undefined> {
    await this.#ready();
    const text = await this.#store.db.get(keys.kv(key));
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  }

  async batch(writes: readonly { key: string; value: Json | undefined }[]): Promise<void> {
    await this.#ready();
    const operations = writes.map(({ key, value }) =>
      value === undefined
        ? ({ type: 'del', key: keys.kv(key) } as const)
        : ({ type: 'put', key: keys.kv(key), value: this.#encode(key, value) } as const),
    );
    await this.#store.db.batch(operations, { sync: true } as object);
  }

  async keys(prefix: string): Promise<readonly string[]> {
    await this.#ready();
    const found = await this.#store.db.keys(prefixRange(keys.kv(prefix))).all();
    return found.map((key) => key.slice(keys.kv('').length));
  }

  #encode(key: string, value: Json): string {
    const text = JSON.stringify(value);
    const size = Buffer.byteLength(text);
    const limit = this.#limits.valueBytes;
    if (size > limit) throw new HoldfastError('VALUE_TOO_LARGE', { stream: key, size, limit });
    return text;
  }
}
