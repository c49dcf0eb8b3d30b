// JSON as the house keeps it: plain, frozen, bounded in depth, and canonical where it is hashed.
import { HoldfastError, toError } from './errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** How deep a value from outside may be nested. */
export const maxDepth = 64;

/** How long a single text from outside may be, in UTF-16 units; its bytes are counted where it is stored. */
export const maxTextLength = 1024 * 1024;

/** How much a value may hold in all: a character counts 1, each value within it 16, about what they take in memory. */
const maxWeight = 16 * 1024 * 1024;
const weightOfValue = 16;

/**
 * A frozen copy of `value` that holds nothing but JSON.
 * As JSON does, it gives -0 as 0, and leaves out members of an object that are undefined, not enumerable or under a symbol, and what an
 * array has beside its elements: to look for those would make each copy a sixth dearer or more. Everything else that JSON would alter
 * silently (NaN, Date, Map, class instances, arguments, holes, what contains itself) throws `NOT_JSON`, and nesting below
 * {@link maxDepth} throws `TOO_DEEP`.
 * A part that it holds again and again is copied each time: what then grows without measure is `TOO_LARGE`.
 */
export function plainJson(value: unknown, path = '$'): Json {
  try {
    return copy(value, path, 0, { weight: 0 });
  } catch (error) {
    if (HoldfastError.is(error, 'TOO_DEEP')) throw selfFault(value, path) ?? error;
    if (HoldfastError.is(error)) throw error;
    throw notJson(path, `it cannot be read: ${toError(error).message}`);
  }
}

interface Size {
  weight: number;
}

function copy(value: unknown, path: string, depth: number, size: Size): Json {
  weigh(size, weightOfValue);
  switch (typeof value) {
    case 'string':
      if (value.length > maxTextLength) throw tooLong(path, value.length);
      weigh(size, value.length);
      return value;
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw notJson(path, `it is ${value}`);
      return value === 0 ? 0 : value;
    case 'object':
      if (value === null) return null;
      if (depth >= maxDepth) throw tooDeep(path);
      return Array.isArray(value)
        ? copyArray(value, path, depth, size)
        : copyObject(value, path, depth, size);
    default:
      throw notJson(path, `it is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}`);
  }
}

function weigh(size: Size, weight: number): void {
  size.weight += weight;
  if (size.weight > maxWeight)
    throw new HoldfastError('TOO_LARGE', { what: 'value in memory', size: size.weight, limit: maxWeight });
}

function copyArray(value: readonly unknown[], path: string, depth: number, size: Size): Json {
  if (Object.getPrototypeOf(value) !== Array.prototype) throw notJson(path, instanceOf(value));
  const result: Json[] = [];
  for (let i = 0; i < value.length; i++) result.push(copy(value[i], `${path}[${i}]`, depth + 1, size));
  return Object.freeze(result);
}

function copyObject(value: object, path: string, depth: number, size: Size): Json {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw notJson(path, instanceOf(value));
  }
  if (Symbol.iterator in value) throw notJson(path, 'it is iterable, as arguments are, and no array');
  const result: Record<string, Json> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    weigh(size, key.length);
    setMember(result, key, copy(member, `${path}.${key}`, depth + 1, size));
  }
  return Object.freeze(result);
}

/** What is too deep may contain itself: then a `NOT_JSON` that says where. Looked for only once the depth is exceeded. */
export function selfFault(value: unknown, path: string): HoldfastError | undefined {
  try {
    const fault = firstDeep(value, path, new Set());
    return HoldfastError.is(fault, 'NOT_JSON') ? fault : undefined;
  } catch {
    // A getter that has answered once, and throws now: what is known already is said.
    return undefined;
  }
}

/** The first that a copy would come upon, in its order, so that it goes no further than the copy has gone. */
function firstDeep(value: unknown, path: string, above: Set<unknown>): HoldfastError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.has(value)) return notJson(path, 'it is what it stands in: it contains itself');
  if (above.size >= maxDepth) return tooDeep(path);
  above.add(value);
  for (const [key, member] of Object.entries(value)) {
    const fault = firstDeep(member, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, above);
    if (fault !== undefined) return fault;
  }
  above.delete(value);
  return undefined;
}

/** Sets an own member under any name: `__proto__` is data here, not the prototype. */
function setMember(target: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

/** The same text for equal values, whatever the order in which their members were set. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  let text = '';
  for (const key of Object.keys(value).sort()) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (member === undefined) continue;
    text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

/** The bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

/** Whether a text has at most `limit` bytes in UTF-8, counted only when its length alone does not show that it fits. */
export function fitsBytes(text: string, limit: number): boolean {
  return text.length * 3 <= limit || Buffer.byteLength(text) <= limit;
}

/** About how long the JSON of a plain value is, without making it where it holds nothing but texts and numbers. */
export function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 0;
  for (const key of Object.keys(value)) {
    const member = (value as Readonly<Record<string, unknown>>)[key];
    if (typeof member === 'string') bytes += member.length;
    else if (typeof member === 'object' && member !== null) bytes += JSON.stringify(member).length;
    bytes += 8;
  }
  return bytes;
}

/** Freezes a parsed JSON value all the way down and returns it. */
export function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}

function notJson(path: string, problem: string): HoldfastError {
  return new HoldfastError('NOT_JSON', { path, problem });
}

const tooDeep = (path: string): HoldfastError => new HoldfastError('TOO_DEEP', { path, limit: maxDepth });

const instanceOf = (value: object): string => `it is a ${value.constructor?.name ?? 'class instance'}`;

function tooLong(path: string, size: number): HoldfastError {
  return new HoldfastError('TOO_LARGE', { what: `text at ${path}`, size, limit: maxTextLength });
}
