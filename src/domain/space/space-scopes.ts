// The spaces that need no name: what belongs to a session, a user or the whole application, and what is gone with the process.
// Their ids are derived from scope and owner, so that all who ask find the same one.
import type { Durability } from '../../base/durability.ts';
import { sha256 } from '../../base/hash.ts';

export const ownedScopes = ['session', 'user', 'app', 'temp'] as const;
export type OwnedScope = (typeof ownedScopes)[number];
export type SpaceScope = 'named' | OwnedScope;

const prefix = 'scope-';

/** The owner may be any text, such as an address: its digest stands in the id. */
export const scopedSpaceId = (scope: OwnedScope, owner: string): string =>
  `${prefix}${scope}-${sha256(owner)}`;

/** True for an id that no named space may have. */
export const isScopedSpaceId = (spaceId: string): boolean => spaceId.startsWith(prefix);

/** What is temporary is never persisted; everything else is on the disk when it is answered. */
export const scopeDurability = (scope: OwnedScope): Durability => (scope === 'temp' ? 'none' : 'fsync');
