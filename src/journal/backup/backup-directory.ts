// The directory in which all backups of a store stand: what is there, found by the names that we give, and what may go.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { exists, isFolder, syncFolder } from '../store/durable-files.ts';
import { assertBackupId, backupSuffixes, isBackupId } from './backup-id.ts';
import { type BackupFacts, readManifest } from './backup-manifest.ts';

export interface FoundBackup {
  readonly backupId: string;
  /** Undefined when its manifest cannot be trusted: then `problem` says why. */
  readonly facts: BackupFacts | undefined;
  readonly problem: string | undefined;
  /** Set aside because it did not hold. */
  readonly failed: boolean;
}

/** Oldest first. */
export async function listBackups(directory: string): Promise<readonly FoundBackup[]> {
  const found: FoundBackup[] = [];
  for (const name of (await namesIn(directory)).toSorted()) {
    const failed = name.endsWith(backupSuffixes.failed);
    const backupId = failed ? name.slice(0, -backupSuffixes.failed.length) : name;
    if (isBackupId(backupId) && (await isFolder(join(directory, name))))
      found.push({ backupId, failed, ...(await readFacts(join(directory, name))) });
  }
  return found;
}

/** The folder of a backup. Throws `INVALID_ID` and `BACKUP_NOT_FOUND`; a link is no backup. */
export async function backupFolder(directory: string, backupId: string): Promise<string> {
  const folder = join(directory, assertBackupId(backupId));
  if (await isFolder(folder)) return folder;
  throw new HoldfastError('BACKUP_NOT_FOUND', { backup: backupId });
}

/** Also one that was set aside. */
export async function deleteBackup(directory: string, backupId: string): Promise<void> {
  const names = [assertBackupId(backupId), `${backupId}${backupSuffixes.failed}`];
  const folders: string[] = [];
  for (const name of names) if (await isFolder(join(directory, name))) folders.push(join(directory, name));
  if (folders.length === 0) throw new HoldfastError('BACKUP_NOT_FOUND', { backup: backupId });
  for (const folder of folders) await removeFolder(folder);
  await syncFolder(directory);
}

/** What a kill has left of backups that were never finished, and of scratch places. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    const [id = '', suffix = ''] = name.split('.');
    const isLeft = `.${suffix}` === backupSuffixes.unfinished || `.${suffix}` === backupSuffixes.scratch;
    if (isLeft && isBackupId(id)) await removeFolder(join(directory, name));
  }
}

/** The manifest goes first: what is half gone is no backup. */
async function removeFolder(folder: string): Promise<void> {
  await rm(join(folder, 'manifest.json'), { force: true });
  await rm(folder, { recursive: true, force: true });
}

async function namesIn(directory: string): Promise<readonly string[]> {
  if (!(await exists(directory))) return [];
  try {
    return await readdir(directory);
  } catch (error) {
    const cause = toError(error);
    throw new HoldfastError('BACKUP_FAILED', { problem: cause.message }, { cause });
  }
}

async function readFacts(folder: string): Promise<Pick<FoundBackup, 'facts' | 'problem'>> {
  try {
    return { facts: await readManifest(folder), problem: undefined };
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    return { facts: undefined, problem: error.message };
  }
}
