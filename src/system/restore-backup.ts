// Restoring a whole store, for a process that has none open: loaded when it is needed.
import type { RestoreOptions, RestoreReport } from '../journal/backup/restore.ts';
import { assertGiven, type Members } from './given.ts';

export type { RestoreOptions, RestoreReport } from '../journal/backup/restore.ts';

const members: Members<RestoreOptions> = {
  ...{ from: 'text', to: 'text' },
  ...{ force: 'optional', backupDirectory: 'optional', encryptionKeys: 'optional' },
};

/**
 * Makes a store at `to` from the backup in the folder `from`, reads every stream of it, and puts it in its place when it is whole. A
 * store that is there already is replaced only with `force`, after a backup of it, and never while it is open. Whatever fails, or
 * when the process dies, the place holds what it held before, or all of the restored store.
 *
 * @throws HoldfastError `BACKUP_NOT_FOUND`, `BACKUP_DAMAGED`, `BACKUP_FORMAT`, `BACKUP_FAILED`, `RESTORE_REFUSED`, `JOURNAL_LOCKED`,
 * `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`, `JOURNAL_READ_ONLY`
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  assertGiven('restoreBackup', options, members);
  const { restoreStore } = await import('../journal/backup/restore.ts');
  return restoreStore(options);
}
