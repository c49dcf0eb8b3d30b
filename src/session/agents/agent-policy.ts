// What holds for an agent under supervision: its budget, of which class its errors are, and how long it waits when it is told to.
import type { Again, RestartPolicy } from '../../actor/child-spec.ts';
import { agentRestartPolicy } from '../../actor/child-spec.ts';
import { sha256 } from '../../base/hash.ts';
import { type AgentBudget, wholeBudget } from '../../domain/agent/agent-budget.ts';
import type { AgentRun } from '../../domain/agent/agent-runs.ts';
import {
  classifyError,
  type ErrorClass,
  errorClasses,
  type RecordedFailure,
  rateLimitWait,
  recordedFailure,
} from '../../domain/error-class.ts';

export interface AgentPolicy {
  /** The numbers of its runs; `agents.start` may narrow them. */
  readonly budget?: AgentBudget;
  /** Of which class an error is; undefined for what the house says. One that throws or says something else is not heard. */
  readonly classify?: (error: RecordedFailure) => ErrorClass | undefined;
  /** What becomes of a run that crashes with a `fatal` error: `crash` (default), as with any other; `fail`: it has failed. */
  readonly onFatal?: 'crash' | 'fail';
}

/** How an incarnation failed, and what follows for its run. */
export interface Failure {
  readonly recorded: RecordedFailure;
  readonly errorClass: ErrorClass;
  /** Undefined for a restart as ever. */
  readonly again: Again | undefined;
}

export function failureOf({ classify, onFatal }: AgentPolicy, error: Error, now: number): Failure {
  const recorded = recordedFailure(error, now);
  const errorClass = classOf(recorded, classify);
  return { recorded, errorClass, again: againAfter(errorClass, onFatal) };
}

function classOf(recorded: RecordedFailure, classify: AgentPolicy['classify']): ErrorClass {
  try {
    const said = classify?.(Object.freeze({ ...recorded }));
    if (said !== undefined && errorClasses.includes(said)) return said;
  } catch {
    // what judges an error must not be another
  }
  return classifyError(recorded);
}

function againAfter(errorClass: ErrorClass, onFatal: AgentPolicy['onFatal']): Again | undefined {
  if (errorClass === 'rateLimited') return 'free';
  if (errorClass === 'transient') return 'later';
  if (errorClass === 'defect') return 'never';
  return errorClass === 'fatal' && onFatal === 'fail' ? 'never' : undefined;
}

/** When a run that was told to come back later does: at another time than its siblings, and the same for the same wait. */
export function resumptionOf({ recorded }: Failure, run: AgentRun, incarnation: number, now: number): number {
  const digest = Buffer.from(sha256(`${run.runId}/${incarnation}`), 'base64url');
  const chance = digest.readUInt32BE() / 0xffffffff;
  return now + rateLimitWait(recorded.retryAfterMs, run.account?.sinceProgress.waits ?? 0, chance);
}

export function restartPolicyOf({ restart, budget }: AgentRun): RestartPolicy {
  const { maxRestarts, periodMs } = wholeBudget(budget);
  return { ...agentRestartPolicy, intensity: { maxRestarts, periodMs }, restart };
}
