// What a migration is told, and what it says.
import type { StoreVersions } from '../journal/store/store-versions.ts';
import type { EncryptionKey } from '../journal/store/value-envelope.ts';
import type { Finding } from './finding.ts';

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
  /** Those of `createSystem`, for a store or a backup that is encrypted. */
  readonly encryptionKeys?: readonly EncryptionKey[];
}

/** A snapshot that cannot be made anew; the stream is read as before, with what is left. */
export interface MigrationFailure extends Finding {
  readonly stream: string;
}

export interface MigrationReport {
  readonly dryRun: boolean;
  readonly streams: number;
  /** By the kind of entity: how many snapshots were made anew, or would be, and how many are of the present law already. */
  readonly snapshots: Readonly<Record<string, { readonly rewritten: number; readonly current: number }>>;
  /** The first 1,000. */
  readonly cannot: readonly MigrationFailure[];
  readonly failing: number;
  readonly versions: {
    readonly from: StoreVersions | null;
    readonly to: StoreVersions;
    /** False when they were right already, when something could not be made anew, and for a dry run. */
    readonly raised: boolean;
  };
  /** The folder of the backup. */
  readonly backup?: string;
}
