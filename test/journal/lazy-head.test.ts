// A head that is listed lazily says what the whole one says, whatever stands in it.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeHead, headFrom } from '../../src/journal/head/head.ts';
import { LazyHead } from '../../src/journal/head/lazy-head.ts';
import type { Head, Version } from '../../src/journal/journal.ts';

const whole = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0, max: 10 ** 13 }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.MAX_SAFE_INTEGER, -1, 0.5) },
);
const head: fc.Arbitrary<Head> = fc.record(
  {
    stream: fc.constant('session/s'),
    version: fc.constantFrom('7', '9', '7-removed').map((text) => text as Version),
    seq: whole,
    firstSeq: whole,
    chain: fc.constantFrom('x'.repeat(43), ''),
    epoch: fc.nat(),
    status: fc.constantFrom('active', 'terminated', 'a,b', 'é{', 'a"b', '\\'),
    updatedAt: whole,
    dueAt: fc.option(whole),
    operations: fc.nat(),
    summary: fc.oneof(
      fc.constantFrom(null, {}, [], '{', 5),
      fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.constant(null)), {
        noNullPrototype: true,
      }),
    ),
  },
  { noNullPrototype: true },
);

const textOf = (of: Head): string => (encodeHead(of).value ?? '').slice(43);

test('it says the same, member by member, or is not read lazily at all', () => {
  let read = 0;
  fc.assert(
    fc.property(head, (of) => {
      const expected = headFrom(of.stream, textOf(of));
      const lazy = LazyHead.from(of.stream, textOf(of));
      if (lazy === undefined) return;
      read += 1;
      for (const member of Object.keys(expected) as (keyof Head)[])
        expect(lazy[member]).toEqual(expected[member]);
      expect(JSON.parse(lazy.summaryText)).toEqual(expected.summary);
    }),
    { numRuns: 500, seed: 7 },
  );
  expect(read).toBeGreaterThan(50);
});
