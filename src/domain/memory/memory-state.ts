// The memories of a session: those that wait to be judged, oldest first, and those that are kept.
import type { Durability } from '../../base/durability.ts';
import { deepFreeze, type Json } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import type { ConfidenceParts, MemoryEventData, MemoryOrigin, MemoryShare } from './memory-events.ts';

export interface PendingMemory {
  readonly memoryId: string;
  readonly kind: string | null;
  readonly content: Json;
  readonly importance: number;
  readonly tags: readonly string[];
  readonly origin: MemoryOrigin;
  /** When it was proposed. */
  readonly at: number;
  readonly dueAt: number;
  readonly bytes: number;
}

export interface KeptMemory extends PendingMemory {
  readonly promotedAt: number;
  readonly why: MemoryEventData['memory.promoted']['why'];
  readonly confidence: number;
  readonly parts: ConfidenceParts;
  readonly share: MemoryShare | null;
}

/** What has become of all that were ever proposed. */
export interface MemoryCounts {
  readonly proposed: number;
  readonly promoted: number;
  readonly rejected: number;
  readonly evicted: number;
  readonly forgotten: number;
  /** Payloads that were erased. */
  readonly erased: number;
}

export interface MemoriesState {
  readonly sessionId: string;
  readonly durability: Durability;
  readonly pending: readonly PendingMemory[];
  readonly kept: ShardedMap<KeptMemory>;
  readonly keptBytes: number;
  readonly counts: MemoryCounts;
}

const noCounts: MemoryCounts = {
  ...{ proposed: 0, promoted: 0, rejected: 0, evicted: 0, forgotten: 0, erased: 0 },
};

export function noMemories(stream: string): MemoriesState {
  return {
    sessionId: stream.slice(stream.indexOf('/') + 1),
    durability: 'fsync',
    pending: [],
    kept: ShardedMap.empty,
    keptBytes: 0,
    counts: noCounts,
  };
}

export const memoryIdOf = (seq: number): string => `m${seq}`;

/** The seq of the event that proposed it; undefined for what is no id of a memory. */
export function seqOfMemory(memoryId: string): number | undefined {
  return /^m[1-9]\d{0,14}$/.test(memoryId) ? Number(memoryId.slice(1)) : undefined;
}

const placeOf = ({ memoryId }: PendingMemory): number => seqOfMemory(memoryId) ?? 0;

/** Those that are kept, in the order in which they were proposed. */
export const listKept = ({ kept }: MemoriesState): readonly KeptMemory[] =>
  [...kept.entries()].map(([, memory]) => memory).sort((a, b) => placeOf(a) - placeOf(b));

export const findPending = ({ pending }: MemoriesState, memoryId: string): PendingMemory | undefined =>
  pending.find((memory) => memory.memoryId === memoryId);

/** When the first of those that wait is judged. */
export const nextDue = ({ pending }: MemoriesState): number | null =>
  pending.length === 0 ? null : Math.min(...pending.map(({ dueAt }) => dueAt));

export function encodeMemories(state: MemoriesState): string {
  const { sessionId, durability, pending, counts } = state;
  return JSON.stringify({ sessionId, durability, pending, kept: listKept(state), counts });
}

export function decodeMemories(text: string): MemoriesState {
  const { kept, ...rest } = deepFreeze(JSON.parse(text)) as Omit<MemoriesState, 'kept' | 'keptBytes'> & {
    readonly kept: readonly KeptMemory[];
  };
  const keptBytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  return { ...rest, keptBytes, kept: ShardedMap.of(kept.map((memory) => [memory.memoryId, memory])) };
}
