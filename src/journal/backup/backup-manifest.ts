// What a backup says of itself: where it was taken, what it holds, and the hashes of its files; under a digest of its own.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson } from '../../base/json.ts';
import { writeDurably } from '../store/durable-files.ts';
import { isOdd, noFile } from '../store/odd-files.ts';
import type { KnownEnvelope } from '../store/store-envelope.ts';
import type { BackupFile } from './backup-file.ts';
import { assertBackupId } from './backup-id.ts';

const manifestFile = 'manifest.json';
const formatVersion = 1;

/** A stream that could not be proven in the store either: the backup holds it as it stands there. */
export interface DamagedStream {
  readonly stream: string;
  readonly problem: string;
}

export type BackupCause = 'manual' | 'schedule' | 'restore';

export interface BackupFacts {
  readonly backupId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly cause: BackupCause;
  readonly note: string | null;
  /** The id that the store got when it was made; null where it has none. */
  readonly storeId: string | null;
  /** The last group commit that it holds. */
  readonly feedPosition: number;
  readonly epoch: number;
  readonly streams: number;
  readonly events: number;
  /** Keys of the store, and their bytes with those of their values. */
  readonly records: number;
  readonly bytes: number;
  /** In the order in which they are read. */
  readonly files: readonly BackupFile[];
  /** The last seq and chain of each stream, one a line. */
  readonly streamsFile: BackupFile;
  /** True once it was restored to a scratch place and every stream read from there. */
  readonly verified: boolean;
  readonly verifiedAt: number | null;
  readonly damaged: readonly DamagedStream[];
  /** There when values are compressed or encrypted: the ids of the keys that they need. */
  readonly envelope?: KnownEnvelope;
}

export function writeManifest(folder: string, facts: BackupFacts): Promise<void> {
  const text = { holdfast: 'backup', formatVersion, ...facts, digest: digestOf(facts) };
  return writeDurably(join(folder, manifestFile), `${JSON.stringify(text, null, 2)}\n`);
}

/** Throws `BACKUP_NOT_FOUND`, `BACKUP_FORMAT` or `BACKUP_DAMAGED`. */
export async function readManifest(folder: string): Promise<BackupFacts> {
  const backup = basename(folder);
  const path = join(folder, manifestFile);
  if (await isOdd(path)) throw damaged(backup, `${manifestFile}: ${noFile}`);
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')
      throw new HoldfastError('BACKUP_NOT_FOUND', { backup: folder }, { cause });
    throw new HoldfastError('BACKUP_DAMAGED', { backup, problem: cause.message }, { cause });
  });
  const found = parsed(backup, text);
  if (found.holdfast !== 'backup') throw damaged(backup, 'the manifest is none');
  if (typeof found.formatVersion !== 'number' || found.formatVersion > formatVersion) {
    const versions = { found: found.formatVersion, supported: formatVersion };
    throw new HoldfastError('BACKUP_FORMAT', { backup, ...versions });
  }
  const { holdfast: _, formatVersion: __, digest, ...facts } = found;
  if (digest !== digestOf(facts)) throw damaged(backup, 'the manifest does not match its digest');
  const known = facts as unknown as BackupFacts;
  assertNames(backup, known);
  return known;
}

/** A digest proves nothing against somebody who makes it himself: no name may lead out of the backup. */
function assertNames(backup: string, { backupId, files, streamsFile }: BackupFacts): void {
  assertBackupId(backupId);
  const names = [...files, streamsFile].map(({ name }) => name);
  const wrong = names.find((name) => !/^(records-\d{5}\.bin|streams\.jsonl)(\.gz)?$/.test(name));
  if (wrong !== undefined) throw damaged(backup, `${wrong} is no name of its files`);
}

function parsed(backup: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw damaged(backup, `the manifest is no JSON: ${toError(error).message}`);
  }
  throw damaged(backup, 'the manifest is none');
}

function digestOf(facts: object): string {
  return sha256(canonicalJson({ formatVersion, ...facts }));
}

export function damaged(backup: string, problem: string, cause?: Error): HoldfastError {
  const named = backup.replace(/\.(tmp|failed)$/, '');
  return new HoldfastError('BACKUP_DAMAGED', { backup: named, problem }, { cause });
}
