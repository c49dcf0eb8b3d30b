// A row before it is measured: what it is called, and how it is done.
import type { Row, SkippedRow } from './row.ts';
import type { Workshop } from './workshop.ts';

export interface RowPlan {
  /** Stable: comparisons and the gate's baseline know it. */
  readonly id: string;
  readonly name: string;
  readonly measure: (shop: Workshop, plan: RowPlan) => Promise<Row | SkippedRow>;
}
