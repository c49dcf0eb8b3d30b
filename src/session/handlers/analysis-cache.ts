// Files and analyses of sessions in memory: least recently used go first, and nothing of it is on a disk. It may lose what it
// holds and is never wrong: every entry says of which content it is, by hash, and is dropped when its file has another.
import { sha256 } from '../../base/hash.ts';
import { byteLength, type Json } from '../../base/json.ts';

/** Whose entries they are: a session's, or everybody's. */
export type CacheScope = string;
/** No session has such an id. */
export const everybody: CacheScope = ':global';

export interface CachedFile {
  readonly path: string;
  readonly hash: string;
  readonly bytes: number;
  readonly content: string;
  readonly metadata: Json;
  readonly at: number;
}

export interface CachedAnalysis {
  readonly path: string;
  readonly type: string;
  readonly hash: string;
  readonly result: Json;
  readonly at: number;
}

interface Entry {
  readonly key: string;
  readonly scope: CacheScope;
  readonly path: string;
  readonly bytes: number;
  readonly value: CachedFile | CachedAnalysis;
}

export interface CacheCounts {
  readonly entries: number;
  readonly bytes: number;
}

/** What an entry takes beside its texts, about. */
const ownBytes = 256;

const keyOf = (scope: CacheScope, path: string, type: string | null): string =>
  JSON.stringify([scope, path, type]);

export class AnalysisCache {
  readonly limitBytes: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #paths = new Map<CacheScope, Map<string, Set<string>>>();
  readonly #counts = { hits: 0, misses: 0, evictions: 0 };
  #bytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get size(): CacheCounts {
    return { entries: this.#entries.size, bytes: this.#bytes };
  }

  get counts(): { readonly hits: number; readonly misses: number; readonly evictions: number } {
    return { ...this.#counts };
  }

  get scopes(): number {
    return this.#paths.size;
  }

  sizeOf(scope: CacheScope): CacheCounts {
    let [entries, bytes] = [0, 0];
    for (const keys of this.#paths.get(scope)?.values() ?? [])
      for (const key of keys) {
        entries += 1;
        bytes += this.#entries.get(key)?.bytes ?? 0;
      }
    return { entries, bytes };
  }

  /** False when it is larger than all that may be held. Analyses of another content of the file go. */
  putFile(scope: CacheScope, path: string, content: string, metadata: Json, at: number): CachedFile & Kept {
    const file: CachedFile = {
      ...{ path, hash: sha256(content), bytes: byteLength(content), content, metadata, at },
    };
    this.#dropOthers(scope, path, file.hash);
    const bytes = file.bytes + byteLength(JSON.stringify(metadata));
    return { ...file, kept: this.#put(keyOf(scope, path, null), { scope, path, bytes, value: file }) };
  }

  /** Not kept either where the file is known with another content. */
  putAnalysis(scope: CacheScope, analysis: CachedAnalysis): boolean {
    const { path, type, hash, result } = analysis;
    const known = this.#entries.get(keyOf(scope, path, null))?.value.hash;
    if (known !== undefined && known !== hash) return false;
    const bytes = byteLength(JSON.stringify(result));
    return this.#put(keyOf(scope, path, type), { scope, path, bytes, value: analysis });
  }

  /** The session's own, or else everybody's; only of the content with that hash where one is named. */
  findFile(scope: CacheScope, path: string, hash?: string): (CachedFile & Found) | undefined {
    return this.#find<CachedFile>(scope, path, null, hash);
  }

  /** Without a hash that of the file is meant where it is known. */
  findAnalysis(
    scope: CacheScope,
    path: string,
    type: string,
    hash?: string,
  ): (CachedAnalysis & Found) | undefined {
    const meant = hash ?? this.#peekFile(scope, path)?.hash;
    return this.#find<CachedAnalysis>(scope, path, type, meant);
  }

  /** The files that a session sees: its own, and everybody's under other paths, sorted by path. */
  files(scope: CacheScope): readonly CachedFile[] {
    const paths = new Set([...this.#pathsOf(everybody), ...this.#pathsOf(scope)]);
    return [...paths].sort().flatMap((path) => this.#peekFile(scope, path) ?? []);
  }

  /** How many entries of the file are gone by it. */
  invalidate(scope: CacheScope, path: string): number {
    const keys = [...(this.#paths.get(scope)?.get(path) ?? [])];
    for (const key of keys) this.#drop(key);
    return keys.length;
  }

  clear(scope: CacheScope): number {
    let removed = 0;
    for (const path of this.#pathsOf(scope)) removed += this.invalidate(scope, path);
    return removed;
  }

  clearAll(): number {
    const { size } = this.#entries;
    this.#entries.clear();
    this.#paths.clear();
    this.#bytes = 0;
    return size;
  }

  #pathsOf(scope: CacheScope): readonly string[] {
    return [...(this.#paths.get(scope)?.keys() ?? [])];
  }

  #peekFile(scope: CacheScope, path: string): CachedFile | undefined {
    const own =
      this.#entries.get(keyOf(scope, path, null)) ?? this.#entries.get(keyOf(everybody, path, null));
    return own?.value as CachedFile | undefined;
  }

  #find<Value extends CachedFile | CachedAnalysis>(
    scope: CacheScope,
    path: string,
    type: string | null,
    hash: string | undefined,
  ): (Value & Found) | undefined {
    for (const from of scope === everybody ? [everybody] : [scope, everybody]) {
      const key = keyOf(from, path, type);
      const entry = this.#entries.get(key);
      if (entry === undefined || (hash !== undefined && entry.value.hash !== hash)) continue;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
      this.#counts.hits += 1;
      return { ...(entry.value as Value), isGlobal: from === everybody };
    }
    this.#counts.misses += 1;
    return undefined;
  }

  #put(key: string, { bytes, ...rest }: Omit<Entry, 'key'>): boolean {
    this.#drop(key);
    const entry: Entry = { key, ...rest, bytes: bytes + ownBytes };
    if (entry.bytes > this.limitBytes) return false;
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    const paths = this.#paths.get(entry.scope) ?? new Map<string, Set<string>>();
    this.#paths.set(entry.scope, paths);
    paths.set(entry.path, (paths.get(entry.path) ?? new Set<string>()).add(key));
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= this.limitBytes) break;
      this.#drop(oldest);
      this.#counts.evictions += 1;
    }
    return true;
  }

  #dropOthers(scope: CacheScope, path: string, hash: string): void {
    for (const key of [...(this.#paths.get(scope)?.get(path) ?? [])])
      if (this.#entries.get(key)?.value.hash !== hash) this.#drop(key);
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    const paths = this.#paths.get(entry.scope);
    const keys = paths?.get(entry.path);
    keys?.delete(key);
    if (keys?.size === 0) paths?.delete(entry.path);
    if (paths?.size === 0) this.#paths.delete(entry.scope);
  }
}

interface Kept {
  readonly kept: boolean;
}

interface Found {
  readonly isGlobal: boolean;
}
