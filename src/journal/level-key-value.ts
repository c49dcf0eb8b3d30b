// Small values beside the streams: projections, positions, saved sessions. Each is under a checksum.
import type { Json } from '../base/json.ts';
import type { Write } from './commit-loop.ts';
import { measure } from './encode-append.ts';
import type { JournalLimits, KeyValue } from './journal.ts';
import { corrupt } from './journal-errors.ts';
import { assertText, keys, prefixRange } from './keys.ts';
import type { LevelStore } from './level-store.ts';
import { seal, unseal } from './sealed.ts';

/** Makes writes durable after all that were given before. */
export type CommitWrites = (writes: readonly Write[]) => Promise<void>;

export class LevelKeyValue implements KeyValue {
  readonly #store: LevelStore;
  readonly #limits: JournalLimits;
  readonly #commit: CommitWrites;

  constructor(store: LevelStore, limits: JournalLimits, commit: CommitWrites) {
    this.#store = store;
    this.#limits = limits;
    this.#commit = commit;
  }

  async get(key: string): Promise<Json | undefined> {
    assertText(key);
    const stored = await this.#store.read('kv', key, (db) => db.get(keys.kv(key)));
    if (stored === undefined) return undefined;
    const text = unseal(keys.kv(key), stored);
    if (text === undefined) throw corrupt('kv', key, 'it does not match its checksum');
    return JSON.parse(text) as Json;
  }

  async batch(writes: readonly { key: string; value: Json | undefined }[]): Promise<void> {
    const encoded = writes.map(({ key, value }) => encode(key, value));
    // Each alone first, so that what is too large is refused under its own key.
    for (const [index, write] of encoded.entries()) measure(writes[index]?.key ?? '', [write], this.#limits);
    await this.#commit(encoded);
  }

  async keys(prefix: string): Promise<readonly string[]> {
    const range = prefixRange(keys.kv(prefix));
    const found = await this.#store.read('kv', prefix, (db) => db.keys(range).all());
    return found.map((key) => key.slice(keys.kv('').length));
  }
}

function encode(key: string, value: Json | undefined): Write {
  assertText(key);
  const stored = keys.kv(key);
  return { key: stored, value: value === undefined ? undefined : seal(stored, JSON.stringify(value)) };
}
