// What becomes of a write whose author had not seen the newest value: the policy of its key says. Pure; what a custom policy
// answers is kept in the event, so that a replay never asks it.
import { toError } from '../../base/errors.ts';
import { type Json, plainJson } from '../../base/json.ts';
import {
  deepMerge,
  isJsonList,
  listUnion,
  sameJson,
  sortedItems,
  threeWay,
  withoutItems,
} from '../json-merge.ts';
import { type Refusal, refuse } from '../law.ts';

export const builtInPolicies = [
  'last-write-wins',
  'counter',
  'set',
  'append-only',
  'deep-merge',
  'three-way',
  'manual',
] as const;

export type MergePolicy = (typeof builtInPolicies)[number] | `custom:${string}`;

/** What a write meets: a value of undefined is none, as of a key that was deleted or never set. */
export interface MergeInput {
  readonly key: string;
  /** What the author had seen; undefined also when it is not kept any more, and then `isBaseKnown` is false. */
  readonly base: Json | undefined;
  readonly isBaseKnown: boolean;
  readonly mine: Json | undefined;
  readonly theirs: Json | undefined;
}

/**
 * A policy of the user's, registered by its name. It must answer the same for the same input, and at once. Undefined leaves the
 * conflict to the inbox.
 */
export type CustomMerge = (input: MergeInput) => Json | undefined;

export type MergeRegistry = ReadonlyMap<string, CustomMerge>;

export type Merged =
  | { readonly value: Json | undefined }
  | { readonly conflict: true }
  | { readonly refusal: Refusal };

const conflict: Merged = { conflict: true };

export function merge(policy: MergePolicy, input: MergeInput, registry: MergeRegistry): Merged {
  const { base, isBaseKnown, mine, theirs } = input;
  // Two who add or append the same have done so twice.
  const addsUp = policy === 'counter' || (policy === 'append-only' && isBaseKnown);
  if (!addsUp && sameJson(mine, theirs)) return { value: theirs };
  switch (policy) {
    case 'last-write-wins':
      return { value: mine };
    case 'counter':
      return mergeCounter(input);
    case 'set':
      return mergeSet(input);
    case 'append-only':
      return mergeAppended(input);
    case 'deep-merge':
      return {
        value: mine === undefined || theirs === undefined ? (mine ?? theirs) : deepMerge(theirs, mine),
      };
    case 'three-way':
      return (isBaseKnown ? threeWay(base, mine, theirs) : undefined) ?? conflict;
    case 'manual':
      return conflict;
    default:
      return mergeCustom(policy.slice('custom:'.length), input, registry);
  }
}

/** What the author added to what was seen is added to what is there. */
function mergeCounter({ base = 0, isBaseKnown, mine = 0, theirs = 0 }: MergeInput): Merged {
  if (!isBaseKnown || typeof base !== 'number' || typeof mine !== 'number' || typeof theirs !== 'number')
    return conflict;
  const sum = theirs + (mine - base);
  // What JSON cannot hold would be another value after a restart.
  return Number.isFinite(sum) ? { value: sum } : conflict;
}

function mergeSet({ base = [], isBaseKnown, mine = [], theirs = [] }: MergeInput): Merged {
  if (!isJsonList(mine) || !isJsonList(theirs)) return conflict;
  if (!isBaseKnown || !isJsonList(base)) return { value: sortedItems([...theirs, ...mine]) };
  const removed = withoutItems(base, mine);
  return { value: sortedItems([...withoutItems(theirs, removed), ...withoutItems(mine, base)]) };
}

/** What the author appended comes behind what is there; of one whose base is not known, what is not there yet. */
function mergeAppended({ base = [], isBaseKnown, mine, theirs = [] }: MergeInput): Merged {
  if (!isJsonList(mine) || !isJsonList(theirs)) return conflict;
  if (!isBaseKnown || !isJsonList(base)) return { value: listUnion(theirs, mine) };
  if (!extendsList(mine, base)) return conflict;
  return { value: Object.freeze([...theirs, ...mine.slice(base.length)]) };
}

export const extendsList = (list: readonly Json[], start: readonly Json[]): boolean =>
  list.length >= start.length && start.every((item, i) => sameJson(item, list[i]));

/** Asked twice, for what answers differently each time would make two histories of one. */
function mergeCustom(name: string, input: MergeInput, registry: MergeRegistry): Merged {
  const custom = registry.get(name);
  const { key } = input;
  if (custom === undefined) return refuse('MERGE_POLICY_UNKNOWN', { policy: name });
  const failed = (problem: string): Merged => refuse('MERGE_FAILED', { policy: name, key, problem });
  try {
    const [once, again] = [custom(input), custom(input)];
    if (once === undefined && again === undefined) return conflict;
    if (once === undefined || again === undefined)
      return failed('it answered differently for the same input');
    const value = plainJson(once);
    return sameJson(value, plainJson(again))
      ? { value }
      : failed('it answered differently for the same input');
  } catch (thrown) {
    return failed(toError(thrown).message);
  }
}
