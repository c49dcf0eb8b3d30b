// Time as a port: the system's clock in life, a manual one in tests.

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Whole milliseconds since some moment, by what nobody sets. With it a clock that is set back lengthens no lease, lock or offer;
   * without it they go by {@link now} alone.
   */
  elapsed?(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. Delays of any length are kept. */
  schedule(delayMs: number, task: () => void): () => void;
}

// Node fires a timer at once when its delay is over 2^31 - 1 ms, so longer ones are chained.
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => Math.floor(performance.now()),
  schedule(delayMs, task) {
    let handle: NodeJS.Timeout;
    const arm = (remainingMs: number): void => {
      const step = Math.min(Math.max(remainingMs, 0), longestTimerMs);
      handle = setTimeout(() => (remainingMs > step ? arm(remainingMs - step) : task()), step);
      handle.unref();
    };
    arm(delayMs);
    return () => clearTimeout(handle);
  },
};

/** Keeps the process from ending of itself until the returned function is called, as an open server does. */
export function holdProcess(): () => void {
  const handle = setInterval(() => {}, longestTimerMs);
  return () => clearInterval(handle);
}

/** The latest time that a Date can hold, and its opposite. */
const furthest = 8.64e15;

/** A clock of the user's whose time is whole milliseconds; where it has none to say, the last that it said stands. */
export function wholeClock(clock: Clock): Clock {
  let last = 0;
  return {
    ...(clock.elapsed !== undefined && { elapsed: () => Math.floor(clock.elapsed?.() ?? 0) }),
    now() {
      const now = Math.floor(clock.now());
      if (Math.abs(now) <= furthest) last = now;
      return last;
    },
    schedule: (delayMs, task) => clock.schedule(delayMs, task),
  };
}

/** A promise that the clock settles after `delayMs`. */
export function delay(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(delayMs, resolve);
  });
}
