// Times at which something falls due, earliest first: a leftist heap that is never changed, only followed by another. What does
// not hold any more stays in it until it comes to the top.

export interface Due {
  readonly at: number;
  /** Breaks ties, so that equal histories ring in one order. */
  readonly order: number;
  readonly id: string;
}

export interface DueHeap extends Due {
  readonly rank: number;
  readonly size: number;
  readonly left: DueHeap | null;
  readonly right: DueHeap | null;
}

export const withDue = (heap: DueHeap | null, { at, order, id }: Due): DueHeap =>
  merged(heap, { at, order, id, rank: 1, size: 1, left: null, right: null }) as DueHeap;

/** The heap whose earliest entry holds; null when none does. */
export function settledHeap(heap: DueHeap | null, holds: (due: Due) => boolean): DueHeap | null {
  let top = heap;
  while (top !== null && !holds(top)) top = merged(top.left, top.right);
  return top;
}

function merged(a: DueHeap | null, b: DueHeap | null): DueHeap | null {
  if (a === null) return b;
  if (b === null) return a;
  const [first, second] = isBefore(a, b) ? [a, b] : [b, a];
  const rest = merged(first.right, second) as DueHeap;
  const { left } = first;
  const [longer, shorter] = left !== null && left.rank >= rest.rank ? [left, rest] : [rest, left];
  const size = 1 + longer.size + (shorter?.size ?? 0);
  const { at, order, id } = first;
  return { at, order, id, rank: (shorter?.rank ?? 0) + 1, size, left: longer, right: shorter };
}

const isBefore = (a: Due, b: Due): boolean => (a.at === b.at ? a.order < b.order : a.at < b.at);
