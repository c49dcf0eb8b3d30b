// What the merge policies promise, as laws: the same for the same input, nothing lost, and where a policy says so, the same
// whatever the order in which the writes arrive.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, type Json } from '../../src/base/json.ts';
import { deepMerge, listUnion, mergePatch, threeWay } from '../../src/domain/json-merge.ts';
import { builtInPolicies, type MergePolicy, merge } from '../../src/domain/space/merge-policies.ts';
import { fitted } from '../../src/domain/space/space-values.ts';
import { SpaceLife } from '../support/space-life.ts';

const runs = { numRuns: 150 };

const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor');
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(null, true, 1, 2, 'x', 'y'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .uniqueArray(fc.tuple(name, tie('value')), { maxLength: 3, selector: ([key]) => key })
      .map((members) => Object.fromEntries(members) as Json),
  ),
})).value;
const object = fc
  .uniqueArray(fc.tuple(name, json), { maxLength: 4, selector: ([key]) => key })
  .map((members) => Object.fromEntries(members) as Json);
const item = fc.constantFrom<Json>('p', 'q', 'r', 1, null, ['p'], { p: 1 });
const list = fc.array(item, { maxLength: 6 });
const number = fc.integer({ min: -100, max: 100 });

/** The names of all members below objects, as paths. */
function pathsOf(value: Json, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, member]) => [
    `${path}/${key}`,
    ...pathsOf(member, `${path}/${key}`),
  ]);
}

const texts = (items: readonly Json[]): string[] => items.map((one) => canonicalJson(one));

test('every policy answers the same for the same input, changes none of it, and prefers nobody who agrees', () => {
  const policy = fc.constantFrom<MergePolicy>(...builtInPolicies);
  fc.assert(
    fc.property(policy, json, json, json, (chosen, base, mine, theirs) => {
      const input = { key: 'k', base, isBaseKnown: true, mine, theirs };
      const before = JSON.stringify(input);
      const once = merge(chosen, input, new Map());
      expect(merge(chosen, JSON.parse(before), new Map())).toEqual(once);
      expect(JSON.stringify(input)).toBe(before);
      const fit = fitted(chosen, undefined, theirs);
      const stands = 'value' in fit ? fit.value : undefined;
      const agreed = merge(chosen, { ...input, base: stands, mine: stands, theirs: stands }, new Map());
      if (stands !== undefined) expect(agreed).toEqual({ value: stands });
    }),
    runs,
  );
});

describe('deep merge', () => {
  test('loses no key of either side, and makes up none', () => {
    fc.assert(
      fc.property(json, json, (earlier, later) => {
        const both = new Set([...pathsOf(earlier), ...pathsOf(later)]);
        const merged = pathsOf(deepMerge(earlier, later));
        if (!Array.isArray(earlier) && !Array.isArray(later)) expect(new Set(merged)).toEqual(both);
        for (const path of merged) expect(both).toContain(path);
      }),
      runs,
    );
  });

  test('has the same keys whatever the order in which values arrive', () => {
    fc.assert(
      fc.property(fc.array(object, { minLength: 2, maxLength: 4 }), fc.nat(), (values, turn) => {
        const turned = [...values.slice(turn % values.length), ...values.slice(0, turn % values.length)];
        const mergedPaths = (all: readonly Json[]) => pathsOf(all.reduce(deepMerge)).sort();
        expect(mergedPaths(turned)).toEqual(mergedPaths(values));
        expect(mergedPaths([...values].reverse())).toEqual(mergedPaths(values));
      }),
      runs,
    );
  });

  test('of what both hold at one place the later stands, and lists become one', () => {
    expect(deepMerge({ a: { b: 1, c: [1, 2] }, d: 4 }, { a: { b: 2, c: [2, 3] } })).toEqual({
      a: { b: 2, c: [1, 2, 3] },
      d: 4,
    });
  });
});

test('the union of two lists keeps the order of both: the first as it is, behind it what is new, each once', () => {
  fc.assert(
    fc.property(list, list, (first, second) => {
      const union = listUnion(first, second);
      expect(union.slice(0, first.length)).toEqual(first);
      const known = new Set(texts(first));
      const fresh = [...new Set(texts(second))].filter((text) => !known.has(text));
      expect(texts(union.slice(first.length))).toEqual(fresh);
    }),
    runs,
  );
});

