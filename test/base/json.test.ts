// JSON as the house keeps it: what comes in is plain, frozen and bounded, and equal values have one canonical text.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HoldfastError } from '../../src/base/errors.ts';
import {
  canonicalJson,
  deepFreeze,
  fitsBytes,
  maxDepth,
  maxTextLength,
  plainJson,
} from '../../src/base/json.ts';

class Point {
  readonly x = 1;
}

class Points extends Array<Point> {}

function argumentsOf(..._: readonly number[]): IArguments {
  // biome-ignore lint/complexity/noArguments: they are what is refused
  return arguments;
}

const loop: Record<string, unknown> = { list: [1] };
loop.within = { list: [{ loop }] };
const ring: unknown[] = [];
ring.push([ring]);

const json = fc.jsonValue({ stringUnit: 'binary' });

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

function refusalOf(value: unknown): HoldfastError {
  try {
    plainJson(value);
  } catch (error) {
    if (HoldfastError.is(error)) return error;
  }
  throw new Error('it was not refused');
}

describe('plainJson', () => {
  test('copies anything that is JSON, and says the same as JSON would', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.stringify(plainJson(value))).toBe(JSON.stringify(value));
      }),
    );
  });

  test('freezes the copy all the way down and leaves the original as it was', () => {
    const original = { list: [{ a: 1 }], b: { c: {} } };
    const copy = plainJson(original) as typeof original;
    const parts = [copy, copy.list, copy.list[0], copy.b, copy.b.c];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
    expect(Object.isFrozen(original)).toBe(false);
    original.list.push({ a: 2 });
    expect(copy.list).toEqual([{ a: 1 }]);
  });

  test.each<[string, unknown, string]>([
    ['undefined', undefined, '$'],
    ['a function', () => 1, '$'],
    ['a symbol', Symbol('s'), '$'],
    ['a bigint', 1n, '$'],
    ['NaN', Number.NaN, '$'],
    ['an infinity', Number.NEGATIVE_INFINITY, '$'],
    ['a Date', new Date(0), '$'],
    ['a Map', new Map(), '$'],
    ['a Buffer', Buffer.from('x'), '$'],
    ['an Error', new Error('x'), '$'],
    ['a boxed text', new String('x'), '$'],
    ['an instance of a class', new Point(), '$'],
    ['an instance of a class that is an array', { a: new Points() }, '$.a'],
    ['an array without a prototype', Object.setPrototypeOf([], null), '$'],
    ['arguments', { a: argumentsOf(1) }, '$.a'],
    ['an object that is iterable', { [Symbol.iterator]: () => [].values() }, '$'],
    ['an object that contains itself', { a: [loop] }, '$.a[0].within.list[0].loop'],
    ['an array that contains itself', ring, '$[0][0]'],
    ['an object with a prototype of its own', Object.create({ inherited: 1 }), '$'],
    ['an array with a hole', new Array(2), '$[0]'],
    ['an array with undefined', [undefined], '$[0]'],
    ['a method', { toJSON: () => 1 }, '$.toJSON'],
    ['something deep within', { a: [{ b: new Point() }] }, '$.a[0].b'],
  ])('refuses %s and says where it stands', (_, value, path) => {
    expect(() => plainJson(value)).toThrow(expect.objectContaining({ code: 'NOT_JSON' }));
    expect(() => plainJson(value)).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ path }) }),
    );
  });

  test('names the path from where it is told to begin', () => {
    expect(() => plainJson({ a: Number.NaN }, 'metadata')).toThrow('metadata.a');
  });

  test('leaves out members that are undefined or stand under a symbol, as JSON does', () => {
    expect(plainJson({ a: undefined, b: 1, [Symbol('s')]: 2 })).toStrictEqual({ b: 1 });
  });

  test('takes an object without a prototype, and gives minus zero as zero', () => {
    const bare = Object.assign(Object.create(null), { n: -0 });
    expect(plainJson(bare)).toStrictEqual({ n: 0 });
  });

  test('keeps a member named __proto__ as data and touches no prototype', () => {
    const text = '{"a":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}}';
    const copy = plainJson(JSON.parse(text)) as { a: object };
    expect(JSON.stringify(copy)).toBe(text);
    expect(Object.getPrototypeOf(copy.a)).toBe(Object.prototype);
    expect(Object.keys(copy.a)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(plainJson(JSON.parse('{"__proto__":null}'))).not.toBe(null);
  });

  test('leaves out what is not enumerable, and what an array has beside its elements, as JSON does', () => {
    const hidden = Object.defineProperty({ b: 1 }, 'a', { value: 2 });
    expect(plainJson([hidden, 'ab'.match(/b/), Object.assign([1], { extra: 2 })])).toStrictEqual([
      { b: 1 },
      ['b'],
      [1],
    ]);
  });

  test('says of what contains itself where it stands once more, and of what is only deep that', () => {
    const { message } = refusalOf({ a: [loop], b: nested(100) });
    expect(message).toContain('$.a[0].within.list[0].loop');
    expect(message).toContain('it contains itself');
    expect(refusalOf({ a: nested(100), b: loop })).toMatchObject({ code: 'TOO_DEEP' });
  });

  test('takes what it holds twice, but not within itself', () => {
    const shared = { x: 1 };
    expect(plainJson({ a: shared, b: [shared, shared] })).toStrictEqual({ a: shared, b: [shared, shared] });
    expect(refusalOf({ a: [shared], b: shared, c: nested(100) })).toMatchObject({ code: 'TOO_DEEP' });
  });

  test('takes what is nested as deep as the limit, and refuses one level more', () => {
    expect(JSON.stringify(plainJson(nested(maxDepth)))).toBe(JSON.stringify(nested(maxDepth)));
    const tooDeep = expect.objectContaining({ code: 'TOO_DEEP' });
    expect(() => plainJson(nested(maxDepth + 1))).toThrow(tooDeep);
    expect(() => plainJson(nested(50_000))).toThrow(tooDeep);
  });

  test('refuses a text over the limit', () => {
    const longest = 'x'.repeat(maxTextLength);
    expect(plainJson(longest)).toBe(longest);
    expect(() => plainJson([`${longest}x`])).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
  });
});

describe('canonicalJson', () => {
  /** The same value with the members of each object set in another order. */
  function reordered(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(reordered);
    if (value === null || typeof value !== 'object') return value;
    const members = Object.entries(value).map(([key, member]) => [key, reordered(member)]);
    return Object.fromEntries(members.reverse());
  }

  test('is the same for equal values, whatever the order of their members', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reordered(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('is JSON of the same value, so that different values have different texts', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test('leaves out undefined members, and writes undefined elements as null', () => {
    expect(canonicalJson({ b: [undefined, 1], a: undefined })).toBe('{"b":[null,1]}');
    expect(canonicalJson(undefined)).toBe('null');
  });

  test('keeps a member named __proto__', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":1}}'))).toBe('{"__proto__":{"a":1},"b":1}');
  });
});

describe('fitsBytes', () => {
  test('says what counting the bytes would say', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(60), (text, limit) => {
        expect(fitsBytes(text, limit)).toBe(Buffer.byteLength(text) <= limit);
      }),
    );
  });
});

describe('deepFreeze', () => {
  test('freezes what was parsed, all the way down', () => {
    const parsed = deepFreeze(JSON.parse('{"a":[{"b":{}}],"__proto__":{"c":[]}}'));
    const walk = (value: unknown): boolean =>
      value === null ||
      typeof value !== 'object' ||
      (Object.isFrozen(value) && Object.values(value).every(walk));
    expect(walk(parsed)).toBe(true);
  });
});
