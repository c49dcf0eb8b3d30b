// How a thing is measured: in rounds, by its median and range. What a round costs is a Lap: see lap.ts.

export interface Measured {
  /** Per operation, in the unit of the row. */
  readonly rounds: readonly number[];
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export function summarize(rounds: readonly number[]): Measured {
  const sorted = [...rounds].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
  return { rounds, median: at(0.5), lowest: at(0), highest: at(1) };
}

export function collectGarbage(): void {
  globalThis.gc?.();
}

export function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Keeps `width` calls under way until `count` were made; answers with the wall time in microseconds per call. */
export async function inFlight(
  count: number,
  width: number,
  call: (i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const i = next;
      next += 1;
      await call(i);
    }
  };
  const startedAt = process.hrtime.bigint();
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return Number(process.hrtime.bigint() - startedAt) / 1000 / count;
}

/** One call after another; the median of their wall times in microseconds. */
export async function oneByOne(count: number, call: (i: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = process.hrtime.bigint();
    await call(i);
    times.push(Number(process.hrtime.bigint() - startedAt) / 1000);
  }
  return summarize(times).median;
}
