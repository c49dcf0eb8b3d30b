// The files that a session works on, and what is known of them.
import { byteLength, type Json } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';

/** So many bytes are kept of what is known of files; what goes beyond is refused. */
export const maxIndexBytes = 4_194_304;

export interface ActiveFile {
  readonly path: string;
  readonly addedAt: number;
  /** The seq of the event that added it: the order of the list, and which one is dropped first. */
  readonly seq: number;
}

/** What is said of a file at a time. */
export interface FileNotice {
  readonly path: string;
  readonly metadata: Json;
  readonly lastAccessedAt: number;
  readonly seq: number;
}

export interface IndexedFile extends FileNotice {
  /** Bytes of the path, and of the metadata as JSON. */
  readonly bytes: number;
}

export interface ActiveFiles {
  readonly active: ShardedMap<ActiveFile>;
  readonly index: ShardedMap<IndexedFile>;
  readonly indexBytes: number;
}

export const noFiles: ActiveFiles = { active: ShardedMap.empty, index: ShardedMap.empty, indexBytes: 0 };

export interface FileLimits {
  readonly maxFiles: number;
  readonly maxIndexedFiles: number;
}

/** Adds a file at the end; one that is there stays where it is. */
export function withFile(files: ActiveFiles, file: ActiveFile, limits: FileLimits): ActiveFiles {
  if (files.active.has(file.path)) return files;
  return withinLimits({ ...files, active: files.active.set(file.path, file) }, limits);
}

/** Removes a file from the list and from the index. */
export function withoutFile(files: ActiveFiles, path: string): ActiveFiles {
  return unindexed({ ...files, active: files.active.delete(path) }, path);
}

/** Merges metadata into what is known. */
export function withIndexed(files: ActiveFiles, notice: FileNotice, limits: FileLimits): ActiveFiles {
  const known = files.index.get(notice.path);
  const metadata = merged(known?.metadata, notice.metadata);
  const bytes = bytesOf(notice.path, metadata);
  const index = files.index.set(notice.path, { ...notice, metadata, bytes });
  const indexBytes = files.indexBytes + bytes - (known?.bytes ?? 0);
  return withinLimits({ ...files, index, indexBytes }, limits);
}

/** Drops the files that were added first, and of the index those that were touched longest ago. */
export function withinLimits(files: ActiveFiles, { maxFiles, maxIndexedFiles }: FileLimits): ActiveFiles {
  const { active, index } = files;
  const fallen = oldest(active, active.size - maxFiles);
  const forgotten = oldest(index, index.size - maxIndexedFiles);
  if (fallen.length === 0 && forgotten.length === 0) return files;
  const listed = fallen.reduce((rest, { path }) => rest.delete(path), active);
  return forgotten.reduce((rest, { path }) => unindexed(rest, path), { ...files, active: listed });
}

/** How many bytes the index would have with `metadata` merged into what is known of `path`. */
export function indexBytesWith({ index, indexBytes }: ActiveFiles, path: string, metadata: Json): number {
  const known = index.get(path);
  return indexBytes + bytesOf(path, merged(known?.metadata, metadata)) - (known?.bytes ?? 0);
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

function oldest<T extends { readonly seq: number }>(map: ShardedMap<T>, count: number): readonly T[] {
  return count > 0 ? inOrder(map).slice(0, count) : [];
}

function unindexed(files: ActiveFiles, path: string): ActiveFiles {
  const known = files.index.get(path);
  if (known === undefined) return files;
  return { ...files, index: files.index.delete(path), indexBytes: files.indexBytes - known.bytes };
}

function merged(known: Json | undefined, added: Json): Json {
  return isObject(known) && isObject(added) ? Object.freeze({ ...known, ...added }) : added;
}

function bytesOf(path: string, metadata: Json): number {
  return byteLength(path) + byteLength(JSON.stringify(metadata));
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
