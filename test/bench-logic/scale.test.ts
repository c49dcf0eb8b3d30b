// How flat a series is, and what its picture shows.
import { expect, test } from 'vitest';
import { summarize } from '../bench/measure.ts';
import { plotScale } from '../bench/scale-plot.ts';
import { flatness, growth, type ScaleSeries } from '../bench/scale-series.ts';

const series = (...costs: readonly (readonly number[])[]): ScaleSeries => ({
  ...{
    id: 'send',
    name: 'send & read',
    by: 'sessions',
    unit: 'us',
    durability: 'fsync',
    judged: true,
    note: '',
  },
  points: costs.map((rounds, i) => ({ size: 1000 * 10 ** i, cost: summarize(rounds) })),
});

test('growth is the cost over that at the smallest size, round by round', () => {
  const grown = growth(series([10, 20, 30], [20, 40, 30]));
  expect(grown.map(({ size, ratio }) => [size, ratio.rounds])).toEqual([
    [1000, [1, 1, 1]],
    [10_000, [2, 2, 1]],
  ]);
});

test('flatness is the largest growth, wherever it is; what becomes cheaper is flat', () => {
  expect(flatness(series([10], [30], [20]))).toBe(3);
  expect(flatness(series([10], [5], [2]))).toBe(1);
});

test('the growth of CPU time is told apart from that of the cost', () => {
  const points = [10, 20].map((us, i) => ({ size: i + 1, cost: summarize([10]), cpu: summarize([us]) }));
  expect([flatness({ points }), flatness({ points }, 'cpu')]).toEqual([1, 2]);
});

test('a picture has a line for each series of two sizes or more, and a panel for each kind that has one', () => {
  const talk = { ...series([1], [2]), by: 'messages' as const };
  const svg = plotScale([series([1], [2]), series([1], [1.2]), series([1]), talk]);
  expect(svg.match(/<polyline/g)).toHaveLength(3);
  expect(svg).toContain('by number of sessions');
  expect(svg).toContain('by messages of a conversation');
});

test('sizes stand on a logarithmic axis, costs on a straight one from 0', () => {
  const svg = plotScale([series([1], [1], [2])]);
  expect(svg).toContain('points="0,130 200,130 400,0"');
});

test('a picture is well-formed though a name holds characters of markup', () => {
  const svg = plotScale([series([1], [2])]);
  expect(svg).toContain('send &amp; read');
  expect(svg).not.toMatch(/NaN|undefined/);
});
