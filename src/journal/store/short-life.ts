// A process that ended soon after it had opened a store may have been ended by it: LevelDB compares no checksum when it reads a
// block, and what it makes of a damaged one can be its end, at every start anew.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerFile } from './store-owner.ts';

const soonMs = 60_000;

/** Of who left without a word. He lived at least as long as the database was written to. */
export async function endedSoon(root: string, database: string): Promise<boolean> {
  const openedAt = await writtenAt(join(root, ownerFile));
  if (openedAt === undefined) return false;
  const names = await readdir(database).catch(() => []);
  const times = await Promise.all(names.map((name) => writtenAt(join(database, name))));
  return Math.max(openedAt, ...times.map((at = 0) => at)) - openedAt < soonMs;
}

const writtenAt = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
