// One row of the bench: what an operation costs beside its floor, how the two are set against each other, and whether that
// keeps the limit. Pure.
import type { Lap } from './lap.ts';
import { type Measured, summarize } from './measure.ts';

/**
 * What is judged: `rate`, how much of the floor's rate is reached; `times`, how many times its cost; `more`, how much more
 * than it; `cost`, the product's cost alone. Judged round by round, since the sides of one round ran beside each other.
 */
export type Judging = 'rate' | 'times' | 'more' | 'cost';

export interface Limit {
  readonly must: number;
  readonly aim: number;
}

export interface Side {
  readonly name: string;
  /** What is safe once an operation has been answered: `fsync`, `none`, `memory`, ... */
  readonly durability: string;
  /** In the unit of the row. */
  readonly cost: Measured;
  /** What was measured beside it, by its unit. */
  readonly details: Readonly<Record<string, Measured>>;
}

export interface Row {
  readonly id: string;
  readonly name: string;
  readonly unit: string;
  readonly judging: Judging;
  readonly product: Side;
  readonly floor: Side;
  readonly figure: Measured;
  readonly limit?: Limit;
  readonly notes: readonly string[];
}

/** A row that could not be measured here, and why. */
export interface SkippedRow {
  readonly id: string;
  readonly name: string;
  readonly skipped: string;
}

export type Verdict = 'ok' | 'missed';

const figures: Readonly<Record<Judging, (product: number, floor: number) => number>> = {
  rate: (product, floor) => floor / product,
  times: (product, floor) => product / floor,
  more: (product, floor) => product - floor,
  cost: (product) => product,
};

function figureOf(judging: Judging, product: Measured, floor: Measured): Measured {
  const each = figures[judging];
  return summarize(product.rounds.map((cost, round) => each(cost, floor.rounds[round] ?? Number.NaN)));
}

export function rowOf(row: Omit<Row, 'figure'>): Row {
  return { ...row, figure: figureOf(row.judging, row.product.cost, row.floor.cost) };
}

/** What was not measured keeps no limit. */
export function verdictOf(judging: Judging, value: number, limit: number): Verdict {
  return (judging === 'rate' ? value >= limit : value <= limit) ? 'ok' : 'missed';
}

export function hasMissed({ judging, figure, limit }: Row): boolean {
  return limit !== undefined && verdictOf(judging, figure.median, limit.must) === 'missed';
}

/** The figure in words, without its number. */
export function figureName({ judging, unit }: Pick<Row, 'judging' | 'unit'>): string {
  if (judging === 'rate') return "of the floor's rate";
  if (judging === 'times') return "times the floor's cost";
  return judging === 'more' ? `${unit} more than the floor` : unit;
}

export type Basis = 'wall' | 'cpu' | 'wall ms';

/** A side from its laps: `basis` is what is judged, the other is told beside it. */
export function timedSide(
  name: string,
  durability: string,
  laps: readonly Lap[],
  basis: Basis = 'wall',
): Side {
  const each = (pick: (lap: Lap) => number): Measured => summarize(laps.map(pick));
  const scale = basis === 'wall ms' ? 1000 : 1;
  const wall = each(({ wallUs }) => wallUs / scale);
  const cpu = each(({ cpuUs }) => cpuUs / scale);
  const unit = basis === 'wall ms' ? 'ms' : 'us';
  const beside = basis === 'cpu' ? { [`${unit} wall`]: wall } : { [`${unit} cpu`]: cpu };
  const collected = { gcs: each(({ gcs }) => gcs), 'gc ms': each(({ gcMs }) => gcMs) };
  return { name, durability, cost: basis === 'cpu' ? cpu : wall, details: { ...beside, ...collected } };
}