/** Writers who all saw the same base, heard in the order of their places. */
function deliver(policy: MergePolicy, base: Json, values: readonly Json[], order: readonly number[]): Json {
  const life = new SpaceLife([{ key: 'k', policy }]);
  const { version } = life.write({ op: 'set', key: 'k', value: base });
  const seen = life.valueOf('k') as Json;
  for (const place of order) {
    const value = values[place] ?? null;
    const told = life.write({
      op: 'set',
      key: 'k',
      value,
      baseVersion: Number(version),
      base: { value: seen },
    });
    expect(told.code).toBeUndefined();
  }
  expect(life.replayed).toBe(life.text);
  return life.valueOf('k') as Json;
}

const inOrder = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<readonly [readonly T[], readonly number[]]> =>
  fc.array(value, { minLength: 1, maxLength: 5 }).chain((values) => {
    const places = values.map((_, place) => place);
    const shuffled = fc.shuffledSubarray(places, { minLength: values.length });
    return fc.tuple(fc.constant(values), shuffled);
  });

describe('in whatever order late writes arrive,', () => {
  test('a counter is the base and all that was added to it', () => {
    fc.assert(
      fc.property(number, inOrder(number), (base, [added, order]) => {
        const values = added.map((by) => base + by);
        expect(deliver('counter', base, values, order)).toBe(added.reduce((sum, by) => sum + by, base));
      }),
      runs,
    );
  });

  test('a set is the base, without what anybody removed, with what anybody added', () => {
    fc.assert(
      fc.property(list, inOrder(list), (base, [values, order]) => {
        const straight = deliver('set', base, values, [...order].sort());
        expect(deliver('set', base, values, order)).toEqual(straight);
        const has = (items: readonly Json[], text: string) => texts(items).includes(text);
        const all = new Set(texts([...base, ...values.flat()]));
        const expected = [...all].filter((text) =>
          has(base, text) ? values.every((items) => has(items, text)) : true,
        );
        expect(texts(straight as readonly Json[])).toEqual(expected.sort());
      }),
      runs,
    );
  });

  test('a list that is appended to has what each appended, whole and in its order, the base first', () => {
    fc.assert(
      fc.property(
        list,
        inOrder(fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 3 })),
        (base, [added, order]) => {
          // Each author's items are marked, so that two that are equal can be told apart.
          const marked = added.map((items, author) => items.map((one) => `${author}:${one}`));
          const values = marked.map((items) => [...base, ...items]);
          const merged = deliver('append-only', base, values, order);
          expect(merged).toEqual([...base, ...order.flatMap((author) => marked[author] ?? [])]);
        },
      ),
      runs,
    );
  });

  test('changes of different members are all there after a three-way merge', () => {
    fc.assert(
      fc.property(inOrder(number), ([values, order]) => {
        const base = { kept: 0 };
        const changed = values.map((value, author) => ({ ...base, [`of ${author}`]: value }));
        const expected = Object.assign({ ...base }, ...changed);
        expect(deliver('three-way', base, changed, order)).toEqual(expected);
      }),
      runs,
    );
  });
});

describe('a three-way merge', () => {
  const merged = (base: Json | undefined, mine: Json | undefined, theirs: Json | undefined) => {
    const found = threeWay(base, mine, theirs);
    return found === undefined ? 'conflict' : found.value;
  };

  test('takes the side that changed, and is the same from either side', () => {
    fc.assert(
      fc.property(json, json, json, (base, mine, theirs) => {
        expect(merged(base, base, theirs)).toEqual(theirs);
        expect(merged(base, mine, base)).toEqual(mine);
        expect(merged(base, mine, mine)).toEqual(mine);
        expect(merged(base, mine, theirs)).toEqual(merged(base, theirs, mine));
      }),
      runs,
    );
  });

  test.each<[Json, Json, Json, unknown]>([
    [
      { a: 1, b: 1 },
      { a: 2, b: 1 },
      { a: 1, b: 2 },
      { a: 2, b: 2 },
    ],
    [{ a: 1, b: 1 }, { b: 1 }, { a: 1, b: 2 }, { b: 2 }],
    [{ a: 1 }, { a: 2 }, { a: 3 }, 'conflict'],
    [{ a: 1 }, {}, { a: 3 }, 'conflict'],
    [{ a: { x: 1 } }, { a: { x: 1, y: 1 } }, { a: { x: 1, z: 1 } }, { a: { x: 1, y: 1, z: 1 } }],
    [[1], [1, 2], [1, 3], 'conflict'],
    [1, 2, 3, 'conflict'],
  ])('of %j, %j and %j', (base, mine, theirs, expected) => {
    expect(merged(base, mine, theirs)).toEqual(expected);
  });
});

/** The examples of RFC 7396, appendix A. */
test.each<[Json, Json, Json]>([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('the patch of %j with %j is %j', (target, patch, expected) => {
  expect(mergePatch(target, patch)).toEqual(expected);
});
