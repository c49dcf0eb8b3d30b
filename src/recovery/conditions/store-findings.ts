// What the opening of the store found to be lost or damaged becomes the condition of the sessions that it is of: quarantined,
// each with its reason, before anything of them is served. All others go on.
import { HoldfastError } from '../../base/errors.ts';
import type { StoreReport } from '../../journal/store/store-report.ts';
import type { Conditions, NewCondition } from './conditions.ts';

const prefix = 'session/';

/** Resolves when every finding is a durable condition, but for those whose own record is damaged: these are shown all the same. */
export async function quarantineFindings(conditions: Conditions, report: StoreReport): Promise<void> {
  const found = new Map<string, NewCondition>();
  for (const { stream, seq, problem } of report.damaged) {
    const error = new HoldfastError('JOURNAL_CORRUPT', { stream, seq, problem });
    found.set(stream, { condition: 'quarantined', reason: 'damaged', error });
  }
  for (const { stream, found: end, witnessed } of report.lost) {
    const error = new HoldfastError('HISTORY_LOST', { stream, found: end, witnessed });
    found.set(stream, { condition: 'quarantined', reason: 'lost', error });
  }
  const sessions = [...found].filter(([stream]) => stream.startsWith(prefix));
  await Promise.all(
    sessions.map(async ([stream, condition]) => {
      try {
        await conditions.set(stream.slice(prefix.length), condition);
      } catch (error) {
        if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
      }
    }),
  );
}
