// The sharded map against a Map, with every older version looked at again at the end.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ShardedMap } from '../../src/base/sharded-map.ts';

interface Version {
  readonly map: ShardedMap<number | undefined>;
  readonly model: ReadonlyMap<string, number | undefined>;
}

const nothing: Version = { map: ShardedMap.empty, model: new Map() };

const names = ['', 'a', 'b', 'aa', '__proto__', 'constructor', 'toString', 'ä', '\ud800', 'x'.repeat(200)];
const change = fc.record({
  version: fc.nat(),
  kind: fc.constantFrom('set', 'set', 'delete'),
  key: fc.oneof(fc.constantFrom(...names), fc.string()),
  value: fc.option(fc.integer(), { nil: undefined }),
});

function expectEqual({ map, model }: Version): void {
  expect(map.size).toBe(model.size);
  expect(new Map(map.entries())).toEqual(model);
  for (const key of [...names, ...model.keys()]) {
    expect(map.get(key)).toBe(model.get(key));
    expect(map.has(key)).toBe(model.has(key));
  }
}

describe('a sharded map', () => {
  test('is a Map to whoever reads it, and older versions stay as they were', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60, size: 'max' }), (changes) => {
        const versions: Version[] = [nothing];
        for (const { version, kind, key, value } of changes) {
          const { map, model } = versions[version % versions.length] ?? nothing;
          const next = new Map(model);
          if (kind === 'set') next.set(key, value);
          else next.delete(key);
          versions.push({ map: kind === 'set' ? map.set(key, value) : map.delete(key), model: next });
        }
        for (const version of versions) expectEqual(version);
      }),
      { numRuns: 80 },
    );
  });

  test('holds the last of the entries that it is made of', () => {
    const entries = Array.from({ length: 500 }, (_, i) => [`key${i % 400}`, i] as const);
    const map = ShardedMap.of(entries);
    expect(map.size).toBe(400);
    expect(new Map(map.entries())).toEqual(new Map(entries));
  });

  test('is itself after a deletion of nothing, and the empty one after the last', () => {
    const map = ShardedMap.of([['a', 1]]);
    expect(map.delete('b')).toBe(map);
    expect(map.delete('a')).toBe(ShardedMap.empty);
    expect([...ShardedMap.empty.entries()]).toEqual([]);
  });
});
