// Pipes, sockets and devices where files belong. Who opens one may wait for ever, so that what has the name of a file of the store is
// looked at before it is opened.
import type { Dirent } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../../base/errors.ts';

export const noFile = 'it is no file';

/** True for what is there and is neither file nor folder, links followed. */
export const isOdd = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => !found.isFile() && !found.isDirectory(),
    () => false,
  );

/** The names among `entries` of `folder` that are no files. */
export async function oddAmong(folder: string, entries: readonly Dirent[]): Promise<readonly string[]> {
  const odd: string[] = [];
  for (const entry of entries) {
    const isPlain = entry.isFile() || entry.isDirectory();
    if (!isPlain && (await isOdd(join(folder, entry.name)))) odd.push(entry.name);
  }
  return odd;
}

/**
 * What stands there in the place of a file is somebody else's: no repair takes it away.
 *
 * @throws HoldfastError `JOURNAL_DAMAGED` that names the paths
 */
export async function assertFiles(location: string, paths: readonly string[]): Promise<void> {
  const findings: string[] = [];
  for (const path of paths) if (await isOdd(path)) findings.push(`${path}: ${noFile}`);
  if (findings.length > 0)
    throw new HoldfastError('JOURNAL_DAMAGED', { location, problem: findings.join('; '), findings });
}
