// The gate's judgement: a row is slower only when every repeat says so.
import { expect, test } from 'vitest';
import { judge, judgeAll, ratiosOfRepeats } from '../bench/gate-verdict.ts';

test('a row of which all three repeats fall below 0.7 of what is stored is slower', () => {
  expect(judge('send', 1, [0.69, 0.5, 0.6])).toEqual({
    id: 'send',
    stored: 1,
    seen: [0.69, 0.5, 0.6],
    verdict: 'slower',
  });
});

test('one repeat at the threshold saves a row: the machine was busy in the others', () => {
  expect(judge('send', 0.5, [0.1, 0.35, 0.1]).verdict).toBe('ok');
  expect(judge('send', 0.5, [0.1, 0.349, 0.1]).verdict).toBe('slower');
});

test('a repeat that has no figure saves nothing', () => {
  expect(judge('send', 1, [Number.NaN, 0.5, 0.5]).verdict).toBe('slower');
});

test('fewer than three repeats show nothing, however good they are', () => {
  expect(judge('send', 1, [1, 1]).verdict).toBe('not measured');
});

test('a repeat sets the cheapest of three rounds of one side against that of the other', () => {
  expect(ratiosOfRepeats([20, 90, 40, 10, 10, 10], [10, 50, 60, 5, 4, 3])).toEqual([0.5, 0.3]);
});

test('rounds that make no whole repeat are left out', () => {
  expect(ratiosOfRepeats([1, 1, 1, 1], [1, 1, 1, 1])).toEqual([1]);
});

test('a row that only one of measurement and baseline has is named', () => {
  const verdicts = judgeAll(
    { gone: 1, kept: 1 },
    new Map([
      ['kept', [1, 1, 1]],
      ['new', [1, 1, 1]],
    ]),
  );
  expect(verdicts.map(({ id, verdict }) => [id, verdict])).toEqual([
    ['kept', 'ok'],
    ['new', 'not stored'],
    ['gone', 'not measured'],
  ]);
});
