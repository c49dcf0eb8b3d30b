// The log files of a LevelDB in a directory: all of a write is in one of them before it is answered, and LevelDB syncs only
// the newest, and that only with a synced write.
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOdd } from './odd-files.ts';

/** Makes durable what was written to the logs. One that is gone meanwhile is in a table, which LevelDB synced. */
export async function syncLogs(database: string): Promise<void> {
  const names = await readdir(database);
  const logs = names.filter((name) => name.endsWith('.log'));
  await Promise.all(logs.map((name) => syncFile(join(database, name))));
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  try {
    await file?.datasync();
  } finally {
    await file?.close();
  }
}

/** The MANIFEST that CURRENT names, and how long it is; undefined when there is none. */
export async function currentManifest(
  database: string,
): Promise<readonly [name: string, length: number] | undefined> {
  try {
    const current = join(database, 'CURRENT');
    if (await isOdd(current)) return undefined;
    const name = (await readFile(current, 'latin1')).trim();
    return [name, (await stat(join(database, name))).size];
  } catch {
    return undefined;
  }
}

/** The logs and their lengths. */
export async function logLengths(database: string): Promise<Readonly<Record<string, number>>> {
  const names = (await readdir(database)).filter((name) => name.endsWith('.log'));
  const sizes = names.map(async (name) => [name, (await stat(join(database, name))).size] as const);
  return Object.fromEntries(await Promise.all(sizes));
}
