// The judgement of the regression gate: ratios to the floor against stored ones, never times. Pure.

/** The floor's cost over the product's by the row's id: more is better, whatever the row's own figure is. */
export type Baseline = Readonly<Record<string, number>>;

export interface GateVerdict {
  readonly id: string;
  readonly stored: number | undefined;
  readonly seen: readonly number[];
  readonly verdict: 'ok' | 'slower' | 'not stored' | 'not measured';
}

/** A machine that is busy spoils a repeat now and then, and seldom all of them. */
export const worstOfStored = 0.7;
export const repeats = 3;

/** A repeat is so many rounds; on each side the cheapest counts, which a neighbour has disturbed the least. */
export const roundsOfRepeat = 3;

/** The floor's cost over the product's in each repeat, from the costs of all rounds. */
export function ratiosOfRepeats(product: readonly number[], floor: readonly number[]): readonly number[] {
  const count = Math.floor(Math.min(product.length, floor.length) / roundsOfRepeat);
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [i * roundsOfRepeat, (i + 1) * roundsOfRepeat];
    return Math.min(...floor.slice(from, to)) / Math.min(...product.slice(from, to));
  });
}

export function judge(id: string, stored: number | undefined, seen: readonly number[]): GateVerdict {
  if (stored === undefined) return { id, stored, seen, verdict: 'not stored' };
  if (seen.length < repeats) return { id, stored, seen, verdict: 'not measured' };
  const isSlower = seen.every((ratio) => !(ratio >= worstOfStored * stored));
  return { id, stored, seen, verdict: isSlower ? 'slower' : 'ok' };
}

/** Rows that only one of the two has fail too: one that nobody measures any more guards nothing. */
export function judgeAll(
  baseline: Baseline,
  seen: ReadonlyMap<string, readonly number[]>,
): readonly GateVerdict[] {
  const ids = new Set([...seen.keys(), ...Object.keys(baseline)]);
  return [...ids].map((id) => judge(id, baseline[id], seen.get(id) ?? []));
}
