// The witness: what became durable, noted outside of the database. LevelDB may come back with an older state that agrees with
// itself; only somebody else can tell. It is written behind the answers, and none ever waits for it.
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { toError } from '../../base/errors.ts';
import { behindNextCommit } from '../../base/loop-turns.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { Write } from '../commit-loop.ts';
import { headFrom } from '../head/head.ts';
import { streamOf } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { unseal } from '../sealed.ts';
import { eachHead } from './head-tally.ts';
import { currentManifest, syncLogs } from './log-files.ts';
import { syncDirectory } from './store-marker.ts';
import type { LostHistory } from './store-report.ts';
import { BaseText, baseName, generationOf, manifestLine, tailLine, tailName } from './witness-files.ts';
import { findWritten } from './written-entries.ts';

const leastBytes = 4 * 1024 * 1024;
/** It is written anew when it has grown to so many times what it was. */
const growth = 4;
/** A sync beside every commit would take a fifth of what one sender at a time gets from the disk. */
const syncEveryMs = 50;
/** Where nothing is ever synced, nothing needs a witness. */
const mostUnsynced = 1024 * 1024;

export interface WitnessOptions {
  readonly folder: string;
  /** The folder of the database that is witnessed. */
  readonly database: string;
  readonly telemetry: Telemetry;
  /** The database as it is open now. */
  readonly db: () => Store;
  /** False while it holds what nobody else has recorded. */
  readonly mayRebase: () => boolean;
}

export class Witness {
  readonly #options: WitnessOptions;
  #file: FileHandle;
  #generation: number;
  #bytes = 0;
  #limit = leastBytes;
  /** Durable, and not written yet. */
  #waiting = '';
  /** What waits is written at once. */
  #begin: () => void = () => {};
  /** Written to the database without a sync: durable with the next one that is synced. */
  #unsynced = '';
  #running: Promise<void> | undefined;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  #rebasing: Promise<void> | undefined;
  #closed = false;

  /** Goes on behind what is there; `generation` is the newest one, and `isTorn` when nothing can be put behind it. */
  static async open(options: WitnessOptions, generation: number, isTorn: boolean): Promise<Witness> {
    await mkdir(options.folder, { recursive: true });
    const own = generation === 0 || isTorn ? generation + 1 : generation;
    const file = await open(join(options.folder, tailName(own)), 'a');
    await syncDirectory(options.folder);
    const witness = new Witness(options, file, own);
    witness.#bytes = (await file.stat()).size;
    witness.#limit = limitFor(await sizeOfBase(options.folder));
    await witness.#noteManifest();
    return witness;
  }

  private constructor(options: WitnessOptions, file: FileHandle, generation: number) {
    this.#options = options;
    this.#file = file;
    this.#generation = generation;
  }

