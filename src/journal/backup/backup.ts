// A backup of an open store, made while it is written, and proven before it gets its name: what stands under an id of its own was
// restored once.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { Journal } from '../journal.ts';
import type { Store } from '../level-store.ts';
import { createFolder, renameDurably, syncFolder } from '../store/durable-files.ts';
import { knownEnvelope } from '../store/store-envelope.ts';
import type { AtRest } from '../store/value-envelope.ts';
import { backupSuffixes, newBackupId } from './backup-id.ts';
import { type BackupCause, type BackupFacts, writeManifest } from './backup-manifest.ts';
import { type Pace, paced } from './backup-pace.ts';
import { problemOf, proveBackup } from './backup-proof.ts';
import type { StreamEnd } from './backup-reader.ts';
import { type BackupContent, writeBackupFiles } from './backup-writer.ts';

/** What a backup is made of: a journal whose database a job may read. */
export interface BackupSource extends Journal {
  readonly atRest: AtRest;
  /** Runs a job that only reads; one that an incident cuts off runs again, from its beginning, on the reopened database. */
  inspect<T>(job: (db: Store) => Promise<T>): Promise<T>;
}

export interface BackupOptions {
  readonly journal: BackupSource;
  /** Where all backups are; made when it is not there. */
  readonly directory: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly cause: BackupCause;
  readonly note?: string | undefined;
  readonly storeId?: string | undefined;
  readonly gzip?: boolean;
  readonly segmentBytes?: number;
  /** How much of the store is read in a second, at most. */
  readonly bytesPerSecond?: number;
  readonly signal?: AbortSignal;
  /** Called when it is settled what the backup holds: what is answered from now on is not in it. */
  readonly begun?: () => void;
}

const defaultSegmentBytes = 64 * 1024 * 1024;
const defaultBytesPerSecond = 64 * 1024 * 1024;

/** Throws `BACKUP_DAMAGED` when it could not be proven, and `BACKUP_FAILED` for a fault of the disk that it is written to. */
export async function makeBackup(options: BackupOptions): Promise<BackupFacts> {
  const { directory, clock, telemetry, signal, bytesPerSecond = defaultBytesPerSecond } = options;
  const backupId = newBackupId(clock.now());
  const unfinished = join(directory, `${backupId}${backupSuffixes.unfinished}`);
  const pace = paced(clock, bytesPerSecond, signal);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const content = await options.journal.inspect(async (db) => {
      await rm(unfinished, { recursive: true, force: true });
      await createFolder(unfinished);
      options.begun?.();
      return writeBackupFiles(db, writingOf(options, backupId, unfinished, pace));
    });
    const facts = factsOf(options, backupId, content);
    await writeManifest(unfinished, facts);
    await syncFolder(unfinished);
    const proven = await verifyBackup({ ...options, folder: unfinished, facts, pace });
    await renameDurably(unfinished, join(directory, backupId));
    telemetry('backup.completed', { backupId, streams: proven.streams, records: proven.records });
    return proven;
  } catch (error) {
    if (!HoldfastError.is(error, 'BACKUP_DAMAGED')) await rm(unfinished, { recursive: true, force: true });
    throw coded(error, signal);
  }
}

function writingOf(
  { gzip, segmentBytes, telemetry }: BackupOptions,
  backupId: string,
  folder: string,
  pace: Pace,
) {
  return {
    folder,
    gzip: gzip ?? true,
    segmentBytes: segmentBytes ?? defaultSegmentBytes,
    pace,
    progress: (records: number, bytes: number) =>
      telemetry('backup.progressed', { backupId, records, bytes }),
  };
}

function factsOf(
  { journal, clock, cause, note, storeId }: BackupOptions,
  backupId: string,
  content: BackupContent,
): BackupFacts {
  const told = { note: note ?? null, storeId: storeId ?? null };
  // What tells the keys, so that a wrong one is no damage of the backup.
  const keys =
    content.envelope && knownEnvelope(content.envelope.keyIds, journal.atRest.encryptionKeys ?? []);
  const facts = { ...content, ...(keys && { envelope: keys }) };
  return { backupId, createdAt: clock.now(), cause, ...told, ...facts, verified: false, verifiedAt: null };
}

interface Verifying extends Pick<BackupOptions, 'clock' | 'telemetry'> {
  readonly journal: BackupSource;
  readonly folder: string;
  readonly facts: BackupFacts;
  readonly pace: Pace;
}

/** Restores it to a scratch place beside it and reads every stream; one that does not hold is kept aside as `.failed`. */
export async function verifyBackup({
  journal,
  folder,
  facts,
  pace,
  clock,
  telemetry,
}: Verifying): Promise<BackupFacts> {
  const plain = folder.endsWith(backupSuffixes.unfinished) ? folder.slice(0, -4) : folder;
  const scratch = `${plain}${backupSuffixes.scratch}`;
  // A stream that was damaged when the backup was made, or is in the store by now at the same place.
  const known = new Set(facts.damaged.map(({ stream }) => stream));
  const isDamagedAtSource = async (end: StreamEnd): Promise<boolean> =>
    known.has(end.stream) || (await problemInSource(journal, end, pace));
  try {
    await rm(scratch, { recursive: true, force: true });
    const damagedStreams = await proveBackup({
      ...{ folder, facts, scratch, pace, isDamagedAtSource },
      atRest: journal.atRest,
    });
    for (const { stream, problem } of damagedStreams) telemetry('backup.sourceDamaged', { stream, problem });
    const proven = { ...facts, damaged: damagedStreams, verified: true, verifiedAt: clock.now() };
    await writeManifest(folder, proven);
    return proven;
  } catch (error) {
    if (!HoldfastError.is(error, 'BACKUP_DAMAGED')) throw error;
    telemetry('backup.damaged', { backupId: facts.backupId, problem: String(error.details.problem) });
    await renameDurably(folder, `${plain}${backupSuffixes.failed}`);
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The store has gone on meanwhile: what counts is whether the same records can be read there. */
async function problemInSource(journal: Journal, end: StreamEnd, pace: Pace): Promise<boolean> {
  const head = await journal.head(end.stream).catch(() => undefined);
  if (head === undefined) return true;
  const { seq, firstSeq, chain } = head;
  return (await problemOf(journal, { stream: end.stream, seq, firstSeq, chain }, pace)) !== undefined;
}

/** What the file system says, in the house's words; a backup that was called off says so itself. */
function coded(error: unknown, signal: AbortSignal | undefined): Error {
  if (signal?.aborted) return toError(signal.reason);
  if (HoldfastError.is(error)) return error;
  const cause = toError(error);
  return 'code' in cause ? new HoldfastError('BACKUP_FAILED', { problem: cause.message }, { cause }) : cause;
}
