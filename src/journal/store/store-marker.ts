// The marker of a directory: whose it is, and, from the end of a close in order until the next opening, what that close knew.
// A marker that is being written never takes the place of the one that is there before it is durable, and one that does not match
// its checksum says nothing: not whose the directory is, and not that it is newer.
import { randomUUID } from 'node:crypto';
import { open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../base/hash.ts';
import type { HeadTally } from './head-tally.ts';
import type { KnownFiles } from './preflight.ts';
import type { StoreVersions } from './store-versions.ts';

export const markerFile = 'HOLDFAST.json';
export const draftFile = `${markerFile}.draft`;

export const directoryFormat = 1;

/** What a close in order knew. */
export interface ClosedFacts {
  readonly at: string;
  readonly files: KnownFiles;
  readonly heads: HeadTally;
}

/** Where the database is kept as it was before, and why it had to be repaired. */
export interface Repaired {
  readonly evidence: string;
  readonly reasons: readonly string[];
}

export interface Marker {
  readonly holdfast: 'store';
  readonly format: number;
  /** The id of the store; nothing in what was once written by hand. */
  readonly uuid?: string;
  readonly createdAt: string;
  /** True once a witness was begun: from then on one that is not there is missing. */
  readonly witnessed?: boolean;
  /** What the store was last written with, to be read before its database is touched; see {@link StoreVersions}. */
  readonly versions?: StoreVersions;
  /** Repaired, and not compared as a whole with what was witnessed yet. */
  readonly unchecked?: Repaired | undefined;
  /** The graceful flag: there from the last write of a close to the first of the next opening. */
  readonly closed?: ClosedFacts;
}

export function newMarker(uuid: string = randomUUID()): Marker {
  const createdAt = new Date().toISOString();
  return { holdfast: 'store', format: directoryFormat, uuid, createdAt };
}

export function withoutFlag({ closed: _, ...marker }: Marker): Marker {
  return marker;
}

/** With the checksum last. Newer formats keep it where and as it is, or they would look damaged to older versions. */
export const textOfMarker = (marker: Marker): string =>
  `${JSON.stringify({ ...marker, checksum: checksumOf(marker) })}\n`;

export const checksumOf = (marker: object): string => sha256(JSON.stringify(marker));

/** Synced before and after it gets its name: a store whose marker is lost in a power cut would be refused for ever. */
export async function writeMarker(root: string, marker: Marker): Promise<void> {
  await writeFile(join(root, draftFile), textOfMarker(marker), { flush: true });
  await rename(join(root, draftFile), join(root, markerFile));
  await syncDirectory(root);
}

/** Where a directory cannot be opened, as on Windows or without the right to list it, its names are kept as they are. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = process.platform === 'win32' ? undefined : await open(path).catch(() => undefined);
  await directory?.sync().finally(() => directory.close());
}
