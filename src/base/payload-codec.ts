// Values that JSON does not have, as JSON and back: each kind by a codec of its own under a tag. What no codec knows is refused by
// name where it is stored, never altered.
import { escapedObject as escaped, codecTag as tag } from './codec-tag.ts';
import { HoldfastError } from './errors.ts';
import { maxDepth, selfFault } from './json.ts';

/** Writes one kind of value as something simpler, and reads it back as it was. */
export interface PayloadCodec<Value = unknown> {
  /** Written beside each value, for good: a stored name is never given to another codec. */
  readonly name: string;
  /** True for a value that this codec writes. The first codec of the list that says so writes it. */
  readonly matches: (value: unknown) => boolean;
  /** JSON, or values that other codecs of the list write. */
  readonly encode: (value: Value) => unknown;
  readonly decode: (written: unknown) => Value;
}

/** Both ways for whole values. */
export interface PayloadCodecs {
  /**
   * A copy in which every value of a known kind stands as `{ $codec, value }`; the same value where there is none.
   * Throws `TOO_DEEP` for what is nested deeper than 64 levels, `NOT_JSON` where an object or array contains itself.
   */
  encode(value: unknown): unknown;
  /** Reads what {@link encode} wrote; throws `CODEC_UNKNOWN` for a name that no codec has. */
  decode(value: unknown): unknown;
}

/** @throws TypeError when two codecs have one name, or a name is empty or taken by the escape. */
export function payloadCodecs(codecs: readonly PayloadCodec[]): PayloadCodecs {
  const byName = new Map(codecs.map((codec) => [codec.name, codec]));
  if (byName.size < codecs.length) throw new TypeError('Two codecs have the same name');
  if (byName.has('') || byName.has(escaped)) throw new TypeError(`No codec may be named "" or "${escaped}"`);
  return {
    encode: (value) => encodeWhole(codecs, value),
    decode: (value) => decodeWith(byName, value),
  };
}

function encodeWhole(codecs: readonly PayloadCodec[], value: unknown): unknown {
  try {
    return encodeWith(codecs, value, 0);
  } catch (error) {
    throw (HoldfastError.is(error, 'TOO_DEEP') && selfFault(value, '$')) || error;
  }
}

function encodeWith(codecs: readonly PayloadCodec[], value: unknown, depth: number): unknown {
  if (depth > maxDepth) throw new HoldfastError('TOO_DEEP', { path: '$', limit: maxDepth });
  const codec = codecs.find(({ matches }) => matches(value));
  if (codec !== undefined)
    return { [tag]: codec.name, value: encodeWith(codecs, codec.encode(value), depth + 1) };
  if (!isPlain(value)) return value;
  const written = mapMembers(value, (member) => encodeWith(codecs, member, depth + 1));
  return Object.hasOwn(value, tag) ? { [tag]: escaped, value: written } : written;
}

function decodeWith(codecs: ReadonlyMap<string, PayloadCodec>, value: unknown): unknown {
  if (!isPlain(value)) return value;
  if (!Object.hasOwn(value, tag)) return mapMembers(value, (member) => decodeWith(codecs, member));
  const { [tag]: name, value: written } = value as { readonly [tag]: unknown; readonly value?: unknown };
  if (name === escaped) return mapMembers(written as object, (member) => decodeWith(codecs, member));
  const codec = codecs.get(String(name));
  if (codec === undefined) throw new HoldfastError('CODEC_UNKNOWN', { codec: String(name) });
  return codec.decode(decodeWith(codecs, written));
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) return prototype === Array.prototype;
  return prototype === Object.prototype || prototype === null;
}

