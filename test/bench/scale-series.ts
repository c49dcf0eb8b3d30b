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

export interface Growth {
  readonly size: number;
  readonly ratio: Measured;
}

/** The cost at each size over that at the smallest, round by round: the rounds of all sizes ran beside each other. */
export function growth(
  { points }: Pick<ScaleSeries, 'points'>,
  of: 'cost' | 'cpu' = 'cost',
): readonly Growth[] {
  const base = points[0]?.[of]?.rounds ?? [];
  return points.map((point) => {
    const rounds = point[of]?.rounds ?? [];
    return { size: point.size, ratio: summarize(rounds.map((cost, i) => cost / (base[i] ?? Number.NaN))) };
  });
}

/** The largest growth over the smallest size; what becomes cheaper is flat. */
export const flatness = (series: Pick<ScaleSeries, 'points'>, of: 'cost' | 'cpu' = 'cost'): number =>
  Math.max(...growth(series, of).map(({ ratio }) => ratio.median));
