// The law of shared context against a model that is simple enough to be read, by random lives; and its edges one by one.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SpaceLife } from '../support/space-life.ts';
import { liveAsModelled, spaceMoves } from '../support/space-model.ts';

test('whatever is done to a space, it stands where the model does, and its events lead there again', () => {
  fc.assert(fc.property(spaceMoves, liveAsModelled), { numRuns: 300 });
});

test('a key has the rule of its own, then that of the longest prefix, and the last write wins where there is none', () => {
  const life = new SpaceLife([
    { prefix: '', policy: 'manual' },
    { prefix: 'log/', policy: 'append-only' },
    { key: 'log/n', policy: 'counter' },
    { prefix: 'log/s', policy: 'set' },
  ]);
  const outcomeOf = (key: string, value: unknown) => life.write({ op: 'set', key, value: value as string });
  expect(outcomeOf('log/n', 'text').code).toBe('POLICY_MISMATCH');
  expect(outcomeOf('log/any', 1).code).toBe('POLICY_MISMATCH');
  outcomeOf('log/set', ['b', 'a', 'b']);
  expect(life.valueOf('log/set')).toEqual(['a', 'b']);
  const { version } = outcomeOf('other', 1);
  outcomeOf('other', 2);
  const late = {
    op: 'set',
    key: 'other',
    value: 3,
    baseVersion: Number(version),
    base: { value: 1 },
  } as const;
  expect(life.write(late).outcome).toBe('conflict');
});

test('a version that nobody can have seen yet is refused, also for what builds on whatever is there', () => {
  const life = new SpaceLife([]);
  life.write({ op: 'set', key: 'k', value: 1 });
  const ahead = { baseVersion: life.seq + 1, base: { value: 1 } };
  expect(life.write({ op: 'set', key: 'k', value: 2, ...ahead }).code).toBe('VERSION_CONFLICT');
  expect(life.write({ op: 'increment', key: 'k', by: 2, ...ahead }).code).toBe('VERSION_CONFLICT');
});

test('a late write whose base is not kept any more is never guessed: it is merged where no base is needed, or waits', () => {
  const policies = ['counter', 'set', 'append-only', 'deep-merge', 'three-way', 'last-write-wins'] as const;
  const values = {
    counter: [1, 5, 9],
    set: [['a'], ['a', 'b'], ['c']],
    'append-only': [['a'], ['a', 'b'], ['a', 'c']],
    'deep-merge': [{ a: 1 }, { a: 2 }, { b: 3 }],
    'three-way': [{ a: 1 }, { a: 2 }, { a: 1, b: 3 }],
    'last-write-wins': [1, 2, 3],
  };
  const life = new SpaceLife(policies.map((policy) => ({ key: policy, policy })));
  const outcomes = policies.map((key) => {
    const [base, theirs, mine] = values[key].map((value) => value as unknown as string);
    const { version } = life.write({ op: 'set', key, value: base ?? '' });
    life.write({ op: 'set', key, value: theirs ?? '' });
    const told = life.write({
      op: 'set',
      key,
      value: mine ?? '',
      baseVersion: Number(version),
      base: undefined,
    });
    return [key, told.outcome, life.valueOf(key)];
  });
  expect(outcomes).toEqual([
    ['counter', 'conflict', 5],
    ['set', 'merged', ['a', 'b', 'c']],
    ['append-only', 'merged', ['a', 'b', 'c']],
    ['deep-merge', 'merged', { a: 2, b: 3 }],
    ['three-way', 'conflict', { a: 2 }],
    ['last-write-wins', 'merged', 3],
  ]);
  expect(life.state.conflicts.map(({ base }) => base.isKnown)).toEqual([false, false]);
});

test('what was deleted long ago is forgotten when it is too much, and a rollback says so', () => {
  const life = new SpaceLife([]);
  for (let n = 0; n < 1_001; n++) {
    life.write({ op: 'set', key: `k${n}`, value: n });
    life.write({ op: 'delete', key: `k${n}` });
  }
  expect(life.state.entries.size).toBe(501);
  const early = {
    type: 'space.rollback',
    by: 'a',
    cause: null,
    key: null,
    to: 10,
    values: new Map(),
  } as const;
  expect(life.send(early).code).toBe('VERSION_NOT_KEPT');
  expect(life.state.keys).toBe(0);
  expect(life.replayed).toBe(life.text);
});
