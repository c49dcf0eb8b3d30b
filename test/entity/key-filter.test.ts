// A filter over keys may say yes too often, and never no to a key that was added: the disk is not asked then.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyFilter } from '../../src/entity/key-filter.ts';

const numbered = (count: number, prefix = 'key'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

const holding = (keys: readonly string[]): KeyFilter => {
  const filter = new KeyFilter();
  for (const key of keys) filter.add(key);
  return filter;
};

test('a key that was added is never denied', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { maxLength: 300 }), (keys) => {
      const filter = holding(keys);
      expect(keys.filter((key) => !filter.mayHave(key))).toEqual([]);
    }),
  );
});

test('a key that was never added is nearly always denied, also among thousands', () => {
  const filter = holding(numbered(10_000));
  expect(numbered(10_000, 'other').filter((key) => filter.mayHave(key)).length).toBeLessThan(10);
  expect(numbered(10_000).every((key) => filter.mayHave(key))).toBe(true);
});

test('the same key again takes no further place', () => {
  const filter = new KeyFilter();
  for (let i = 0; i < 100_000; i++) filter.add('key');
  expect(filter.mayHave('other')).toBe(false);
});

test('more keys than it holds make it deny none', () => {
  const filter = holding(numbered(20_000));
  expect(filter.mayHave('other')).toBe(true);
  expect(filter.mayHave('key-0')).toBe(true);
});
