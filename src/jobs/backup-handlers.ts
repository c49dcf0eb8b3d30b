// Operations on backups. With a key a repeat is answered from the record of the first, and does nothing.
import { join } from 'node:path';
import type { FoundBackup } from '../journal/backup/backup-directory.ts';
import { backupSuffixes } from '../journal/backup/backup-id.ts';
import type { BackupFacts } from '../journal/backup/backup-manifest.ts';
import type { Journal } from '../journal/journal.ts';
import { KeptAnswers } from '../journal/kept-answers.ts';
import type { Handlers } from '../operations/bind.ts';
import type { BackupInfo } from '../operations/views/views.ts';
import type { Backups } from './backups.ts';

export type BackupOperation = `backups.${'create' | 'list' | 'verify' | 'delete'}`;

interface BackupContext {
  readonly backups: Backups;
  readonly journal: Pick<Journal, 'kv'>;
}

export function backupHandlers(context: BackupContext): Handlers<BackupOperation> {
  const { backups, journal } = context;
  const answers = new KeptAnswers(journal.kv, 'backups');
  return {
    'backups.create': ({ note }, call) =>
      answers.once(call, async () => infoOf(await backups.create('manual', note), backups.directory)),
    'backups.list': async () => (await backups.list()).map((found) => foundInfo(found, backups.directory)),
    'backups.verify': ({ backupId }, call) =>
      answers.once(call, async () => infoOf(await backups.verify(backupId), backups.directory)),
    'backups.delete': ({ backupId }, call) =>
      answers.once(call, async () => {
        await backups.delete(backupId);
        return { backupId };
      }),
  };
}

function infoOf(facts: BackupFacts, directory: string): BackupInfo {
  const { files, streamsFile, storeId: _, ...told } = facts;
  const storedBytes = [...files, streamsFile].reduce((sum, file) => sum + file.bytes, 0);
  const status = facts.verified ? 'verified' : 'unverified';
  return { ...told, path: join(directory, facts.backupId), status, storedBytes, problem: null };
}

function foundInfo({ backupId, facts, failed, problem }: FoundBackup, directory: string): BackupInfo {
  const path = join(directory, failed ? `${backupId}${backupSuffixes.failed}` : backupId);
  const known = facts === undefined ? unknown(backupId, path) : infoOf(facts, directory);
  if (!failed && facts !== undefined) return known;
  const reason = problem ?? 'it did not hold when it was verified';
  return { ...known, path, status: 'damaged', verified: false, problem: reason };
}

/** Of a backup whose manifest cannot be read nothing is known but its name, which has its time. */
function unknown(backupId: string, path: string): BackupInfo {
  const [, year, month, day, hour, minute, second, ms] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})/.exec(backupId) ?? [];
  const createdAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  const none = { feedPosition: 0, epoch: 0, streams: 0, events: 0, records: 0, bytes: 0, storedBytes: 0 };
  const told = { note: null, cause: 'manual', verifiedAt: null, damaged: [], problem: null } as const;
  return { backupId, path, createdAt, ...none, ...told, verified: false, status: 'damaged' };
}
