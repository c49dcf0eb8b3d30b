// Spaces as users see them.
import type { Durability } from '../../base/durability.ts';
import type { Json } from '../../base/json.ts';
import type { MergePolicy } from '../../domain/space/merge-policies.ts';
import type {
  PolicyRule,
  SpaceConflict,
  SpaceEventData,
  SpaceEventType,
} from '../../domain/space/space-events.ts';
import type { SpaceScope } from '../../domain/space/space-scopes.ts';
import type { Acknowledged } from './views.ts';

export interface SpaceInfo {
  readonly spaceId: string;
  readonly name: string | null;
  readonly scope: SpaceScope;
  readonly owner: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** That of the newest write; 0 before the first. */
  readonly version: number;
  readonly keys: number;
  readonly members: number;
  /** How many wait to be settled. */
  readonly conflicts: number;
}

export interface SpaceDetails extends SpaceInfo {
  readonly durability: Durability;
  readonly keptVersions: number;
  readonly policies: readonly PolicyRule[];
  /** Bytes of the values that it holds, as JSON. */
  readonly bytes: number;
  /** The seq of its newest event: a cursor for those who listen from there. */
  readonly seq: number;
}

export interface SpaceMemberInfo {
  readonly sessionId: string;
  readonly joinedAt: number;
}

/** What a key holds. Without a value it is version 0. */
export interface SpaceEntryInfo {
  readonly key: string;
  readonly value?: Json;
  readonly version: number;
  readonly policy: MergePolicy;
  readonly at?: number;
  /** The session that wrote it. */
  readonly by?: string;
}

/** One version of a key. */
export interface SpaceVersionInfo {
  readonly key: string;
  readonly version: number;
  readonly at: number;
  readonly by: string;
  readonly cause: string | null;
  /** The version that the write was based on. */
  readonly base: number;
  readonly op: string;
  readonly outcome: 'written' | 'merged';
  readonly hash: string | null;
  /** Not there when the key was deleted. */
  readonly value?: Json;
}

export interface SpaceConflictInfo extends SpaceConflict {
  readonly at: number;
}

export interface SpaceCreated extends Acknowledged {
  readonly spaceId: string;
  /** False when it was there already. */
  readonly created: boolean;
}

/**
 * `written`: based on what was there. `merged`: made one with a newer value by the policy of the key. `unchanged`: it is so already.
 * `conflict`: what is there stays, and the write waits in the inbox under `conflictId`.
 */
export interface SpaceWritten extends Acknowledged {
  /** The version of the key now; 0 when it holds nothing. */
  readonly version: number;
  readonly outcome: 'written' | 'merged' | 'unchanged' | 'conflict';
  readonly conflictId?: string;
}

export interface SpaceTransacted extends Acknowledged {
  /** One version for all that was written. */
  readonly version: number;
  readonly writes: readonly {
    readonly key: string;
    readonly version: number;
    readonly outcome: 'written' | 'merged' | 'unchanged';
  }[];
}

/** What is kept of a space, compared with the hashes under which it was written. */
export interface SpaceVerdict {
  readonly spaceId: string;
  readonly ok: boolean;
  readonly keys: number;
  /** Versions that were read. */
  readonly versions: number;
  readonly problems: readonly { readonly key: string; readonly version: number; readonly problem: string }[];
}

/** An event of a space: `seq` has no gaps, and is the version of what it wrote. */
export type SpaceEvent<Type extends SpaceEventType = SpaceEventType> = {
  readonly [Each in Type]: {
    readonly spaceId: string;
    readonly seq: number;
    readonly at: number;
    readonly type: Each;
    readonly data: SpaceEventData[Each];
    /** Where to go on after it. */
    readonly cursor: string;
  };
}[Type];
