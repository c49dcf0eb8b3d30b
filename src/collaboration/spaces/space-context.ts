// What the handlers of operations on spaces work with.
import type { Durability } from '../../base/durability.ts';
import type { IdSource } from '../../base/ids.ts';
import type { SpaceCommand } from '../../domain/space/space-commands.ts';
import type { SpaceState } from '../../domain/space/space-state.ts';
import type { Journal } from '../../journal/journal.ts';
import type { EntityHost } from '../entity-host.ts';
import type { SpaceMembership } from './space-membership.ts';
import type { SpaceTurns } from './space-turns.ts';

export interface SpaceContext {
  readonly host: EntityHost<SpaceState, SpaceCommand>;
  readonly journal: Journal;
  readonly membership: SpaceMembership;
  readonly turns: SpaceTurns;
  readonly newId: IdSource;
  /** Of new spaces that name none. */
  readonly durability: Durability;
}
