// Ids: what is one, how a new one looks, and that one key always leads to the same one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/base/hash.ts';
import { assertId, idFromKey, idPattern, randomId, randomSalt } from '../../src/base/ids.ts';

describe('an id', () => {
  test.each(['a', 'A-1_b', '0', 'x'.repeat(64)])('may be %s', (id) => {
    expect(assertId(id)).toBe(id);
  });

  const bad: unknown[] = [
    ...['', '-a', '_a', 'a b', 'a/b', '../a', 'a.b', 'a!b', 'ä', 'a\n', '\ud800', 'x'.repeat(65)],
    ...[undefined, null, 1, {}, ['a'], Symbol('a'), Object.create(null)],
  ];
  test.each(bad.map((value) => [value]))('may not be %j, and what was given is said', (value) => {
    expect(() => assertId(value)).toThrow(expect.objectContaining({ code: 'INVALID_ID' }));
  });

  test.each<[string, unknown]>([
    ['an object', {}],
    ['an array', ['a']],
    ['a number', 1],
    ['a function', () => 'a'],
    ['null', null],
  ])('of a wrong type is told as %s', (type, value) => {
    expect(() => assertId(value)).toThrow(`${type} is not a valid id: `);
  });

  test('that is new is valid, long enough, and not the last one', () => {
    const ids = Array.from({ length: 2_000 }, randomId);
    expect(ids.filter((id) => !idPattern.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids.map(({ length }) => length))).toEqual(new Set([21]));
    expect(randomSalt()).not.toBe(randomSalt());
  });

  test('that comes from a key is valid and always the same, and another for another key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(assertId(idFromKey(a))).toBe(idFromKey(a));
        expect(idFromKey(a) === idFromKey(b)).toBe(a === b);
      }),
    );
  });
});

describe('the digest', () => {
  test('is SHA-256 in base64url', () => {
    expect(sha256('')).toBe('47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU');
    expect(sha256('ä')).toHaveLength(43);
  });
});
