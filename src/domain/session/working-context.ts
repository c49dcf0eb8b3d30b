// The working context of a session: a scratchpad of keys and JSON values, bounded in keys and bytes.
import { byteLength, type Json } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';

export interface MemoryItem {
  readonly key: string;
  readonly value: Json;
  /** The seq of the event that set it: newest first is the order of the keys. */
  readonly seq: number;
  /** Bytes of the key, and of the value as JSON. */
  readonly bytes: number;
}

export interface WorkingContext {
  readonly items: ShardedMap<MemoryItem>;
  readonly bytes: number;
}

export const emptyWorkingContext: WorkingContext = { items: ShardedMap.empty, bytes: 0 };

export function itemBytes(key: string, value: Json): number {
  return byteLength(key) + byteLength(JSON.stringify(value));
}

export function withItem(context: WorkingContext, key: string, value: Json, seq: number): WorkingContext {
  const bytes = itemBytes(key, value);
  const replaced = context.items.get(key)?.bytes ?? 0;
  return {
    items: context.items.set(key, { key, value, seq, bytes }),
    bytes: context.bytes + bytes - replaced,
  };
}

export function withoutItem(context: WorkingContext, key: string): WorkingContext {
  const replaced = context.items.get(key)?.bytes ?? 0;
  return { items: context.items.delete(key), bytes: context.bytes - replaced };
}

/** Newest first. */
export function listItems(context: WorkingContext): MemoryItem[] {
  return [...context.items.entries()].map(([, item]) => item).sort((a, b) => b.seq - a.seq);
}
