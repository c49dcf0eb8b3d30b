// What operators hear of the sessions' supervision.
import { isCrash } from '../actor/child-spec.ts';
import type { ChildReport } from '../actor/dynamic-supervisor.ts';
import { assertNever } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';

/** The operational event that a report is, or undefined for an end that is no crash; of what is given up the session's health tells. */
export function supervisionEvent(report: ChildReport): Parameters<Telemetry> | undefined {
  const { id: sessionId } = report;
  switch (report.type) {
    case 'child.started':
      return ['session.started', { sessionId, incarnation: report.incarnation }];
    case 'child.exited': {
      const { incarnation, exit } = report;
      if (!isCrash(exit)) return undefined;
      return ['session.crashed', { sessionId, incarnation, problem: exit.error.message }];
    }
    case 'child.restarting': {
      const { incarnation, afterMs } = report;
      return ['session.restarting', { sessionId, incarnation, afterMs }];
    }
    case 'child.killed': {
      const { incarnation, abandoned } = report;
      return ['session.killed', { sessionId, incarnation, abandoned }];
    }
    case 'child.paced': {
      const { incarnation, afterMs } = report;
      return ['session.restartPaced', { sessionId, incarnation, afterMs }];
    }
    case 'child.givenUp':
      return undefined;
    default:
      return assertNever(report);
  }
}
