// Sorted lists against an array that is sorted each time; and how few comparisons a change costs.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedList } from '../../src/projection/sorted-list.ts';

const byNumber = (a: number, b: number): number => a - b;

test('whatever is added and deleted, it reads like a sorted array, from any place and in both directions', () => {
  const change = fc.record({
    add: fc.boolean(),
    from: fc.nat(3_000),
    count: fc.integer({ min: 1, max: 900 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), fc.nat(3_900), (changes, place) => {
      const list = new SortedList(byNumber);
      const model = new Set<number>();
      for (const { add, from, count } of changes) {
        for (let i = 0; i < count; i++) {
          // Neither ascending nor descending, each once.
          const item = from + ((i * 389) % count);
          if (add && !model.has(item)) list.add(item);
          if (!add) expect(list.delete(item)).toBe(model.has(item));
          if (add) model.add(item);
          else model.delete(item);
        }
      }
      const sorted = [...model].sort(byNumber);
      expect(list.size).toBe(sorted.length);
      expect([...list.upward()]).toEqual(sorted);
      expect([...list.downward()]).toEqual(sorted.toReversed());
      expect([...list.upward((item) => item < place)]).toEqual(sorted.filter((item) => item >= place));
      expect([...list.downward((item) => item < place)]).toEqual(
        sorted.filter((item) => item < place).reverse(),
      );
    }),
    { numRuns: 120, seed: 7 },
  );
});

test('a change among 100,000 costs some forty comparisons, wherever it is', () => {
  let comparisons = 0;
  const list = new SortedList<number>((a, b) => {
    comparisons += 1;
    return a - b;
  });
  for (let i = 0; i < 100_000; i++) list.add(i * 2);
  for (const item of [1, 99_999, 150_001, 199_999]) {
    comparisons = 0;
    list.add(item);
    expect(list.delete(item)).toBe(true);
    expect(comparisons).toBeLessThan(80);
  }
});
