// The look through a store before it is served, and whether it is served after it.
import { HoldfastError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import type { DoctorReport } from './doctor-report.ts';
import { examineStore } from './examination.ts';

const named = 5;

/** `refuse` throws `PREFLIGHT_FAILED` for anything that is not quarantined already, and for agents that nobody registered. */
export async function runPreflight(
  mode: 'report' | 'refuse',
  journal: LevelJournal,
  hasAgent: (agent: string) => boolean,
  telemetry: Telemetry,
): Promise<void> {
  const report = await examineStore(journal, { hasAgent });
  const { sessions, loads, differing: differs, failing: cannot } = report;
  const first = complaints(report);
  const missingAgents = report.missingAgents.length;
  const counts = { sessions, loads, differs, cannot, missingAgents };
  telemetry('preflight.finished', { ...counts, first: first.slice(0, named) });
  if (mode === 'report' || first.length === 0) return;
  const problem = first.slice(0, named).join('; ');
  throw new HoldfastError('PREFLIGHT_FAILED', {
    ...{ ...counts, problem },
    first: {
      differs: report.differs.slice(0, named),
      cannot: report.cannot.slice(0, named),
      missingAgents: report.missingAgents.slice(0, named),
    },
  });
}

/** A session that is quarantined is not served as something that it is not. */
function complaints({ differs, cannot, missingAgents }: DoctorReport): readonly string[] {
  const open = <T extends { readonly quarantined: boolean }>(found: readonly T[]): readonly T[] =>
    found.filter(({ quarantined }) => !quarantined);
  return [
    ...open(cannot).map(({ sessionId, code, problem }) => `${sessionId}: ${code}, ${problem}`),
    ...open(differs).map(({ sessionId, code, seq }) => `${sessionId}: ${code} at event ${seq}`),
    ...missingAgents.map(({ agent, runs }) => `${agent}: ${runs} open runs, and nobody registered it`),
  ];
}
