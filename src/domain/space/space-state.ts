// A space: who is in it, what it holds, and which versions of that are kept. A version is the seq of the event that wrote it; the
// values of older ones stay in the journal.
import type { Durability } from '../../base/durability.ts';
import { deepFreeze, type Json } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import type { MergePolicy } from './merge-policies.ts';
import type { PolicyRule, SpaceConflict } from './space-events.ts';
import type { SpaceScope } from './space-scopes.ts';

/** How much a space may hold. Sizes are bytes of canonical JSON. */
export const spaceLimits = {
  keys: 10_000,
  members: 10_000,
  valueBytes: 256 * 1024,
  bytes: 8 * 1024 * 1024,
  conflicts: 100,
  conflictBytes: 2 * 1024 * 1024,
  /** Keys that were deleted and whose versions are still kept. */
  deletedKeys: 1_000,
} as const;

export const defaultKeptVersions = 50;

export interface SpaceEntry {
  /** Undefined once it was deleted. */
  readonly value: Json | undefined;
  readonly hash: string | null;
  readonly version: number;
  readonly at: number;
  readonly by: string;
  readonly bytes: number;
  /** When the key was first written. */
  readonly since: number;
  /** The versions that are kept, oldest first, this one last. */
  readonly versions: readonly number[];
}

interface SpaceMember {
  readonly joinedAt: number;
}

interface OpenConflict extends SpaceConflict {
  readonly at: number;
  readonly bytes: number;
}

export interface SpaceState {
  readonly spaceId: string;
  readonly status: 'absent' | 'open' | 'deleted';
  readonly name: string | null;
  readonly scope: SpaceScope;
  readonly owner: string | null;
  readonly durability: Durability;
  readonly keptVersions: number;
  readonly policies: readonly PolicyRule[];
  readonly createdAt: number;
  readonly updatedAt: number;
  /** That of the newest write; 0 before the first. */
  readonly version: number;
  readonly members: ShardedMap<SpaceMember>;
  /** Deleted keys stand among them, until they are too many. */
  readonly entries: ShardedMap<SpaceEntry>;
  /** Those with a value. */
  readonly keys: number;
  readonly bytes: number;
  readonly conflicts: readonly OpenConflict[];
  readonly conflictBytes: number;
  /** Of keys that were deleted up to this version nothing may be known any more. */
  readonly forgottenThrough: number;
}

export function absentSpace(stream: string): SpaceState {
  return {
    spaceId: stream.slice(stream.indexOf('/') + 1),
    status: 'absent',
    name: null,
    scope: 'named',
    owner: null,
    durability: 'fsync',
    keptVersions: defaultKeptVersions,
    policies: [],
    createdAt: 0,
    updatedAt: 0,
    version: 0,
    members: ShardedMap.empty,
    entries: ShardedMap.empty,
    keys: 0,
    bytes: 0,
    conflicts: [],
    conflictBytes: 0,
    forgottenThrough: 0,
  };
}

/** The version of what a key holds; 0 when it holds nothing. */
export function versionOf({ entries }: SpaceState, key: string): number {
  const entry = entries.get(key);
  return entry?.value === undefined ? 0 : entry.version;
}

/** A key's own rule, or that of the longest prefix; the last write wins where there is none. */
export function policyOf({ policies }: Pick<SpaceState, 'policies'>, key: string): MergePolicy {
  let best: MergePolicy = 'last-write-wins';
  let longest = -1;
  for (const rule of policies) {
    if ('key' in rule) {
      if (rule.key === key) return rule.policy;
    } else if (rule.prefix.length > longest && key.startsWith(rule.prefix)) {
      best = rule.policy;
      longest = rule.prefix.length;
    }
  }
  return best;
}

/** True for a session that may read and write here. */
export function mayUse({ scope, owner, members }: SpaceState, sessionId: string): boolean {
  if (scope === 'named') return members.has(sessionId);
  return scope !== 'session' || owner === sessionId;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** The keys that hold something, in the order of their names. */
export const liveEntries = ({ entries }: SpaceState): (readonly [string, SpaceEntry])[] =>
  [...entries.entries()].filter(([, { value }]) => value !== undefined).sort(byName);

/** All versions that are kept: their events must stay readable. */
export const keptVersions = ({ entries }: SpaceState): readonly number[] =>
  [...new Set([...entries.entries()].flatMap(([, { versions }]) => versions))].sort((a, b) => a - b);

export function encodeSpace(state: SpaceState): string {
  const { members, entries, ...rest } = state;
  const sorted = [...entries.entries()].sort(byName);
  return JSON.stringify({ ...rest, members: [...members.entries()].sort(byName), entries: sorted });
}

export function decodeSpace(text: string): SpaceState {
  const { members, entries, ...rest } = deepFreeze(JSON.parse(text)) as Omit<
    SpaceState,
    'members' | 'entries'
  > & {
    readonly members: readonly (readonly [string, SpaceMember])[];
    readonly entries: readonly (readonly [string, SpaceEntry])[];
  };
  // JSON leaves out what is undefined: a deleted key has no value.
  const read = entries.map(([key, entry]) => [key, { ...entry, value: entry.value }] as const);
  return { ...rest, members: ShardedMap.of(members), entries: ShardedMap.of(read) };
}