  /** A group commit is in the database, with this entry of the feed. */
  committed({ key, value = '' }: Write, isDurable: boolean): void {
    if (this.#unsynced.length > mostUnsynced) this.#unsynced = '';
    this.#unsynced += tailLine(key, value);
    if (isDurable) this.#send();
  }

  /** The database is another one, opened anew: what was on its way to the disk in the one before is there and durable, or lost. */
  async reopened(db: Store): Promise<readonly LostHistory[]> {
    try {
      const { kept, lost } = await findWritten(db, this.#unsynced);
      this.#unsynced = kept;
      if (kept !== '') this.#send();
      return lost;
    } catch (error) {
      // Of what nobody can tell nothing is noted: that can only hide a loss, never make one up.
      this.#unsynced = '';
      this.#report(toError(error));
      return [];
    }
  }

  /** Writes a new base from what the database holds, and drops what was there before. */
  rebase(): Promise<void> {
    this.#rebasing ??= this.#rebase().then(
      () => this.#endRebasing(),
      (error) => {
        this.#endRebasing();
        this.#limit = Math.max(this.#limit, leastBytes, this.#bytes * 2);
        this.#report(toError(error));
      },
    );
    return this.#rebasing;
  }

  /** Resolves when all that was handed over is durable. */
  async settle(): Promise<void> {
    await this.#rebasing;
    await this.#running;
    await this.#syncing;
    if (this.#syncTimer !== undefined) this.#beginSync();
    await this.#syncing;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.settle();
    this.#closed = true;
    await this.#file.close();
  }

  #endRebasing(): void {
    this.#rebasing = undefined;
  }

  #send(): void {
    // No more than the last commit may be missing after a kill: the one before it goes now.
    if (this.#waiting !== '') this.#begin();
    this.#waiting += this.#unsynced;
    this.#unsynced = '';
    this.#running ??= this.#run();
  }

  /** Handing it to the file takes 50 us. */
  async #run(): Promise<void> {
    const hurried = new Promise<void>((resolve) => {
      this.#begin = resolve;
    });
    await Promise.race([behindNextCommit(), hurried]);
    try {
      while (this.#waiting !== '' && !this.#closed) {
        this.#writing = this.#write();
        await this.#writing;
        if (this.#bytes > this.#limit && this.#options.mayRebase()) void this.rebase();
      }
    } catch (error) {
      // What is missing in it can only hide a loss, never make one up.
      this.#report(toError(error));
    }
    this.#running = undefined;
  }

  async #write(): Promise<void> {
    const text = this.#waiting;
    this.#waiting = '';
    const file = this.#file;
    await file.write(text);
    this.#bytes += text.length;
    this.#syncTimer ??= setTimeout(() => this.#beginSync(), syncEveryMs).unref();
  }

  #beginSync(): void {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    this.#syncing = this.#file.datasync().catch((error) => this.#report(toError(error)));
  }

  /** From here on tails belong to the new base, whose heads are read after all that the old ones tell of was durable. */
  async #rebase(): Promise<void> {
    const { folder } = this.#options;
    const generation = this.#generation + 1;
    const next = await open(join(folder, tailName(generation)), 'a');
    const before = this.#file;
    this.#file = next;
    this.#generation = generation;
    this.#bytes = 0;
    await this.#writing?.catch(() => undefined);
    await this.#syncing;
    await before.close();
    const size = await this.#writeBase(generation);
    const names = await readdir(folder);
    const stale = names.filter((name) => generationOf(name) > 0 && generationOf(name) < generation);
    await Promise.all(stale.map((name) => rm(join(folder, name), { force: true })));
    this.#limit = limitFor(size);
    await this.#noteManifest();
  }

  async #writeBase(generation: number): Promise<number> {
    const { folder, db } = this.#options;
    const path = join(folder, baseName(generation));
    const draft = await open(`${path}.draft`, 'w');
    try {
      const text = new BaseText();
      await eachHead(db(), async (key, stored) => {
        const body = unseal(key, stored);
        if (body === undefined) return;
        const { seq, chain } = headFrom(streamOf(key), body);
        const section = text.add(streamOf(key), seq, chain);
        if (section !== '') await draft.write(section);
      });
      await draft.write(text.end());
      // Heads may be among them that only the operating system has: a loss of power must not take what is witnessed.
      await syncLogs(this.#options.database);
      await draft.sync();
    } finally {
      await draft.close();
    }
    await rename(`${path}.draft`, path);
    await syncDirectory(folder);
    return (await stat(path)).size;
  }

  async #noteManifest(): Promise<void> {
    const manifest = await currentManifest(this.#options.database);
    if (manifest === undefined) return;
    this.#waiting += manifestLine(manifest);
    this.#running ??= this.#run();
  }

  #report({ message: problem }: Error): void {
    this.#options.telemetry('witness.failed', { problem });
  }
}

const limitFor = (baseBytes: number): number => Math.max(leastBytes, growth * baseBytes);

async function sizeOfBase(folder: string): Promise<number> {
  const bases = (await readdir(folder)).filter((name) => name.endsWith('.base')).sort();
  const newest = bases.at(-1);
  return newest === undefined ? 0 : (await stat(join(folder, newest))).size;
}
