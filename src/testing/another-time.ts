// Another time and other chance for a synchronous job: what looks at the clock or throws dice comes out different, at once and always.

const shiftMs = 86_400_000;

export function inAnotherTime<T>(job: () => T): T {
  const { Date: RealDate, performance: real } = globalThis;
  const { random } = Math;
  const now = real.now;
  class ShiftedDate extends RealDate {
    constructor(...given: readonly unknown[]) {
      if (given.length === 0) super(RealDate.now() + shiftMs);
      else super(...(given as [number]));
    }

    static override now(): number {
      return RealDate.now() + shiftMs;
    }
  }
  globalThis.Date = ShiftedDate as DateConstructor;
  Math.random = () => (random() + 0.5) % 1;
  real.now = () => now.call(real) + shiftMs;
  try {
    return job();
  } finally {
    globalThis.Date = RealDate;
    Math.random = random;
    real.now = now;
  }
}
