// What a look through a whole store is told, and what it says: counts that are whole, and lists that end at a limit.
import type { ErrorCode } from '../base/errors.ts';
import type { StoreVersions } from '../journal/store/store-versions.ts';
import type { EncryptionKey } from '../journal/store/value-envelope.ts';
import type { Finding } from './finding.ts';

/** A session whose replay leads to another state than the one that was kept of it under the same version of the law. */
export interface SessionDifference {
  readonly sessionId: string;
  /** `LAW_CHANGED` for a snapshot, `CHECKPOINT_MISMATCH` for a checkpoint. */
  readonly code: ErrorCode;
  /** The event after which the states differ. */
  readonly seq: number;
  /** SHA-256 of the state that was kept. */
  readonly expected: string;
  /** SHA-256 of the state that the replay leads to. */
  readonly found: string;
  /** It was quarantined before: nothing is served of it that could be wrong. */
  readonly quarantined: boolean;
}

/** A session that cannot be loaded, or not be replayed from its first event. */
export interface SessionFailure extends Finding {
  readonly sessionId: string;
  readonly stream: string;
  /** `load`: from the newest snapshot, as a start does it. `replay`: from the first event; what loads is served all the same. */
  readonly way: 'load' | 'replay';
  readonly quarantined: boolean;
}

/** An agent that open runs wait for, and that nobody registered. */
export interface MissingAgent {
  readonly agent: string;
  readonly runs: number;
  /** The first few of the sessions. */
  readonly sessionIds: readonly string[];
}

export interface DoctorReport {
  /** Stored sessions, without those of which a tombstone alone is left. */
  readonly sessions: number;
  /** Of them, those with nothing against them: they load, and the replay of all events leads to the same states. */
  readonly loads: number;
  /** Sessions that differ; `differs` lists the first of what was found. */
  readonly differing: number;
  readonly differs: readonly SessionDifference[];
  /** Sessions that cannot be loaded or replayed; `cannot` lists the first of them. */
  readonly failing: number;
  readonly cannot: readonly SessionFailure[];
  readonly missingAgents: readonly MissingAgent[];
  /** Events that are stored in an earlier version of their type, and were read through upcasters. */
  readonly upcasts: readonly { readonly type: string; readonly found: number; readonly events: number }[];
  readonly events: number;
  readonly snapshots: {
    /** All that are kept. */
    readonly kept: number;
    /** Of an earlier version of the law: passed over at a start, which replays more instead; `migrateStore` makes them anew. */
    readonly outdated: number;
  };
  /** What the opening found in the files: streams that are damaged, and that end before what was durable. */
  readonly damaged: number;
  readonly lost: number;
  /** What the store was last written with, null where it does not say; what this version writes; whether that would raise it. */
  readonly versions: {
    readonly found: StoreVersions | null;
    readonly supported: StoreVersions;
    readonly raises: boolean;
  };
}

export interface DoctorProgress {
  /** Sessions that were looked at, of so many. */
  readonly sessions: number;
  readonly of: number;
  readonly events: number;
}

export interface DoctorOptions {
  /** The directory of a store that nobody has open. Give this or `backup`. */
  readonly location?: string;
  /** The folder of a backup: it is restored to a scratch place, looked through there, and left as it is. */
  readonly backup?: string;
  /** The agents that will be registered, as for `createSystem`, or their names; without them every agent of an open run is missing. */
  readonly agents?: Readonly<Record<string, unknown>> | readonly string[];
  /** Hears after each session how far it has come. */
  readonly onProgress?: (progress: DoctorProgress) => void;
  readonly signal?: AbortSignal;
  /** A damaged store is repaired on a copy, as `createSystem` does it, or refused with `JOURNAL_DAMAGED`; `refuse` by default. */
  readonly repair?: 'auto' | 'refuse';
  /** Those of `createSystem`, for a store or a backup that is encrypted. */
  readonly encryptionKeys?: readonly EncryptionKey[];
  /** Entries that each list of the report holds at most; 1,000 by default. The counts are whole. */
  readonly limit?: number;
}
