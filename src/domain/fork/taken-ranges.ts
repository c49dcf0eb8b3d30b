// Sets of seqs per session, as ranges: what was merged once, however often and by whatever way it comes again.

/** Both ends belong to it. */
export type SeqSpan = readonly [from: number, to: number];

/** By session, in the order of their ids; spans in their order, none touching the next. */
export type TakenRanges = readonly (readonly [sessionId: string, spans: readonly SeqSpan[]])[];

export interface TakenSpan {
  readonly sessionId: string;
  readonly from: number;
  readonly to: number;
}

export const noRanges: TakenRanges = Object.freeze([]);

export function isTaken(ranges: TakenRanges, sessionId: string, seq: number): boolean {
  return spansOf(ranges, sessionId).some(([from, to]) => from <= seq && seq <= to);
}

function spansOf(ranges: TakenRanges, sessionId: string): readonly SeqSpan[] {
  return ranges.find(([id]) => id === sessionId)?.[1] ?? [];
}

export function withTaken(ranges: TakenRanges, added: readonly TakenSpan[]): TakenRanges {
  if (added.length === 0) return ranges;
  const all = new Map(ranges);
  for (const [sessionId, spans] of bySession(added))
    all.set(sessionId, joined([...(all.get(sessionId) ?? []), ...spans]));
  return [...all].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

export function countSpans(ranges: TakenRanges): number {
  return ranges.reduce((count, [, spans]) => count + spans.length, 0);
}

/** What of a span is not taken yet. */
export function leftOf(ranges: TakenRanges, { sessionId, from, to }: TakenSpan): readonly SeqSpan[] {
  const left: SeqSpan[] = [];
  let next = from;
  for (const [a, b] of spansOf(ranges, sessionId)) {
    if (b < next) continue;
    if (a > to) break;
    if (a > next) left.push([next, a - 1]);
    next = b + 1;
  }
  if (next <= to) left.push([next, to]);
  return left;
}

function bySession(added: readonly TakenSpan[]): ReadonlyMap<string, SeqSpan[]> {
  const found = new Map<string, SeqSpan[]>();
  for (const { sessionId, from, to } of added)
    found.set(sessionId, [...(found.get(sessionId) ?? []), [from, to]]);
  return found;
}

function joined(spans: readonly SeqSpan[]): readonly SeqSpan[] {
  const result: SeqSpan[] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last === undefined || from > last[1] + 1) result.push([from, to]);
    else if (to > last[1]) result[result.length - 1] = [last[0], to];
  }
  return result;
}
