// Items sorted by a number stand as a sort by a function would have them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sortedByNumber } from '../../src/projection/sorted-by-number.ts';

interface Item {
  readonly at: number;
  readonly id: number;
}

const compare = (a: Item, b: Item): number => a.at - b.at || a.id - b.id;

test('however near or far apart the numbers are', () => {
  const at = fc.oneof(
    fc.nat(3),
    fc.integer({ min: 1_795_000_000_000, max: 1_795_000_000_009 }),
    fc.constantFrom(0, Number.MAX_SAFE_INTEGER, -1_000),
  );
  const items = fc.uniqueArray(fc.record({ at, id: fc.nat() }), { selector: ({ id }) => id, maxLength: 60 });
  fc.assert(
    fc.property(items, (all) => {
      expect(sortedByNumber(all, (item) => item.at, compare)).toEqual(all.toSorted(compare));
    }),
    { numRuns: 300, seed: 7 },
  );
});
