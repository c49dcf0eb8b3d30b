// What an operation costs as sessions or messages become more, and how flat that is. Pure.
import { type Measured, summarize } from './measure.ts';

export interface ScalePoint {
  readonly size: number;
  readonly cost: Measured;
  /** In microseconds, where time is measured. */
  readonly cpu?: Measured;
}

export interface ScaleSeries {
  readonly id: string;
  readonly name: string;
  readonly by: 'sessions' | 'messages';
  readonly unit: string;
  readonly durability: string;
  /** Judged against {@link flatEnough}; the others are shown for what they are. */
  readonly judged: boolean;
  readonly points: readonly ScalePoint[];
  readonly note: string;
}

/** Per-operation cost may grow so much over the whole span. */
export const flatEnough = 1.5;

/** The cost at each size over that at the smallest, round by round: the rounds of all sizes ran beside each other. */
export function growth({
  points,
}: Pick<ScaleSeries, 'points'>): readonly { size: number; ratio: Measured }[] {
  const [first] = points;
  return points.map(({ size, cost }) => ({
    size,
    ratio: summarize(cost.rounds.map((value, round) => value / (first?.cost.rounds[round] ?? Number.NaN))),
  }));
}

/** The largest growth over the smallest size; what becomes cheaper is flat. */
export const flatness = (series: Pick<ScaleSeries, 'points'>): number =>
  Math.max(...growth(series).map(({ ratio }) => ratio.median));
