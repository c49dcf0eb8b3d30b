// A backup read back: its records into a database that is empty, its list of streams line by line. What does not hold is
// `BACKUP_DAMAGED`, with the file in which it was found.
import { basename } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { keys } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { seal } from '../sealed.ts';
import { synced } from '../stream-writer.ts';
import { type BackupFile, readBackupFile } from './backup-file.ts';
import { type Entry, FrameReader } from './backup-frame.ts';
import { type BackupFacts, damaged } from './backup-manifest.ts';
import { type Pace, unpaced } from './backup-pace.ts';

const batchBytes = 1024 * 1024;

export interface Loading {
  readonly pace?: Pace;
  /** True where what was loaded must survive a loss of power. */
  readonly durable: boolean;
  /** The store opens under a higher epoch than this, and than the one of the backup. */
  readonly aboveEpoch?: number;
}

/** Fills an empty database with all that the backup in `folder` holds. */
export async function loadBackup(
  db: Store,
  folder: string,
  facts: BackupFacts,
  { pace = unpaced, durable, aboveEpoch = 0 }: Loading,
): Promise<void> {
  const options = durable ? synced : {};
  let entries: Entry[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const puts = entries.map(({ key, value }) => ({ type: 'put' as const, key, value }));
    await db.batch<Buffer, Buffer>(puts, { keyEncoding: 'buffer', valueEncoding: 'buffer', ...options });
    await pace.after(bytes);
    entries = [];
    bytes = 0;
  };
  for await (const entry of readEntries(folder, facts)) {
    entries.push(entry);
    bytes += entry.key.length + entry.value.length;
    if (bytes >= batchBytes) await flush();
  }
  if (entries.length > 0) await flush();
  const epoch = String(Math.max(facts.epoch, aboveEpoch));
  // It is of the store that it is restored into.
  const put = { type: 'put', key: keys.epoch, value: seal(keys.epoch, epoch) } as const;
  await db.batch([put, { type: 'del', key: keys.store }], options);
}

/** All records in the order of their keys, as many as the manifest says. */
async function* readEntries(folder: string, facts: BackupFacts): AsyncGenerator<Entry> {
  const backup = basename(folder);
  let last: Buffer | undefined;
  for (const file of facts.files) {
    let records = 0;
    for await (const entry of entriesOf(folder, file)) {
      if (last !== undefined && Buffer.compare(last, entry.key) >= 0)
        throw damaged(backup, `${file.name}: its records are not in order`);
      last = entry.key;
      records += 1;
      yield entry;
    }
    if (records !== file.records)
      throw damaged(backup, `${file.name}: it has ${records} records, not ${file.records}`);
  }
}

async function* entriesOf(folder: string, file: BackupFile): AsyncGenerator<Entry> {
  const frames = new FrameReader();
  for await (const chunk of chunksOf(folder, file)) yield* inFile(folder, file, () => frames.take(chunk));
  inFile(folder, file, () => frames.end());
}

/** Where a stream of the backup ends. */
export interface StreamEnd {
  readonly stream: string;
  readonly seq: number;
  readonly firstSeq: number;
  readonly chain: string;
}

export async function* readStreamEnds(
  folder: string,
  { streamsFile }: BackupFacts,
): AsyncGenerator<StreamEnd> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunksOf(folder, streamsFile)) {
    const bytes = Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    rest = bytes.subarray(end);
    const lines = bytes.subarray(0, end).toString().split('\n').slice(0, -1);
    yield* inFile(folder, streamsFile, () => lines.map((line) => JSON.parse(line) as StreamEnd));
  }
  if (rest.length > 0) throw damaged(basename(folder), `${streamsFile.name}: it ends within a line`);
}

async function* chunksOf(folder: string, file: BackupFile): AsyncGenerator<Buffer> {
  try {
    yield* readBackupFile(folder, file);
  } catch (error) {
    throw inBackup(folder, file, toError(error));
  }
}

function inFile<T>(folder: string, file: BackupFile, job: () => T): T {
  try {
    return job();
  } catch (error) {
    throw inBackup(folder, file, toError(error));
  }
}

/** A disk that cannot be read just now says nothing of what is on it. */
function inBackup(folder: string, { name }: BackupFile, cause: Error): Error {
  const code = 'code' in cause ? String(cause.code) : '';
  if (HoldfastError.is(cause) || /^(EMFILE|ENFILE|EACCES|EPERM|ENOMEM)$/.test(code)) return cause;
  return damaged(basename(folder), `${name}: ${cause.message}`, cause);
}
