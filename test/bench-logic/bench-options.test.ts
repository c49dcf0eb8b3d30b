// What the bench refuses to be asked.
import { expect, test } from 'vitest';
import { readOptions, UsageError } from '../bench/bench-options.ts';
import { readScaleOptions } from '../bench/scale-options.ts';

test('without options it measures five rounds over 2,000 sessions and a start of 100,000', () => {
  expect(readOptions([])).toMatchObject({
    rounds: 5,
    sessions: 2000,
    stored: 100_000,
    quick: false,
    assert: false,
  });
});

test.each([
  ['fewer than five rounds', ['--rounds', '4']],
  ['fewer than 1,000 sessions', ['--sessions', '999']],
  ['a number that is none', ['--rounds', 'many']],
  ['a number that is not whole', ['--messages', '1.5']],
  ['an option that there is not', ['--fast']],
])('%s is refused', (_, args) => {
  expect(() => readOptions(args)).toThrow(UsageError);
});

test('a smoke run may be smaller', () => {
  expect(readOptions(['--quick', '--rounds', '1', '--sessions', '10'])).toMatchObject({
    rounds: 1,
    sessions: 10,
  });
  expect(readOptions(['--quick'])).toMatchObject({ rounds: 2, stored: 20_000 });
});

test('the scale needs rounds too, and sizes that leave sessions to wake', () => {
  expect(() => readScaleOptions(['--rounds', '3'])).toThrow(UsageError);
  expect(() => readScaleOptions(['--sizes', '999'])).toThrow(UsageError);
  expect(() => readScaleOptions(['--sizes', '1000', '--rounds', '10'])).toThrow(UsageError);
  expect(readScaleOptions(['--sizes', '1000,5000']).sizes).toEqual([1000, 5000]);
});

test('a smoke run of the scale leaves the picture of the documents alone', () => {
  expect(readScaleOptions(['--quick']).svg).toBeUndefined();
  expect(readScaleOptions([]).svg).toBe('docs/performance-scale.svg');
});