/** The same value when no member changes, so that what needs no codec is not copied. */
function mapMembers(value: object, change: (member: unknown) => unknown): object {
  let copy: object | undefined;
  for (const key of Object.keys(value)) {
    const member: unknown = Reflect.get(value, key);
    const changed = change(member);
    if (Object.is(changed, member)) continue;
    copy ??= Array.isArray(value) ? [...value] : copyOf(value);
    Object.defineProperty(copy, key, {
      value: changed,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy ?? value;
}

/** Member by member: `__proto__` is a name like any other. */
function copyOf(value: object): object {
  const copy = {};
  for (const [key, member] of Object.entries(value))
    Object.defineProperty(copy, key, { value: member, enumerable: true, configurable: true, writable: true });
  return copy;
}

/** An instance of the type itself: of a class that extends it another codec knows how it is written. */
const is =
  (type: abstract new (...args: never[]) => object) =>
  (value: unknown): boolean =>
    value instanceof type && Object.getPrototypeOf(value) === type.prototype;

const typedArrays = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
] as const;

type TypedArray = InstanceType<(typeof typedArrays)[number]>;

const bytesOf = (view: ArrayBufferView): string =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64');

/** A copy: bytes of a Buffer's pool need not lie where a longer element may begin. */
const bufferOf = (text: unknown): ArrayBuffer => Uint8Array.from(Buffer.from(String(text), 'base64')).buffer;

/** In the byte order of the machine, which is little-endian wherever Node runs but for one. */
const typedArrayCodecs = typedArrays.map(
  (type): PayloadCodec<TypedArray> => ({
    name: type.name,
    matches: is(type),
    encode: bytesOf,
    decode: (written) => new type(bufferOf(written)),
  }),
);

/** Numbers that JSON writes as null, or as another number. */
const oddNumbers: ReadonlyMap<string, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
]);

const nameOfNumber = (value: unknown): string | undefined =>
  [...oddNumbers].find(([, number]) => Object.is(number, value))?.[0];

/**
 * Codecs for what JavaScript has and JSON does not: `undefined`, `NaN`, the infinities, `-0`, `bigint`, `Date`, `Map`, `Set`, `RegExp`,
 * `URL`, typed arrays, `Buffer`, `ArrayBuffer` and `DataView`.
 */
export const richCodecs: readonly PayloadCodec[] = [
  { name: 'undefined', matches: (value) => value === undefined, encode: () => null, decode: () => undefined },
  {
    name: 'number',
    matches: (value) => typeof value === 'number' && nameOfNumber(value) !== undefined,
    encode: nameOfNumber,
    decode: (written) => oddNumbers.get(String(written)),
  },
  {
    name: 'bigint',
    matches: (value) => typeof value === 'bigint',
    encode: String,
    decode: (written) => BigInt(String(written)),
  },
  {
    name: 'Date',
    matches: is(Date),
    // What is no date is written as no number, and read back as no date.
    encode: (value) => (value as Date).getTime(),
    decode: (written) => new Date(Number(written)),
  },
  {
    name: 'Map',
    matches: is(Map),
    encode: (value) => [...(value as Map<unknown, unknown>)],
    decode: (written) => new Map(written as [unknown, unknown][]),
  },
  {
    name: 'Set',
    matches: is(Set),
    encode: (value) => [...(value as Set<unknown>)],
    decode: (written) => new Set(written as unknown[]),
  },
  {
    name: 'RegExp',
    matches: is(RegExp),
    encode: (value) => [(value as RegExp).source, (value as RegExp).flags],
    decode: (written) => new RegExp(...(written as [string, string])),
  },
  { name: 'URL', matches: is(URL), encode: String, decode: (written) => new URL(String(written)) },
  {
    name: 'Buffer',
    matches: (value) => Buffer.isBuffer(value),
    encode: (value) => bytesOf(value as Buffer),
    decode: (written) => Buffer.from(String(written), 'base64'),
  },
  ...(typedArrayCodecs as readonly PayloadCodec[]),
  {
    name: 'ArrayBuffer',
    matches: is(ArrayBuffer),
    encode: (value) => bytesOf(new Uint8Array(value as ArrayBuffer)),
    decode: bufferOf,
  },
  {
    name: 'DataView',
    matches: is(DataView),
    encode: (value) => bytesOf(value as DataView),
    decode: (written) => new DataView(bufferOf(written)),
  },
];
