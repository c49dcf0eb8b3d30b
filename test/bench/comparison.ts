// What a change did: each row's figure before and after. Where the ranges overlap no change can be seen. Pure.
import type { Measured } from './measure.ts';
import type { Judging, Row } from './row.ts';

export interface Change {
  readonly id: string;
  readonly before: Measured;
  readonly after: Measured;
  readonly percent: number;
  readonly kind: 'better' | 'worse' | 'no visible change';
}

export function compareRows(before: readonly Row[], after: readonly Row[]): readonly Change[] {
  const known = new Map(before.map((row) => [row.id, row]));
  return after.flatMap(({ id, judging, figure }) => {
    const former = known.get(id);
    return former === undefined ? [] : [changeOf(id, judging, former.figure, figure)];
  });
}

function changeOf(id: string, judging: Judging, before: Measured, after: Measured): Change {
  const percent = (after.median / before.median - 1) * 100;
  return { id, before, after, percent, kind: kindOf(judging, before, after) };
}

function kindOf(judging: Judging, before: Measured, after: Measured): Change['kind'] {
  if (after.lowest <= before.highest && before.lowest <= after.highest) return 'no visible change';
  return after.median > before.median === (judging === 'rate') ? 'better' : 'worse';
}
