// Files that are durable when the promise resolves, for their owner's eyes alone, and never written through a link.
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A new file of mode 0600; one that exists is an error. */
export const createFile = (path: string): Promise<FileHandle> => open(path, 'wx', 0o600);

/** For reading; a symbolic link is an error. */
export const openFile = (path: string): Promise<FileHandle> =>
  open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));

/** A new directory of mode 0700. */
export const createFolder = (path: string): Promise<unknown> => mkdir(path, { mode: 0o700 });

/** A text in a new file, or in the place of the file that is there: a reader sees the one or the other, whole. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.draft`;
  try {
    await writeSynced(draft, text);
    await renameDurably(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writeSynced(draft: string, text: string): Promise<void> {
  const file = await open(
    draft,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | (constants.O_NOFOLLOW ?? 0),
    0o600,
  );
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Where a directory cannot be opened, as on Windows, its names are kept as they are. */
export async function syncFolder(path: string): Promise<void> {
  const folder = process.platform === 'win32' ? undefined : await open(path).catch(() => undefined);
  await folder?.sync().finally(() => folder.close());
}

/** True for a directory that is no link. */
export const isFolder = (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );
