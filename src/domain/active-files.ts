// The files that a session works on, and what is known of them.
import type { Json } from '../base/json.ts';
import { ShardedMap } from '../base/sharded-map.ts';

export interface ActiveFile {
  readonly path: string;
  readonly addedAt: number;
  /** The seq of the event that added it: the order of the list, and which one is dropped first. */
  readonly seq: number;
}

export interface IndexedFile {
  readonly path: string;
  readonly metadata: Json;
  readonly lastAccessedAt: number;
  readonly seq: number;
}

export interface ActiveFiles {
  readonly active: ShardedMap<ActiveFile>;
  readonly index: ShardedMap<IndexedFile>;
}

export const noFiles: ActiveFiles = { active: ShardedMap.empty, index: ShardedMap.empty };

/** Adds a file at the end; one that is there stays where it is. Beyond `maxFiles` the one added first is dropped. */
export function withFile(files: ActiveFiles, file: ActiveFile, maxFiles: number): ActiveFiles {
  if (files.active.has(file.path)) return files;
  const active = files.active.set(file.path, file);
  return { ...files, active: active.size > maxFiles ? withoutOldest(active) : active };
}

/** Removes a file from the list and from the index. */
export function withoutFile(files: ActiveFiles, path: string): ActiveFiles {
  return { active: files.active.delete(path), index: files.index.delete(path) };
}

/** Merges metadata into what is known; beyond `maxIndexed` the one touched longest ago is dropped. */
export function withIndexed(files: ActiveFiles, file: IndexedFile, maxIndexed: number): ActiveFiles {
  const known = files.index.get(file.path)?.metadata;
  const metadata =
    isObject(known) && isObject(file.metadata) ? { ...known, ...file.metadata } : file.metadata;
  const index = files.index.set(file.path, { ...file, metadata });
  return { ...files, index: index.size > maxIndexed ? withoutOldest(index) : index };
}

/** In the order in which they were added. */
export function listFiles(files: ActiveFiles): ActiveFile[] {
  return inOrder(files.active);
}

/** In the order in which they were last indexed. */
export function listIndex(files: ActiveFiles): IndexedFile[] {
  return inOrder(files.index);
}

function inOrder<T extends { readonly seq: number }>(map: ShardedMap<T>): T[] {
  return [...map.entries()].map(([, file]) => file).sort((a, b) => a.seq - b.seq);
}

function withoutOldest<T extends { readonly path: string; readonly seq: number }>(
  map: ShardedMap<T>,
): ShardedMap<T> {
  const [oldest] = inOrder(map);
  return oldest === undefined ? map : map.delete(oldest.path);
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
