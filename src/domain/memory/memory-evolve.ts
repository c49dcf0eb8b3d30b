// What each event makes of the memories. One whose payload was erased still counts, and says nothing of a memory.
import { ShardedMap } from '../../base/sharded-map.ts';
import type { LawEvent } from '../law.ts';
import {
  type MemoriesErased,
  type MemoryEventData,
  type MemoryEventType,
  memoryEventTypes,
} from './memory-events.ts';
import {
  findPending,
  type KeptMemory,
  type MemoriesState,
  type MemoryCounts,
  memoryIdOf,
  type PendingMemory,
} from './memory-state.ts';

type Data<Type extends MemoryEventType> = MemoryEventData[Type];

/** Undefined for an event of another law. */
export function evolveMemories(state: MemoriesState, event: LawEvent): MemoriesState | undefined {
  const { type, data } = event;
  if (type === 'payload.erased') return forgotten(state, data as MemoriesErased);
  if (!Object.hasOwn(memoryEventTypes, type)) return undefined;
  const counted = withCount(state, type as MemoryEventType);
  return data === undefined ? counted : changed(counted, event);
}

const counters: Partial<Record<MemoryEventType, keyof MemoryCounts>> = {
  'memory.proposed': 'proposed',
  'memory.promoted': 'promoted',
  'memory.rejected': 'rejected',
  'memory.evicted': 'evicted',
  'memory.forgotten': 'forgotten',
};

function withCount(state: MemoriesState, type: MemoryEventType): MemoriesState {
  const counter = counters[type];
  if (counter === undefined) return state;
  return { ...state, counts: { ...state.counts, [counter]: state.counts[counter] + 1 } };
}

function changed(state: MemoriesState, event: LawEvent): MemoriesState {
  const { type, data } = event;
  if (type === 'memory.proposed') return proposed(state, event as LawEvent<string, Data<'memory.proposed'>>);
  if (type === 'memory.promoted') return promoted(state, event as LawEvent<string, Data<'memory.promoted'>>);
  const { memoryId } = data as { readonly memoryId: string };
  if (type === 'memory.forgotten') return withoutKept(state, memoryId);
  if (type === 'memory.shared') {
    const { scope, owner } = data as Data<'memory.shared'>;
    return withKept(state, memoryId, { share: { scope, owner } });
  }
  if (type === 'memory.unshared') return withKept(state, memoryId, { share: null });
  return withoutPending(state, memoryId);
}

function proposed(
  state: MemoriesState,
  { seq, at, data }: LawEvent<string, Data<'memory.proposed'>>,
): MemoriesState {
  const { durability = state.durability, kind, content, importance, tags, origin, dueAt, bytes } = data;
  const memoryId = memoryIdOf(seq);
  const memory: PendingMemory = { memoryId, kind, content, importance, tags, origin, at, dueAt, bytes };
  return { ...state, durability, pending: [...state.pending, Object.freeze(memory)] };
}

function promoted(
  state: MemoriesState,
  { at, data: { memoryId, why, confidence, parts } }: LawEvent<string, Data<'memory.promoted'>>,
): MemoriesState {
  const memory = findPending(state, memoryId);
  // What it was is erased.
  if (memory === undefined) return state;
  const kept: KeptMemory = { ...memory, promotedAt: at, why, confidence, parts, share: null };
  return {
    ...withoutPending(state, memoryId),
    kept: state.kept.set(memoryId, Object.freeze(kept)),
    keptBytes: state.keptBytes + memory.bytes,
  };
}

function withKept(state: MemoriesState, memoryId: string, change: Pick<KeptMemory, 'share'>): MemoriesState {
  const memory = state.kept.get(memoryId);
  if (memory === undefined) return state;
  return { ...state, kept: state.kept.set(memoryId, Object.freeze({ ...memory, ...change })) };
}

function withoutPending(state: MemoriesState, memoryId: string): MemoriesState {
  return { ...state, pending: state.pending.filter((memory) => memory.memoryId !== memoryId) };
}

function withoutKept(state: MemoriesState, memoryId: string): MemoriesState {
  const memory = state.kept.get(memoryId);
  if (memory === undefined) return state;
  const keptBytes = state.keptBytes - memory.bytes;
  return { ...state, keptBytes, kept: state.kept.delete(memoryId) };
}

/** The seqs of other events say nothing of a memory: what they held is in no state. */
function forgotten(state: MemoriesState, { seqs, left }: MemoriesErased): MemoriesState {
  const ids = new Set(seqs.map(memoryIdOf));
  const stays = ({ memoryId }: PendingMemory): boolean => !ids.has(memoryId);
  const kept = [...state.kept.entries()].filter(([, memory]) => stays(memory));
  return {
    ...state,
    durability: left.durability,
    pending: state.pending.filter(stays),
    kept: ShardedMap.of(kept),
    keptBytes: kept.reduce((sum, [, { bytes }]) => sum + bytes, 0),
    counts: { ...state.counts, erased: state.counts.erased + seqs.length },
  };
}
