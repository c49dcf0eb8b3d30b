// What a loss of power leaves of a directory: of each file what was synced of it, and of the rest nothing, or a part. Names of
// files are taken to survive, with what was renamed: LevelDB syncs its directory with its manifest.
import { readdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../../src/testing/seeded-random.ts';

/** How long each file was when all of it was on the disk. */
export type Lengths = ReadonlyMap<string, number>;

export function lengthsIn(directory: string): Lengths {
  return new Map(filesIn(directory).map((path) => [path, statSync(path).size]));
}

/**
 * Cuts every file to what is sure to be there: what was there before, or what `notes` say was synced since. With `random`, a part
 * of the rest has reached the disk too. Answers with how many bytes were cut off.
 */
export function losePower(directory: string, before: Lengths, notes: string, random?: Random): number {
  const synced = syncedIn(notes);
  let lost = 0;
  for (const path of filesIn(directory)) {
    const { size, ino } = statSync(path);
    // A file that was synced under another name was renamed since.
    const noted = synced.paths.get(path) ?? synced.inodes.get(ino);
    const sure = Math.min(size, Math.max(before.get(path) ?? 0, noted ?? 0));
    const left = random === undefined ? sure : sure + Math.floor(random() * (size - sure + 1));
    if (left === size) continue;
    lost += size - left;
    truncateSync(path, left);
  }
  return lost;
}

interface Synced {
  readonly paths: ReadonlyMap<string, number>;
  readonly inodes: ReadonlyMap<number, number>;
}

/** The lines of the shim: length, inode, path. */
function syncedIn(notes: string): Synced {
  const paths = new Map<string, number>();
  const inodes = new Map<number, number>();
  for (const line of read(notes).split('\n')) {
    const [, length, inode, path] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    paths.set(path, Number(length));
    inodes.set(Number(inode), Number(length));
  }
  return { paths, inodes };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
