// A clock that stands still until it is told to go on: time as a test's own input.
import { setImmediate } from 'node:timers';
import type { Clock } from '../base/clock.ts';
import { Serial } from '../base/serial.ts';

export interface ManualClock extends Clock {
  /** How many tasks wait. */
  readonly pending: number;
  /**
   * Moves time on by `ms` and runs what falls due on the way, in order of time, then of scheduling; what these tasks
   * schedule within the span runs too. It awaits no task, but before, between and after them all promise chains run as far
   * as they get without a disk or a network. A task that throws ends it. Calls that overlap follow one another.
   */
  advance(ms: number): Promise<void>;
  /** Sets what it shows, forward or back, as somebody sets a clock: no time passes by it, and nothing falls due but by what it shows. */
  set(now: number): void;
  elapsed(): number;
}

interface Task {
  readonly dueAt: number;
  readonly run: () => void;
}

/** A manual clock that begins at `startMs`, by default 2026-01-01T00:00:00Z. */
export function manualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  const tasks: Task[] = [];
  const advances = new Serial();
  let now = startMs;
  /** How far it shows another time than has passed. */
  let shift = 0;

  const advance = async (ms: number): Promise<void> => {
    const until = now + ms;
    await promiseChains();
    for (let next = tasks[0]; next !== undefined && next.dueAt <= until; next = tasks[0]) {
      tasks.shift();
      now = Math.max(now, next.dueAt);
      next.run();
      await promiseChains();
    }
    now = until;
  };

  return {
    now: () => now + shift,
    elapsed: () => now - startMs,
    set(shown) {
      shift = shown - now;
    },
    schedule(delayMs, run) {
      const task: Task = { dueAt: now + Math.max(delayMs, 0), run };
      tasks.splice(tasks.findLastIndex(({ dueAt }) => dueAt <= task.dueAt) + 1, 0, task);
      return () => {
        const index = tasks.indexOf(task);
        if (index >= 0) tasks.splice(index, 1);
      };
    },
    get pending() {
      return tasks.length;
    },
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`Time cannot move on by ${ms} ms`);
      return advances.run(() => advance(ms));
    },
  };
}

/** A turn of the event loop begins only when no promise is left to settle. */
function promiseChains(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
