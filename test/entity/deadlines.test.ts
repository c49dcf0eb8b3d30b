// The alarm clock of all streams: rings in order, late rather than never, and never for more at once than it may.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Deadlines } from '../../src/entity/deadlines.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

function started(onRing: (stream: string, deadlines: Deadlines) => void = () => {}) {
  const clock = manualClock(0);
  const rung: { stream: string; at: number }[] = [];
  const deadlines: Deadlines = new Deadlines(clock, (stream) => {
    rung.push({ stream, at: clock.now() });
    onRing(stream, deadlines);
  });
  return { clock, rung, deadlines };
}

describe('an alarm', () => {
  test('rings at its time, once, and the earliest first', async () => {
    const { clock, rung, deadlines } = started();
    for (const at of [300, 100, 200]) deadlines.schedule(`s${at}`, at);
    await clock.advance(250);
    expect(rung).toEqual([
      { stream: 's100', at: 100 },
      { stream: 's200', at: 200 },
    ]);
    await clock.advance(10_000);
    expect(rung.map(({ stream }) => stream)).toEqual(['s100', 's200', 's300']);
    expect(deadlines.size).toBe(0);
  });

  test('that has passed rings at once', async () => {
    const { clock, rung, deadlines } = started();
    await clock.advance(1_000);
    deadlines.schedule('late', 10);
    await clock.advance(0);
    expect(rung).toEqual([{ stream: 'late', at: 1_000 }]);
  });

  test('far off leaves no trace when it is cleared or moved, however many are', async () => {
    const { clock, rung, deadlines } = started();
    for (let i = 0; i < 1_000; i++) {
      deadlines.schedule(`cleared-${i}`, 1_000_000);
      deadlines.schedule('moved', 900_000 - i);
      deadlines.schedule(`kept-${i % 10}`, 800_000 + (i % 10));
      deadlines.schedule(`cleared-${i}`, null);
    }
    expect(deadlines.size).toBe(11);
    expect(deadlines.held).toBeLessThan(100);
    await clock.advance(1_000_000);
    expect(rung.map(({ stream }) => stream)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `kept-${i}`),
      'moved',
    ]);
  });

  test('moves forward when an earlier one is set, and stays when a later one is', async () => {
    const { clock, rung, deadlines } = started();
    deadlines.schedule('s', 500);
    deadlines.schedule('s', 900);
    deadlines.schedule('s', 200);
    await clock.advance(1_000);
    expect(rung).toEqual([{ stream: 's', at: 200 }]);
  });

  test('rings when its time has passed, wherever the clock is set meanwhile', async () => {
    for (const byMs of [-3_600_000, -1, 0]) {
      const { clock, rung, deadlines } = started();
      deadlines.schedule('s', 500);
      clock.set(byMs);
      deadlines.schedule('t', byMs + 700);
      await clock.advance(499);
      expect(rung).toEqual([]);
      await clock.advance(201);
      expect(rung.map(({ stream, at }) => [stream, at - byMs])).toEqual([
        ['s', 500],
        ['t', 700],
      ]);
    }
  });

  test('rings at the time that the clock shows where it was set forward and that was noticed', async () => {
    const { clock, rung, deadlines } = started();
    deadlines.schedule('s', 500);
    clock.set(400);
    deadlines.schedule('t', 10_000);
    await clock.advance(100);
    expect(rung).toEqual([{ stream: 's', at: 500 }]);
  });

  test('far off does not ring while the clock is behind, and rings in a minute where it was set right again', async () => {
    const { clock, rung, deadlines } = started();
    const [dayMs, minuteMs] = [86_400_000, 60_000];
    clock.set(dayMs);
    deadlines.schedule('before', 3 * dayMs);
    clock.set(0);
    for (let i = 0; i < 300; i++) deadlines.schedule(`s${i}`, dayMs + i);
    deadlines.schedule('s0', dayMs + minuteMs);
    await clock.advance(dayMs / 2);
    expect(rung).toEqual([]);
    clock.set(dayMs);
    // A hundred at once.
    await clock.advance(minuteMs + 200);
    expect(rung.map(({ stream }) => stream).sort()).toEqual(
      Array.from({ length: 300 }, (_, i) => `s${i}`).sort(),
    );
    expect(deadlines.size).toBe(1);
  });

  test('that is asked for while the clock is behind is moved forward by an earlier one', async () => {
    const { clock, rung, deadlines } = started();
    deadlines.schedule('far', 9e9);
    clock.set(-3_600_000);
    deadlines.schedule('s', 0);
    deadlines.schedule('s', -3_000_000);
    await clock.advance(599_999);
    expect(rung).toEqual([]);
    await clock.advance(1);
    expect(rung.map(({ stream }) => stream)).toEqual(['s']);
  });

  test('has rung a minute after what the clock shows, wherever it is set, and hardly ever before', async () => {
    const minuteMs = 60_000;
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), byMs: fc.integer({ min: -7_200_000, max: 7_200_000 }) }),
      fc.record({ do: fc.constant('wait' as const), byMs: fc.integer({ min: -1_000, max: 7_200_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const due = new Map<string, number>();
        const { clock, rung, deadlines } = started((stream, alarms) => {
          const at = due.get(stream) ?? 0;
          if (clock.now() < at) alarms.schedule(stream, at);
          else due.delete(stream);
        });
        for (const [i, { do: what, byMs }] of steps.entries()) {
          if (what === 'set') clock.set(clock.now() + byMs);
          const [stream, at] = what === 'set' ? ['noticed', 1e12] : [`s${i % 7}`, clock.now() + byMs];
          due.set(stream, Math.min(at, due.get(stream) ?? at));
          deadlines.schedule(stream, at);
          await clock.advance(minuteMs + 1);
          for (const left of due.values()) expect(left).toBeGreaterThan(clock.now() - minuteMs);
        }
        expect(rung.length).toBeLessThanOrEqual(3 * steps.length);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  test('says how far its stream has come', async () => {
    const clock = manualClock(0);
    const times: number[] = [];
    const deadlines = new Deadlines(clock, (_, time) => times.push(time));
    deadlines.adopt('ahead', { dueAt: 9_500, updatedAt: 9_000 });
    deadlines.adopt('behind', { dueAt: 600, updatedAt: -50 });
    await clock.advance(1_000);
    expect(times).toEqual([9_500, 600]);
  });

  test('that was cleared does not ring, and one that is set again does', async () => {
    const { clock, rung, deadlines } = started();
    deadlines.schedule('s', 100);
    deadlines.schedule('s', null);
    await clock.advance(200);
    expect(rung).toEqual([]);
    deadlines.schedule('s', 300);
    await clock.advance(200);
    expect(rung).toEqual([{ stream: 's', at: 300 }]);
  });

  test('does not ring any more once all were closed, and no timer is left behind', async () => {
    const { clock, rung, deadlines } = started();
    deadlines.schedule('s', 100);
    deadlines.close();
    deadlines.schedule('t', 100);
    await clock.advance(1_000);
    expect(rung).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('rings for each stream at its earliest time, however they were set', async () => {
    const steps = fc.array(
      fc.record({ stream: fc.nat(20), at: fc.option(fc.integer({ min: 1, max: 1_000 }), { freq: 8 }) }),
      { maxLength: 300 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (chosen) => {
        const { clock, rung, deadlines } = started();
        const expected = new Map<string, number>();
        for (const { stream: n, at } of chosen) {
          const stream = `s${n}`;
          deadlines.schedule(stream, at);
          if (at === null) expected.delete(stream);
          else expected.set(stream, Math.min(at, expected.get(stream) ?? at));
        }
        await clock.advance(2_000);
        expect(new Map(rung.map(({ stream, at }) => [stream, at]))).toEqual(expected);
        expect(rung.map(({ at }) => at)).toEqual(rung.map(({ at }) => at).sort((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });
});

describe('10,000 alarms that are all due', () => {
  const wokenPer = (rung: readonly { at: number }[], windowMs: number): number => {
    let most = 0;
    let first = 0;
    for (const [i, { at }] of rung.entries()) {
      while (at - (rung[first]?.at ?? at) >= windowMs) first += 1;
      most = Math.max(most, i - first + 1);
    }
    return most;
  };

  test('ring a hundred in each tenth of a second, so that ten seconds later all have rung', async () => {
    const { clock, rung, deadlines } = started();
    for (let i = 0; i < 10_000; i++) deadlines.schedule(`s${i}`, 0);
    await clock.advance(0);
    expect(rung.length).toBe(100);
    await clock.advance(9_900);
    expect(rung.length).toBe(10_000);
    expect(wokenPer(rung, 100)).toBe(100);
  });

  test('keep to that rate when those that ring set new alarms which are due as well', async () => {
    const again = new Set<string>();
    const { clock, rung, deadlines } = started((stream, all) => {
      if (again.has(stream)) return;
      again.add(stream);
      all.schedule(stream, 0);
    });
    for (let i = 0; i < 2_000; i++) deadlines.schedule(`s${i}`, 0);
    await clock.advance(20_000);
    expect(rung.length).toBe(4_000);
    expect(wokenPer(rung, 100)).toBe(100);
  });

  test('keep to that rate when others are set from outside meanwhile', async () => {
    const { clock, rung, deadlines } = started();
    for (let i = 0; i < 1_000; i++) deadlines.schedule(`s${i}`, 0);
    for (let i = 0; i < 500; i++) {
      deadlines.schedule(`t${i}`, clock.now());
      await clock.advance(5);
    }
    expect(rung.length).toBe(1_500);
    expect(wokenPer(rung, 100)).toBe(100);
  });

  test('keep to that rate on a clock that is set back', async () => {
    const { clock, rung } = started();
    let shift = 0;
    const setBack = { now: () => clock.now() - shift, schedule: clock.schedule };
    const deadlines = new Deadlines(setBack, (stream) => rung.push({ stream, at: clock.now() }));
    for (let i = 0; i < 500; i++) deadlines.schedule(`s${i}`, -1e9);
    await clock.advance(50);
    shift = 3_600_000;
    await clock.advance(1_000);
    expect(rung.length).toBe(500);
  });
});

test('a clock that was set back for a moment delays what goes by it for no longer than a minute', async () => {
  const clock = manualClock();
  const rightAt = clock.now();
  const due = rightAt + 500;
  const rung: number[] = [];
  const deadlines: Deadlines = new Deadlines(clock, (stream) => {
    if (clock.now() < due) deadlines.schedule(stream, due);
    else rung.push(clock.now() - rightAt);
  });
  deadlines.schedule('s', due);
  clock.set(rightAt - 3_600_000);
  await clock.advance(1_000);
  clock.set(rightAt + 1_000);
  deadlines.schedule('other', clock.now() + 100);
  await clock.advance(100);
  expect(rung).toEqual([1_100]);
  await clock.advance(60_000);
  expect(rung).toEqual([1_100, 60_500]);
});
