// The append list against an array, with every older version looked at again at the end.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppendList } from '../../src/base/append-list.ts';

interface Version {
  readonly list: AppendList<number>;
  readonly model: readonly number[];
}

/** Each change is made to one of the versions so far, not only to the newest. */
const change = fc.record({
  version: fc.nat(),
  kind: fc.constantFrom('append', 'append', 'append', 'drop'),
  value: fc.nat(8),
});

function expectEqual({ list, model }: Version): void {
  expect(list.length).toBe(model.length);
  expect(list.toArray()).toEqual(model);
  for (let index = -1; index <= model.length; index++) expect(list.at(index)).toBe(model[index]);
}

describe('an append list', () => {
  test('is an array to whoever reads it, and older versions stay as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.array(change, { maxLength: 60 }), (items, changes) => {
        const versions: Version[] = [{ list: AppendList.of(items), model: items }];
        for (const { version, kind, value } of changes) {
          const { list, model } = versions[version % versions.length] ?? {
            list: AppendList.empty,
            model: [],
          };
          versions.push(
            kind === 'append'
              ? { list: list.append(value), model: [...model, value] }
              : { list: list.dropFirst(value), model: model.slice(value) },
          );
        }
        for (const version of versions) expectEqual(version);
      }),
      { numRuns: 500 },
    );
  });

  test('does not see later changes of the array that it was made of', () => {
    const items = [1, 2];
    const list = AppendList.of(items);
    items.push(3);
    expect(list.append(4).toArray()).toEqual([1, 2, 4]);
    expect(items).toEqual([1, 2, 3]);
  });

  test('gives an array that is the reader’s own', () => {
    const list = AppendList.of([1, 2]);
    list.toArray().push(3);
    expect(list.toArray()).toEqual([1, 2]);
  });

  test('that is empty is one for all, and stays empty', () => {
    const one = (AppendList.empty as AppendList<number>).append(1);
    expect(one.dropFirst(1)).toBe(AppendList.empty);
    expect(AppendList.of([])).toBe(AppendList.empty);
    expect(AppendList.empty.length).toBe(0);
    expect(one.toArray()).toEqual([1]);
  });

  test('brings back nothing that was dropped', () => {
    const list = AppendList.of([1, 2, 3, 4, 5, 6]).dropFirst(2);
    expect(list.dropFirst(-1).toArray()).toEqual([3, 4, 5, 6]);
    expect(list.at(-1)).toBeUndefined();
  });
});
