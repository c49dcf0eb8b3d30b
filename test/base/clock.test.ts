// The system's clock keeps delays of any length, and the manual one moves only when it is told to.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { delay, systemClock } from '../../src/base/clock.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

const day = 24 * 60 * 60 * 1000;

describe('the system clock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test.each([1, 5, 2 ** 31 - 1, 2 ** 31, 30 * day, 365 * day])(
    'runs a task once, after %i ms and not before',
    (ms) => {
      let runs = 0;
      systemClock.schedule(ms, () => {
        runs += 1;
      });
      vi.advanceTimersByTime(ms - 1);
      expect(runs).toBe(0);
      vi.advanceTimersByTime(1);
      expect(runs).toBe(1);
      vi.advanceTimersByTime(400 * day);
      expect(runs).toBe(1);
    },
  );

  test('runs nothing that was cancelled, before, between and after the parts of a long delay', () => {
    let runs = 0;
    for (const after of [0, 20 * day, 26 * day, 49 * day]) {
      const cancel = systemClock.schedule(50 * day, () => {
        runs += 1;
      });
      vi.advanceTimersByTime(after);
      cancel();
      cancel();
    }
    vi.advanceTimersByTime(400 * day);
    expect(runs).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([0, -5, Number.NEGATIVE_INFINITY])('takes a delay of %i ms as due now', (ms) => {
    let runs = 0;
    systemClock.schedule(ms, () => {
      runs += 1;
    });
    vi.advanceTimersByTime(1);
    expect(runs).toBe(1);
  });

  test('tells the time of the system', () => {
    vi.setSystemTime(1234);
    expect(systemClock.now()).toBe(1234);
  });
});

describe('a manual clock', () => {
  test('stands still until it is moved, by as much as it is moved', async () => {
    const clock = manualClock(1000);
    expect(clock.now()).toBe(1000);
    await clock.advance(5);
    await clock.advance(0);
    expect(clock.now()).toBe(1005);
    expect(() => clock.advance(-1)).toThrow(RangeError);
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError);
  });

  test('runs what falls due in order of time, then of scheduling, each at its own time', async () => {
    const clock = manualClock(0);
    const ran: [string, number][] = [];
    const task = (name: string, ms: number): unknown =>
      clock.schedule(ms, () => ran.push([name, clock.now()]));
    task('c', 20);
    task('a', 10);
    task('b', 10);
    task('past', -5);
    task('later', 31);
    await clock.advance(30);
    expect(ran).toEqual([
      ['past', 0],
      ['a', 10],
      ['b', 10],
      ['c', 20],
    ]);
    expect([clock.now(), clock.pending]).toEqual([30, 1]);
  });

  test('runs what its tasks schedule within the span, also at the end of a promise chain', async () => {
    const clock = manualClock(0);
    const at: number[] = [];
    const tick = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await Promise.resolve();
      at.push(clock.now());
      clock.schedule(10, tick);
    };
    clock.schedule(10, tick);
    await clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
  });

  test('lets what was begun before go as far as it gets before time moves', async () => {
    const clock = manualClock(0);
    const began = (async () => {
      await Promise.resolve();
      await delay(clock, 10);
      return clock.now();
    })();
    await clock.advance(10);
    expect(await began).toBe(10);
  });

  test('forgets what was cancelled, also by a task that ran before it', async () => {
    const clock = manualClock();
    const ran: string[] = [];
    const cancel = clock.schedule(10, () => ran.push('cancelled'));
    const late = clock.schedule(5, () => {
      ran.push('first');
      cancel();
    });
    await clock.advance(20);
    late();
    expect(ran).toEqual(['first']);
    expect(clock.pending).toBe(0);
  });

  test('moves once for each call, when calls overlap', async () => {
    const clock = manualClock(0);
    const at: number[] = [];
    clock.schedule(15, () => at.push(clock.now()));
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(at).toEqual([15]);
    expect(clock.now()).toBe(20);
  });

  test('passes on what a task throws', async () => {
    const clock = manualClock();
    clock.schedule(1, () => {
      throw new Error('task');
    });
    await expect(clock.advance(1)).rejects.toThrow('task');
  });
});
