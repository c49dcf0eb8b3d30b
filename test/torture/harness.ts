// What a torture harness is: it runs as long as it is told, and says what it saw and which promises broke.

export interface TortureOptions {
  /** How many rounds; each harness has a default of its own, and a smaller one when `short`. */
  readonly cycles: number | undefined;
  readonly short: boolean;
  /** The same seed chooses the same random numbers. */
  readonly seed: number;
  /** Shown on a terminal while it runs. */
  readonly progress: (done: number, total: number, note: string) => void;
}

export interface TortureResult {
  readonly rows: readonly (readonly [label: string, value: string | number])[];
  /** One sentence for each promise that broke; empty when all held. */
  readonly broken: readonly string[];
  /** Why it could not run here; nothing is said of any promise then. */
  readonly skipped?: string;
}

export interface Harness {
  readonly name: string;
  readonly summary: string;
  run(options: TortureOptions): Promise<TortureResult>;
}

/** A generator of numbers from 0 to 1 that a seed repeats: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
