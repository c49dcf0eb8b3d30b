// How two JSON values become one: pure, and the same for equal input. `__proto__` is a member like any other. What a codec has
// written is one value, as a number is: half of one and half of another would be neither.
import { codecOf, escapedObject } from '../base/codec-tag.ts';
import { canonicalJson, type Json } from '../base/json.ts';

type JsonObject = { readonly [key: string]: Json };

function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Neither is one value of a codec's, unless both were written by one of these. */
function haveMembers(a: JsonObject, b: JsonObject, apart: readonly string[] = [escapedObject]): boolean {
  const codec = codecOf(a);
  return codec === codecOf(b) && (codec === undefined || apart.includes(codec));
}

/** A list each, of items or of entries. */
const collections = [escapedObject, 'Map', 'Set'];

export function isJsonList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Equal whatever the order of members; `undefined` stands for no value, and equals itself alone. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  return canonicalJson(a) === canonicalJson(b);
}

/** Own members only: `toString` is a member of no value. */
const memberOf = (value: JsonObject, key: string): Json | undefined =>
  Object.hasOwn(value, key) ? value[key] : undefined;

/** `Object.fromEntries` defines members, and so sets no prototype. */
const objectOf = (entries: Iterable<readonly [string, Json]>): JsonObject =>
  Object.freeze(Object.fromEntries(entries));

/** The names of both, those of the first first. */
const namesOf = (a: JsonObject, b: JsonObject): ReadonlySet<string> =>
  new Set([...Object.keys(a), ...Object.keys(b)]);

/** JSON merge patch, RFC 7396: a member of null takes one away, an object goes deeper, anything else stands in its place. */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const isDeep = isJsonObject(target) && haveMembers(target, patch);
  if (!isDeep && codecOf(patch) !== undefined) return patch;
  const members = new Map(isDeep ? Object.entries(target) : []);
  for (const [name, change] of Object.entries(patch)) {
    if (change === null) members.delete(name);
    else members.set(name, mergePatch(members.get(name), change));
  }
  return objectOf(members);
}

/** The first list as it is, and behind it what only the second has, each once, in the order in which it has it. */
export function listUnion(first: readonly Json[], second: readonly Json[]): readonly Json[] {
  const known = new Set(first.map((item) => canonicalJson(item)));
  const added = second.filter((item) => {
    const text = canonicalJson(item);
    return !known.has(text) && known.add(text);
  });
  return Object.freeze([...first, ...added]);
}

/** Each item once, in the order of their canonical texts: equal for all who have the same items. */
export function sortedItems(items: readonly Json[]): readonly Json[] {
  const byText = new Map(items.map((item) => [canonicalJson(item), item]));
  const texts = [...byText.keys()].sort();
  return Object.freeze(texts.map((text) => byText.get(text) ?? null));
}

export function withoutItems(items: readonly Json[], removed: readonly Json[]): readonly Json[] {
  const gone = new Set(removed.map((item) => canonicalJson(item)));
  return Object.freeze(items.filter((item) => !gone.has(canonicalJson(item))));
}

function rankOf(value: Json): number {
  if (isJsonObject(value)) return [undefined, escapedObject].includes(codecOf(value)) ? 2 : 0;
  return isJsonList(value) ? 1 : 0;
}

/**
 * Objects member by member, lists as their union; of two scalars the later stands. Of two kinds the one that holds more does,
 * an object before a list before a scalar: so no member of either is lost, whichever came first.
 */
export function deepMerge(earlier: Json, later: Json): Json {
  if (isJsonObject(earlier) && isJsonObject(later) && haveMembers(earlier, later, collections)) {
    const names = [...namesOf(earlier, later)];
    return objectOf(
      names.map((name) => [name, mergedMember(memberOf(earlier, name), memberOf(later, name))] as const),
    );
  }
  if (isJsonList(earlier) && isJsonList(later)) return listUnion(earlier, later);
  return rankOf(earlier) > rankOf(later) ? earlier : later;
}

function mergedMember(earlier: Json | undefined, later: Json | undefined): Json {
  if (earlier === undefined) return later ?? null;
  return later === undefined ? earlier : deepMerge(earlier, later);
}

/** What both sides made of a base, member by member; undefined where both changed the same thing to different ends. */
export function threeWay(
  base: Json | undefined,
  mine: Json | undefined,
  theirs: Json | undefined,
): { readonly value: Json | undefined } | undefined {
  if (sameJson(mine, theirs) || sameJson(base, mine)) return { value: theirs };
  if (sameJson(base, theirs)) return { value: mine };
  if (!isJsonObject(mine) || !isJsonObject(theirs) || !haveMembers(mine, theirs)) return undefined;
  const origin = isJsonObject(base) && haveMembers(base, mine) ? base : {};
  const members: [string, Json][] = [];
  for (const name of namesOf(theirs, mine)) {
    const merged = threeWay(memberOf(origin, name), memberOf(mine, name), memberOf(theirs, name));
    if (merged === undefined) return undefined;
    if (merged.value !== undefined) members.push([name, merged.value]);
  }
  return { value: objectOf(members) };
}
