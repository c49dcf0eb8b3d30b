// The marker of a directory: whose it is, and, from the end of a close in order until the next opening, what that close knew.
// A marker that is being written never takes the place of the one that is there before it is durable.
import { randomUUID } from 'node:crypto';
import { open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  readonly uuid: string;
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

export function newMarker(): Marker {
  const createdAt = new Date().toISOString();
  return { holdfast: 'store', format: directoryFormat, uuid: randomUUID(), createdAt };
}

export function parseMarker(text: string): Marker | undefined {
  try {
    const marker = JSON.parse(text) as Marker | null;
    return typeof marker?.format === 'number' ? marker : undefined;
  } catch {
    return undefined;
  }
}

/** Synced before and after it gets its name: a store whose marker is lost in a power cut would be refused for ever. */
export async function writeMarker(root: string, marker: Marker): Promise<void> {
  await writeFile(join(root, draftFile), `${JSON.stringify(marker)}\n`, { flush: true });
  await rename(join(root, draftFile), join(root, markerFile));
  await syncDirectory(root);
}

/** Where a directory cannot be opened, as on Windows or without the right to list it, its names are kept as they are. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = process.platform === 'win32' ? undefined : await open(path).catch(() => undefined);
  await directory?.sync().finally(() => directory.close());
}
