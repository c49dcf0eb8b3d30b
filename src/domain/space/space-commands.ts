// What can be asked of a space. What a write needs of the past comes with it: a version never changes, so that it can be read
// before the command is decided.
import type { Durability } from '../../base/durability.ts';
import type { Json } from '../../base/json.ts';
import type { PolicyRule } from './space-events.ts';
import type { SpaceScope } from './space-scopes.ts';

/** What becomes of the value of a key. The last four build on whatever is there. */
export type SpaceOp =
  | { readonly op: 'set'; readonly value: Json }
  | { readonly op: 'delete' }
  | { readonly op: 'patch'; readonly patch: Json }
  | { readonly op: 'increment'; readonly by: number }
  | { readonly op: 'add'; readonly values: readonly Json[] }
  | { readonly op: 'remove'; readonly values: readonly Json[] }
  | { readonly op: 'append'; readonly values: readonly Json[] };

/** A value of the past: none when the key was deleted then. */
export interface PastValue {
  readonly value?: Json;
}

export type SpaceWrite = SpaceOp & {
  readonly key: string;
  /** The version that the author had seen; the newest without it. */
  readonly baseVersion?: number;
  /** The value at that version; undefined when it is not kept any more. */
  readonly base?: PastValue | undefined;
};

export interface ReadVersion {
  readonly key: string;
  /** 0 for a key without a value. */
  readonly version: number;
}

export type SpaceCommand =
  | {
      readonly type: 'space.create';
      readonly name: string | null;
      readonly scope: SpaceScope;
      readonly owner: string | null;
      readonly durability: Durability;
      readonly keptVersions: number;
      readonly policies: readonly PolicyRule[];
    }
  | { readonly type: 'space.delete'; readonly reason: string }
  | { readonly type: 'space.join'; readonly sessionId: string }
  | { readonly type: 'space.leave'; readonly sessionId: string; readonly reason: string }
  | {
      readonly type: 'space.write';
      readonly by: string;
      readonly cause: string | null;
      /** Must still be so, or nothing is written. */
      readonly reads: readonly ReadVersion[];
      readonly writes: readonly SpaceWrite[];
      /** All or none: what would go to the inbox refuses the whole. */
      readonly isTransaction: boolean;
    }
  | {
      readonly type: 'space.rollback';
      readonly by: string;
      readonly cause: string | null;
      /** All keys without it. */
      readonly key: string | null;
      readonly to: number;
      /** What the keys held, by key and version. */
      readonly values: ReadonlyMap<string, PastValue>;
    }
  | {
      readonly type: 'space.settle';
      readonly by: string;
      readonly cause: string | null;
      readonly conflictId: string;
      readonly take: 'mine' | 'theirs' | 'value';
      readonly value?: Json;
      /** The version that whoever settles has seen; that of the conflict without it. */
      readonly version?: number;
    };

/** Where a value of the past stands among those that come with a rollback. */
export const pastKey = (key: string, version: number): string => `${version} ${key}`;
