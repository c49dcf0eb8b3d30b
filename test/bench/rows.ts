// What is measured: the operations that every user pays for, each beside its floor in the same run.
import type { Row, SkippedRow } from './row.ts';
import type { RowPlan } from './row-plan.ts';
import { memoryRows } from './rows/memory-rows.ts';
import { publishRows } from './rows/publish-rows.ts';
import { recoveryRow } from './rows/recovery-row.ts';
import { sendRows } from './rows/send-rows.ts';
import { sessionRows } from './rows/session-rows.ts';
import { spaceRows } from './rows/space-rows.ts';
import { startListRow, startRow } from './rows/start-row.ts';
import { stepRows } from './rows/step-rows.ts';
import { taskRows } from './rows/task-rows.ts';
import type { Workshop } from './workshop.ts';

export const rowPlans: readonly RowPlan[] = [
  ...sendRows,
  ...sessionRows,
  ...publishRows,
  ...spaceRows,
  ...stepRows,
  startRow,
  startListRow,
  recoveryRow,
  ...taskRows,
  ...memoryRows,
];

export const plansWith = (only: string): readonly RowPlan[] =>
  rowPlans.filter(({ id, name }) => id.includes(only) || name.includes(only));

export async function measureRows(
  shop: Workshop,
  plans: readonly RowPlan[],
  onRow: (row: Row | SkippedRow) => void,
): Promise<void> {
  for (const plan of plans) {
    shop.say(`measuring ${plan.name}`);
    onRow(await plan.measure(shop, plan));
  }
}
