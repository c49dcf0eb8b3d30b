// The law of shared context: what may be asked of a space, and what becomes of it. The user's own merge policies are asked when a
// command is decided and never when an event is replayed.
import { ShardedMap } from '../../base/sharded-map.ts';
import { type Law, type LawEvent, refuse } from '../law.ts';
import type { MergeRegistry } from './merge-policies.ts';
import type { SpaceCommand } from './space-commands.ts';
import { decideSpace } from './space-decisions.ts';
import type { SpaceEventData, SpaceEventType, WrittenKey } from './space-events.ts';
import {
  absentSpace,
  decodeSpace,
  encodeSpace,
  keptVersions,
  type SpaceEntry,
  type SpaceState,
  spaceLimits,
} from './space-state.ts';
import { conflictSize } from './space-writes.ts';

const kind = 'space';

export const spaceStream = (spaceId: string): string => `${kind}/${spaceId}`;

export function spaceLaw(registry: MergeRegistry = new Map()): Law<SpaceState, SpaceCommand> {
  return {
    kind,
    version: 1,
    eventVersions: {},
    initial: absentSpace,
    tombstone: absentSpace,
    decide: (state, command, _at, seq) => decideSpace(registry, state, command, seq),
    evolve: evolveSpace,
    explain: ({ spaceId }) => refuse('SPACE_NOT_FOUND', { spaceId }).refusal,
    durability: ({ durability }) => durability,
    refersTo: keptVersions,
    due: () => undefined,
    nextDeadline: () => null,
    isUrgent: ({ type }) => type === 'space.delete' || type === 'space.leave',
    summarize: ({ status, name, scope, owner, members, keys, version, conflicts, createdAt }) => ({
      status,
      dueAt: null,
      summary: {
        ...{ name, scope, owner, keys, version, createdAt },
        ...{ members: members.size, conflicts: conflicts.length },
      },
    }),
    encode: encodeSpace,
    decode: decodeSpace,
  };
}

type Data<Type extends SpaceEventType> = SpaceEventData[Type];

function evolveSpace(state: SpaceState, event: LawEvent): SpaceState | undefined {
  const { type, at, data } = event;
  if (type === 'space.created') {
    if (state.status === 'open') return undefined;
    const { spaceId } = state;
    const created = data as Data<'space.created'>;
    return { ...absentSpace(spaceId), ...created, spaceId, status: 'open', createdAt: at, updatedAt: at };
  }
  if (state.status !== 'open') return undefined;
  const next = evolved(state, event);
  return next && { ...next, updatedAt: at };
}

function evolved(state: SpaceState, { type, at, seq, data }: LawEvent): SpaceState | undefined {
  switch (type as SpaceEventType) {
    case 'space.joined': {
      const { sessionId } = data as Data<'space.joined'>;
      return { ...state, members: state.members.set(sessionId, { joinedAt: at }) };
    }
    case 'space.left':
      return { ...state, members: state.members.delete((data as Data<'space.left'>).sessionId) };
    case 'space.written':
    case 'space.rolledBack': {
      const { writes, by } = data as Data<'space.written'>;
      return withWrites(state, writes, { by, at, seq });
    }
    case 'space.conflicted': {
      const conflict = data as Data<'space.conflicted'>;
      const bytes = conflictSize(conflict);
      const conflicts = [...state.conflicts, { ...conflict, at, bytes }];
      return { ...state, conflicts, conflictBytes: state.conflictBytes + bytes };
    }
    case 'space.settled': {
      const { conflictId, writes, by } = data as Data<'space.settled'>;
      return withWrites(withoutConflict(state, conflictId), writes, { by, at, seq });
    }
    case 'space.deleted':
      return { ...absentSpace(state.spaceId), spaceId: state.spaceId, status: 'deleted' };
    default:
      return undefined;
  }
}

function withoutConflict(state: SpaceState, conflictId: string): SpaceState {
  const settled = state.conflicts.find((conflict) => conflict.conflictId === conflictId);
  const conflicts = state.conflicts.filter((conflict) => conflict !== settled);
  return { ...state, conflicts, conflictBytes: state.conflictBytes - (settled?.bytes ?? 0) };
}

interface Place {
  readonly by: string;
  readonly at: number;
  readonly seq: number;
}

function withWrites(state: SpaceState, writes: readonly WrittenKey[], place: Place): SpaceState {
  if (writes.length === 0) return state;
  let { entries, keys, bytes } = state;
  for (const { key, value, hash, bytes: size } of writes) {
    const before = entries.get(key);
    const entry: SpaceEntry = {
      ...{ value, hash, by: place.by, at: place.at, version: place.seq },
      bytes: size,
      since: before?.since ?? place.seq,
      versions: [...(before?.versions ?? []), place.seq].slice(-state.keptVersions),
    };
    entries = entries.set(key, entry);
    keys += (value === undefined ? 0 : 1) - (before?.value === undefined ? 0 : 1);
    bytes += entry.bytes - (before?.bytes ?? 0);
  }
  return forgetting({ ...state, entries, keys, bytes, version: place.seq });
}

/** Of deleted keys the newest half stays when they are too many: what is rare may cost more. */
function forgetting(state: SpaceState): SpaceState {
  const { entries, keys } = state;
  if (entries.size - keys <= spaceLimits.deletedKeys) return state;
  const deleted = [...entries.entries()].filter(([, { value }]) => value === undefined);
  const oldest = deleted
    .sort(([, a], [, b]) => a.version - b.version)
    .slice(0, Math.ceil(spaceLimits.deletedKeys / 2));
  const forgotten = new Set(oldest.map(([key]) => key));
  const kept = [...entries.entries()].filter(([key]) => !forgotten.has(key));
  const forgottenThrough = oldest.at(-1)?.[1].version ?? state.forgottenThrough;
  return { ...state, entries: ShardedMap.of(kept), forgottenThrough };
}
