// Bringing a store to the versions of this library, for a process that has none open: the work is loaded when it is needed.
import { assertGiven, type Members } from './given.ts';
import type { MigrationOptions, MigrationReport } from './migration-report.ts';

export type { MigrationFailure, MigrationOptions, MigrationReport } from './migration-report.ts';

const members: Members<MigrationOptions> = {
  location: 'text',
  ...{ dryRun: 'optional', backupTo: 'optional', onProgress: 'optional', signal: 'optional' },
  ...{ repair: 'optional', encryptionKeys: 'optional' },
};

/**
 * Makes the snapshots of earlier versions of the law anew, from the events, and raises what the store says of its versions. No event is
 * changed. It may be killed and called again: what is done is not done twice. The versions are raised last, and only when every snapshot
 * could be made.
 *
 * @throws HoldfastError as `doctor` for a store; `INVALID_CONFIG` for a backup in the store itself; `BACKUP_FAILED` and `BACKUP_DAMAGED` for the backup, after which nothing has changed
 */
export async function migrateStore(options: MigrationOptions): Promise<MigrationReport> {
  assertGiven('migrateStore', options, members);
  const { migrateLocation } = await import('./migration.ts');
  return migrateLocation(options);
}
