// How a thing is measured: beside its floor, in alternating rounds, by its median; garbage is collected before each round.

export interface Measured {
  /** Per operation, in the unit of the row. */
  readonly rounds: readonly number[];
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** One operation measured beside its floor. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly product: Measured;
  readonly floorName: string;
  readonly floor: Measured;
  /** Product over floor, round by round: below 1 is faster or smaller than the floor. */
  readonly ratio: Measured;
}

/** Runs once and answers with the cost of one operation. */
export type Round = () => Promise<number>;

export async function besideFloor(
  name: string,
  unit: string,
  product: Round,
  floorName: string,
  floor: Round,
  rounds: number,
): Promise<Row> {
  const costs: number[] = [];
  const floors: number[] = [];
  await floor();
  await product();
  for (let round = 0; round < rounds; round++) {
    // The order changes, so that neither always runs on a warmer machine.
    const pair = round % 2 === 0 ? [product, floor] : [floor, product];
    for (const run of pair) {
      collectGarbage();
      (run === product ? costs : floors).push(await run());
    }
  }
  const ratios = costs.map((cost, round) => cost / (floors[round] ?? Number.NaN));
  return {
    name,
    unit,
    product: summarize(costs),
    floorName,
    floor: summarize(floors),
    ratio: summarize(ratios),
  };
}

export function summarize(rounds: readonly number[]): Measured {
  const sorted = [...rounds].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
  return { rounds, median: at(0.5), lowest: at(0), highest: at(1) };
}

export function collectGarbage(): void {
  globalThis.gc?.();
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
  await Promise.all(Array.from({ length: width }, worker));
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
