// What operators hear of the sessions' supervision.
import type { ChildReport } from '../actor/dynamic-supervisor.ts';
import { assertNever } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';

/** The operational event that a report is, or undefined for an end that is no crash. */
export function supervisionEvent(report: ChildReport): Parameters<Telemetry> | undefined {
  const { id: sessionId } = report;
  switch (report.type) {
    case 'child.started':
      return ['session.started', { sessionId, incarnation: report.incarnation }];
    case 'child.exited': {
      const { incarnation, exit } = report;
      if (exit.reason !== 'crash') return undefined;
      return ['session.crashed', { sessionId, incarnation, problem: exit.error.message }];
    }
    case 'child.restarting': {
      const { incarnation, afterMs } = report;
      return ['session.restarting', { sessionId, incarnation, afterMs }];
    }
    case 'child.givenUp': {
      const { restarts, error } = report;
      return ['session.quarantined', { sessionId, restarts, problem: error.message }];
    }
    default:
      return assertNever(report);
  }
}
