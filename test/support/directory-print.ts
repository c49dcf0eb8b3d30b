// What a directory holds, down to the bytes: two prints are equal when nothing in it was changed.
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FilePrint {
  readonly size: number;
  readonly mode: number;
  readonly modifiedAt: number;
  readonly digest: string;
}

export async function printDirectory(directory: string): Promise<Readonly<Record<string, FilePrint>>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const prints = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const { size, mode, mtimeMs } = await stat(path);
    const print: FilePrint = {
      size,
      mode,
      modifiedAt: mtimeMs,
      digest: await digestOf(path, entry.isFile()),
    };
    return [path, print] as const;
  });
  const root = await stat(directory);
  const own = { size: 0, mode: root.mode, modifiedAt: root.mtimeMs, digest: '' };
  return Object.fromEntries([['', own], ...(await Promise.all(prints))]);
}

/** LOCK is never read: a process that closes it again loses the lock that it holds. */
async function digestOf(path: string, isFile: boolean): Promise<string> {
  if (!isFile || path.endsWith('LOCK')) return '';
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}
