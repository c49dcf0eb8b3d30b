// The disk under a store: how much of it is free, a reserve that can be given back, and whether a write would get through.
import { randomFillSync } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorageFault } from './storage-health.ts';

/** Beside the database. */
export const isSpaceFile = (name: string): boolean =>
  name === reserveFile || name === draftFile || name === probeFile;

const reserveFile = 'reserve';
const draftFile = 'reserve.draft';
const probeFile = 'probe';
const blockBytes = 1024 * 1024;

/** What LevelDB writes besides its log when it opens: a manifest, a log, and what they take of the file system. */
const openingBytes = 256 * 1024;

export class DiskSpace {
  readonly #root: string;
  readonly #database: string;
  readonly #reserveBytes: number;

  constructor(root: string, database: string, reserveBytes: number) {
    this.#root = root;
    this.#database = database;
    this.#reserveBytes = reserveBytes;
  }

  /** Bytes that this process may still write; undefined where the system does not say. */
  async free(): Promise<number | undefined> {
    try {
      const { bavail, bsize } = await statfs(this.#root);
      return bavail * bsize;
    } catch {
      return undefined;
    }
  }

  /**
   * A small file is enough to find a directory that cannot be written. On a full disk it has to be as large as what opening
   * the store writes, which makes a table of its log.
   */
  async probe(fault: StorageFault): Promise<void> {
    const bytes = fault === 'full' ? openingBytes + (await this.#logBytes()) : 512;
    const path = join(this.#root, probeFile);
    try {
      await writeFile(path, bytes);
    } finally {
      await rm(path, { force: true }).catch(() => undefined);
    }
  }

  async releaseReserve(): Promise<boolean> {
    const path = join(this.#root, reserveFile);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) return false;
    await rm(path, { force: true });
    return true;
  }

  /** Only where as much again stays free, so that making it fills no disk. It gets its name when all of it is there. */
  async makeReserve(): Promise<boolean> {
    const bytes = this.#reserveBytes;
    const path = join(this.#root, reserveFile);
    const found = await stat(path).catch(() => undefined);
    if (found?.size === bytes) return true;
    if (bytes === 0) return (await this.free()) !== 0;
    const free = await this.free();
    if (free !== undefined && free + (found?.size ?? 0) < 2 * bytes) return false;
    const draft = join(this.#root, draftFile);
    try {
      await writeFile(draft, bytes);
      await rename(draft, path);
      return true;
    } catch {
      await rm(draft, { force: true }).catch(() => undefined);
      return false;
    }
  }

  async #logBytes(): Promise<number> {
    const names = await readdir(this.#database);
    const logs = names.filter((name) => name.endsWith('.log'));
    const sizes = await Promise.all(
      logs.map((name) =>
        stat(join(this.#database, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}

/** Noise, since a file system may keep what is empty or repeats in no space at all. */
async function writeFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await fill(file, bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function fill(file: FileHandle, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const block = randomFillSync(Buffer.allocUnsafe(Math.min(left, blockBytes)));
    for (let at = 0; at < block.length; ) at += (await file.write(block, at)).bytesWritten;
    left -= block.length;
  }
}
