// The storm breaker: below the limit nobody waits, above it all wait their turn, and nobody is refused.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StormBreaker } from '../../src/actor/storm-breaker.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

function breaker(active = 0) {
  const clock = manualClock(0);
  const world = { active };
  return { clock, world, breaker: new StormBreaker(clock, () => world.active) };
}

const paced = (of: StormBreaker, times: number): number[] => Array.from({ length: times }, () => of.pace());

describe('the limit', () => {
  test.each([
    [0, 100],
    [500, 100],
    [504, 100],
    [505, 101],
    [10_000, 2_000],
  ])('with %i active children is %i', (active, limit) => {
    const { breaker: storm } = breaker(active);
    expect(storm.limit).toBe(limit);
    expect(new Set(paced(storm, limit))).toEqual(new Set([0]));
    expect(storm.pace()).toBeGreaterThan(0);
  });

  test.each([
    [4_999, 50],
    [5_000, 50],
    [5_001, 0],
  ])('counts a restart that is %i ms old or not: the hundredth after it waits %i ms', async (ms, waits) => {
    const { breaker: storm, clock } = breaker();
    storm.pace();
    await clock.advance(ms);
    expect(paced(storm, 99)).toEqual(Array(99).fill(0));
    expect(storm.pace()).toBe(waits);
  });
});

describe('in a storm', () => {
  test('restarts are spread: a hundred in five seconds are one every fifty milliseconds', () => {
    const { breaker: storm } = breaker();
    paced(storm, 100);
    expect(paced(storm, 4)).toEqual([50, 100, 150, 200]);
  });

  test('more active children are spread less', () => {
    const { breaker: storm } = breaker(5_000);
    paced(storm, 1_000);
    expect(paced(storm, 4)).toEqual([5, 10, 15, 20]);
  });

  test('all are over in the time that the rate takes, and then nobody waits any more', async () => {
    const { breaker: storm, clock } = breaker();
    paced(storm, 1_099);
    expect(storm.pace()).toBe(50_000);
    await clock.advance(50_000 + 5_001);
    expect(storm.pace()).toBe(0);
  });

  test('remembers no more than the limit', async () => {
    const { breaker: storm, clock } = breaker();
    for (let i = 0; i < 50; i++) {
      paced(storm, 200);
      expect(storm.recent).toBeLessThanOrEqual(101);
      await clock.advance(100);
    }
  });

  test('a clock that is set back makes nobody wait for it', () => {
    let now = 1e9;
    const storm = new StormBreaker({ ...manualClock(), now: () => now }, () => 0);
    paced(storm, 200);
    now = 0;
    expect(storm.pace()).toBe(0);
  });
});

test('restarts that keep below the limit never wait, and no turn is ever before the last', () => {
  const gaps = fc.array(fc.nat(400), { minLength: 1, maxLength: 400, size: 'max' });
  fc.assert(
    fc.property(gaps, (waits) => {
      let now = 0;
      let last = 0;
      const at: number[] = [];
      const storm = new StormBreaker({ ...manualClock(), now: () => now }, () => 0);
      for (const wait of waits) {
        now += wait;
        const turn = now + storm.pace();
        const recent = at.filter((time) => time >= now - 5_000).length;
        if (recent < 100) expect(turn).toBe(now);
        expect(turn).toBeGreaterThanOrEqual(last);
        last = turn;
        at.push(turn);
      }
    }),
    { numRuns: 50 },
  );
});
