// What an opening found, told: a line for each thing that somebody may have to look at.
import type { Telemetry } from '../../base/telemetry.ts';
import type { StoreReport } from './store-report.ts';

export function tellOpening(
  telemetry: Telemetry,
  { lost, damaged, logFindings, repaired, ...report }: StoreReport,
): void {
  telemetry('store.opened', { ...report, lost: lost.length, damaged: damaged.length });
  if (report.shutdown === 'unclean') telemetry('store.unclean', { ...report.previousOwner });
  if (repaired !== undefined) telemetry('store.repaired', { ...repaired });
  if (logFindings.length > 0) telemetry('store.logFindings', { findings: logFindings });
  if (report.witness === 'damaged' || report.witness === 'missing')
    telemetry('witness.unreadable', { state: report.witness });
  for (const each of lost) telemetry('journal.lost', { ...each });
  for (const each of damaged) telemetry('journal.damaged', { ...each });
}
