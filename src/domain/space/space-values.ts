// What an operation makes of a value, and which values a policy allows: a counter holds a number, a set and a list what they are.

import { sha256 } from '../../base/hash.ts';
import { byteLength, canonicalJson, type Json } from '../../base/json.ts';
import { isJsonList, mergePatch, sortedItems, withoutItems } from '../json-merge.ts';
import type { MergePolicy } from './merge-policies.ts';
import { extendsList } from './merge-policies.ts';
import type { SpaceOp } from './space-commands.ts';

/** A new value, or why the operation does not fit what is there. */
export type Applied = { readonly value: Json | undefined } | { readonly problem: string };

/** `before` is what the operation builds on: nothing, when the key holds nothing. */
export function applyOp(op: SpaceOp, before: Json | undefined, policy: MergePolicy): Applied {
  switch (op.op) {
    case 'set':
      return { value: op.value };
    case 'delete':
      return { value: undefined };
    case 'patch':
      return { value: mergePatch(before, op.patch) };
    case 'increment':
      return incremented(before, op.by);
    default:
      return changedList(op, before, policy);
  }
}

function incremented(before: Json | undefined, by: number): Applied {
  if (before !== undefined && typeof before !== 'number') return { problem: 'what it holds is no number' };
  const count = before ?? 0;
  const value = count + by;
  if (!Number.isFinite(value)) return { problem: 'the sum is no number' };
  const isWhole = Number.isInteger(count) && Number.isInteger(by);
  return isWhole && !Number.isSafeInteger(value)
    ? { problem: 'the sum is too large to be exact' }
    : { value };
}

function changedList(
  { op, values }: Extract<SpaceOp, { readonly values: readonly Json[] }>,
  before: Json | undefined,
  policy: MergePolicy,
): Applied {
  if (before !== undefined && !isJsonList(before)) return { problem: 'what it holds is no list' };
  const items = before ?? [];
  if (op === 'append') return { value: Object.freeze([...items, ...values]) };
  const changed = op === 'remove' ? withoutItems(items, values) : [...items, ...values];
  return { value: policy === 'set' || op === 'add' ? sortedItems(changed) : changed };
}

/** What the policy makes of a value before it is kept, or why it may not stand behind `before`. */
export function fitted(policy: MergePolicy, before: Json | undefined, value: Json | undefined): Applied {
  if (policy === 'counter' && value !== undefined && typeof value !== 'number')
    return { problem: 'a counter holds a number' };
  if (policy === 'set' && value !== undefined)
    return isJsonList(value) ? { value: sortedItems(value) } : { problem: 'a set holds a list of items' };
  if (policy !== 'append-only') return { value };
  if (!isJsonList(value)) return { problem: 'what is append-only holds a list, for good' };
  const start = isJsonList(before) ? before : [];
  return extendsList(value, start) ? { value } : { problem: 'what was appended stays as it is' };
}

export interface Measured {
  readonly hash: string | null;
  readonly bytes: number;
}

/** The hash and the size of a value, over its canonical JSON. */
export function measured(value: Json | undefined): Measured {
  if (value === undefined) return { hash: null, bytes: 0 };
  const text = canonicalJson(value);
  return { hash: sha256(text), bytes: byteLength(text) };
}
