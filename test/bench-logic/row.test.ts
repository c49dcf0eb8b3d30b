// How the two sides of a row are set against each other, and what keeps a limit.
import { describe, expect, test } from 'vitest';
import { compareRows } from '../bench/comparison.ts';
import { summarize } from '../bench/measure.ts';
import { hasPeerMissed } from '../bench/report.ts';
import { hasMissed, type Judging, type Row, rowOf, timedSide, verdictOf } from '../bench/row.ts';

const side = (...rounds: readonly number[]) =>
  timedSide(
    'a side',
    'memory',
    rounds.map((wallUs) => ({ wallUs, cpuUs: wallUs * 2, gcs: 1, gcMs: 3 })),
  );

const row = (judging: Judging, product: readonly number[], floor: readonly number[], must = 1): Row =>
  rowOf({
    ...{ id: 'row', name: 'a row', unit: 'us', judging, notes: [], limit: { must, aim: must } },
    product: side(...product),
    floor: side(...floor),
  });

describe('a figure', () => {
  test.each([
    ['rate', 0.5],
    ['times', 2],
    ['more', 10],
    ['cost', 20],
  ] as const)('judged as %s sets 20 against 10', (judging, figure) => {
    expect(row(judging, [20], [10]).figure.median).toBe(figure);
  });

  test('is taken round by round, so that a slow minute slows both sides', () => {
    const { figure } = row('times', [20, 200, 30], [10, 100, 10]);
    expect(figure.rounds).toEqual([2, 2, 3]);
    expect([figure.median, figure.lowest, figure.highest]).toEqual([2, 2, 3]);
  });
});

describe('a limit', () => {
  test('of a rate is kept from below, every other one from above', () => {
    expect(verdictOf('rate', 0.39, 0.4)).toBe('missed');
    expect(verdictOf('rate', 0.4, 0.4)).toBe('ok');
    expect(verdictOf('times', 2, 2)).toBe('ok');
    expect(verdictOf('times', 2.01, 2)).toBe('missed');
  });

  test('that was not measured is missed', () => {
    expect(verdictOf('rate', Number.NaN, 0.4)).toBe('missed');
    expect(verdictOf('cost', Number.NaN, 0.4)).toBe('missed');
  });

  test('is judged by the median', () => {
    expect(hasMissed(row('times', [9, 9, 90], [10, 10, 10]))).toBe(false);
    expect(hasMissed(row('times', [9, 90, 90], [10, 10, 10]))).toBe(true);
  });

  test('of a peer is kept from below', () => {
    const peer = (must?: number) => ({
      ...{ name: 'p', unit: 'us' as const, product: summarize([1]), productDurability: 'fsync' },
      ...{ peerName: 'q', peer: summarize([60]), peerDurability: 'fsync', ratio: summarize([60]) },
      ...(must !== undefined && { must }),
    });
    expect(hasPeerMissed(peer(60))).toBe(false);
    expect(hasPeerMissed(peer(61))).toBe(true);
    expect(hasPeerMissed(peer())).toBe(false);
  });
});

test('a side that is judged by its CPU time tells its wall time beside it', () => {
  const judged = timedSide('a side', 'memory', [{ wallUs: 1, cpuUs: 2, gcs: 0, gcMs: 0 }], 'cpu');
  expect(judged.cost.median).toBe(2);
  expect(judged.details['us wall']?.median).toBe(1);
});

test('the median of an even number of rounds is the lower of the two in the middle', () => {
  expect(summarize([4, 1, 3, 2]).median).toBe(2);
});

describe('a comparison', () => {
  const changeOf = (judging: Judging, before: readonly number[], after: readonly number[]) => {
    const ones = before.map(() => 1);
    return compareRows([row(judging, before, ones)], [row(judging, after, ones)])[0];
  };

  test('of ranges that overlap sees no change', () => {
    expect(changeOf('times', [1, 2, 3], [3, 4, 5])?.kind).toBe('no visible change');
  });

  test('says what has become better and what worse, and by how much', () => {
    expect(changeOf('times', [2, 2, 2], [1, 1, 1])).toMatchObject({ kind: 'better', percent: -50 });
    expect(changeOf('times', [1, 1, 1], [2, 2, 2])).toMatchObject({ kind: 'worse', percent: 100 });
    expect(changeOf('rate', [2, 2, 2], [1, 1, 1])).toMatchObject({ kind: 'better', percent: 100 });
  });

  test('leaves out what was not measured before', () => {
    expect(compareRows([], [row('times', [1], [1])])).toEqual([]);
  });
});
