// A file of a backup: written a block at a time, so that memory stays bounded, hashed as it lies on the disk, and read back only
// after its hash was found to hold.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { createFile, openFile } from '../store/durable-files.ts';

/** What the manifest says of a file. */
export interface BackupFile {
  readonly name: string;
  /** As it lies on the disk. */
  readonly bytes: number;
  readonly records: number;
  /** SHA-256 of these bytes, as base64url. */
  readonly sha256: string;
}

const blockBytes = 1024 * 1024;

const compress = promisify(gzip);

/** Gathers what it is given to blocks; with gzip each is a member of its own, and the file is one gzip text all the same. */
export class BackupFileWriter {
  readonly #name: string;
  readonly #file: FileHandle;
  readonly #gzip: boolean;
  readonly #hash = createHash('sha256');
  #block: Buffer[] = [];
  #blockBytes = 0;
  #bytes = 0;
  #records = 0;
  /** What was given so far, before it was compressed. */
  rawBytes = 0;

  static async create(folder: string, name: string, gzip: boolean): Promise<BackupFileWriter> {
    const fullName = gzip ? `${name}.gz` : name;
    return new BackupFileWriter(fullName, await createFile(join(folder, fullName)), gzip);
  }

  private constructor(name: string, file: FileHandle, gzip: boolean) {
    this.#name = name;
    this.#file = file;
    this.#gzip = gzip;
  }

  async write(record: Buffer): Promise<void> {
    this.#block.push(record);
    this.#blockBytes += record.length;
    this.rawBytes += record.length;
    this.#records += 1;
    if (this.#blockBytes >= blockBytes) await this.#flush();
  }

  /** Durable once it resolves. */
  async end(): Promise<BackupFile> {
    await this.#flush();
    await this.#file.sync();
    await this.close();
    const sha256 = this.#hash.digest('base64url');
    return { name: this.#name, bytes: this.#bytes, records: this.#records, sha256 };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #flush(): Promise<void> {
    if (this.#blockBytes === 0) return;
    const block = Buffer.concat(this.#block);
    this.#block = [];
    this.#blockBytes = 0;
    // On a thread of its own: the event loop is the sessions'.
    const stored = this.#gzip ? await compress(block, { level: 1 }) : block;
    this.#hash.update(stored);
    this.#bytes += stored.length;
    await this.#file.writeFile(stored);
  }
}

/** The chunks of a file, unpacked, or an Error that says what is wrong with it, before anything of it was handed out. */
export async function* readBackupFile(folder: string, file: BackupFile): AsyncGenerator<Buffer> {
  const path = join(folder, file.name);
  await assertHash(path, file);
  // Nothing is no gzip text.
  if (file.bytes === 0) return;
  const raw = (await openFile(path)).createReadStream();
  if (!file.name.endsWith('.gz')) {
    yield* raw;
    return;
  }
  const unpacked = createGunzip();
  raw.once('error', (error) => unpacked.destroy(error));
  try {
    yield* raw.pipe(unpacked);
  } finally {
    raw.destroy();
  }
}

async function assertHash(path: string, { bytes, sha256 }: BackupFile): Promise<void> {
  const hash = createHash('sha256');
  let found = 0;
  for await (const chunk of (await openFile(path)).createReadStream() as AsyncIterable<Buffer>) {
    hash.update(chunk);
    found += chunk.length;
  }
  if (found !== bytes) throw new Error(`it has ${found} bytes, not ${bytes}`);
  if (hash.digest('base64url') !== sha256) throw new Error('it does not match its SHA-256');
}
