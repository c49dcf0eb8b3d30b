// A manual clock whose nearest timers can be let through while time stands still: a pause before a second try delays no test.
import { type ManualClock, manualClock } from '../manual-clock.ts';

/** Timers further off than this are deadlines, which only time may bring. */
const nearMs = 10_000;

interface Timer {
  readonly dueAt: number;
  run(): void;
}

export interface CrashClock extends ManualClock {
  /** Runs the nearest timer of the next seconds now, at the time that it is; false when there is none. */
  nudge(): boolean;
}

export function crashClock(startMs?: number): CrashClock {
  const clock = manualClock(startMs);
  const timers = new Set<Timer>();
  return {
    now: clock.now,
    elapsed: clock.elapsed,
    set: clock.set,
    advance: clock.advance,
    get pending() {
      return clock.pending;
    },
    schedule(delayMs, task) {
      const cancelSlow = clock.schedule(delayMs, () => timer.run());
      const cancel = (): void => {
        timers.delete(timer);
        cancelSlow();
      };
      const timer: Timer = {
        dueAt: clock.now() + Math.max(delayMs, 0),
        run() {
          cancel();
          task();
        },
      };
      timers.add(timer);
      return cancel;
    },
    nudge() {
      let nearest: Timer | undefined;
      for (const timer of timers) if (nearest === undefined || timer.dueAt < nearest.dueAt) nearest = timer;
      if (nearest === undefined || nearest.dueAt > clock.now() + nearMs) return false;
      nearest.run();
      return true;
    },
  };
}
