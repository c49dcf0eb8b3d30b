// Bringing a store to the versions of this library, for a process that has none open: the work is loaded when it is needed.
import type { MigrationReport } from './migration.ts';

export type { MigrationFailure, MigrationReport } from './migration.ts';

export interface MigrationOptions {
  /** The directory of a store that nobody has open. */
  readonly location: string;
  /** Only says what there is to do. */
  readonly dryRun?: boolean;
  /** The directory for a backup that is made and proven before anything is changed. */
  readonly backupTo?: string;
  /** Hears after each stream how many were looked at. */
  readonly onProgress?: (progress: { readonly streams: number }) => void;
  /** Stops between two streams; what was done stays done, and the next call goes on. */
  readonly signal?: AbortSignal;
  /** A damaged store is repaired on a copy, as `createSystem` does it, or refused with `JOURNAL_DAMAGED`; `refuse` by default. */
  readonly repair?: 'auto' | 'refuse';
}

/**
 * Makes the snapshots of earlier versions of the law anew, from the events, and raises what the store says of its versions. No event is
 * changed. It may be killed and called again: what is done is not done twice. The versions are raised last, and only when every snapshot
 * could be made.
 *
 * @throws HoldfastError as `doctor` for a store; `BACKUP_FAILED` and `BACKUP_DAMAGED` for the backup, after which nothing has changed
 */
export async function migrateStore(options: MigrationOptions): Promise<MigrationReport> {
  const { migrateLocation } = await import('./migration.ts');
  return migrateLocation(options);
}
