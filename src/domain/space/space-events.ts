// What happens in a space, in the past tense. A write carries its author, the version that it was based on, and its cause; the
// version of what it wrote is the seq of its event.
import type { Durability } from '../../base/durability.ts';
import type { Json } from '../../base/json.ts';
import type { MergePolicy } from './merge-policies.ts';
import type { SpaceScope } from './space-scopes.ts';

/** The policy of one key, or of all keys with a prefix. A key's own rule goes first, then the longest prefix. */
export type PolicyRule =
  | { readonly key: string; readonly policy: MergePolicy }
  | { readonly prefix: string; readonly policy: MergePolicy };

/** What was set under one key. Without a value it was deleted. */
export interface WrittenKey {
  readonly key: string;
  readonly value?: Json;
  /** SHA-256 of the value as canonical JSON; null when it was deleted. */
  readonly hash: string | null;
  /** How long that is. */
  readonly bytes: number;
  /** What the author asked for. */
  readonly op: string;
  /** The version that the write was based on: 0 when there was none. */
  readonly base: number;
  /** `merged`: the author had not seen the newest value, and the policy of the key made one of both. */
  readonly outcome: 'written' | 'merged';
}

interface Authored {
  /** The session that wrote. */
  readonly by: string;
  /** Why, as the author said. */
  readonly cause: string | null;
}

/** One of the sides of a conflict; without a value the key was deleted, or not there. */
export interface ConflictSide {
  readonly version: number;
  readonly value?: Json;
  readonly isKnown: boolean;
}

/** What no policy settled. */
export interface SpaceConflict {
  readonly conflictId: string;
  readonly key: string;
  readonly policy: MergePolicy;
  readonly base: ConflictSide;
  readonly mine: { readonly value?: Json };
  readonly theirs: ConflictSide;
  readonly authors: { readonly mine: string; readonly theirs: string };
  readonly cause: string | null;
}

export interface SpaceEventData {
  'space.created': {
    readonly name: string | null;
    readonly scope: SpaceScope;
    readonly owner: string | null;
    readonly durability: Durability;
    readonly keptVersions: number;
    readonly policies: readonly PolicyRule[];
  };
  'space.joined': { readonly sessionId: string };
  'space.left': { readonly sessionId: string; readonly reason: string };
  'space.written': Authored & { readonly writes: readonly WrittenKey[] };
  'space.conflicted': SpaceConflict;
  'space.settled': Authored & {
    readonly conflictId: string;
    readonly key: string;
    readonly take: 'mine' | 'theirs' | 'value';
    readonly writes: readonly WrittenKey[];
  };
  'space.rolledBack': Authored & {
    readonly to: number;
    readonly key: string | null;
    readonly writes: readonly WrittenKey[];
  };
  'space.deleted': { readonly reason: string };
}

export type SpaceEventType = keyof SpaceEventData;

/** The compiler sees to it that none is forgotten. */
const types: Readonly<Record<SpaceEventType, true>> = {
  'space.created': true,
  'space.joined': true,
  'space.left': true,
  'space.written': true,
  'space.conflicted': true,
  'space.settled': true,
  'space.rolledBack': true,
  'space.deleted': true,
};

export const spaceEventTypes = Object.keys(types) as readonly SpaceEventType[];
