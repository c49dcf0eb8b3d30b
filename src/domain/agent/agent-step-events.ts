// The events of durable steps, and the commands that lead to them. A step is named by its key: the path of the steps around it and
// its name, counted where a name is used again.
import type { Json } from '../../base/json.ts';
import type { RecordedFailure } from '../error-class.ts';
import type { AgentPlace } from './agent-runs.ts';

interface StepOf extends AgentPlace {
  readonly step: string;
}

interface StepEnd extends StepOf {
  /** It was an effect. */
  readonly effect?: true;
  /** Steps were begun within it. */
  readonly inner?: true;
}

/** What became of an effect of which no outcome is known. `resolved`: the policy has found out. */
export const unknownDecisions = ['failed', 'retried', 'resolved'] as const;
export type UnknownDecision = (typeof unknownDecisions)[number];

export interface StepEventData {
  /** Without `result` where it is undefined. */
  'step.completed': StepEnd & { readonly result?: Json };
  'step.failed': StepEnd & { readonly error: RecordedFailure; readonly attempts: number };
  'effect.started': StepOf;
  'effect.unknown': StepOf & {
    /** The seq of the `effect.started` whose outcome is not known. */
    readonly startedSeq: number;
    readonly decision: UnknownDecision;
    readonly result?: Json;
  };
  'timer.set': StepOf & { readonly dueAt: number };
  'timer.fired': {
    readonly runId: string;
    readonly step: string;
    readonly dueAt: number;
    readonly lateMs: number;
  };
  'wait.started': StepOf & { readonly signal: string; readonly deadlineAt: number | null };
  /** It took a signal that was kept: the one at this seq. */
  'wait.signaled': { readonly runId: string; readonly step: string; readonly signal: number };
  'wait.expired': {
    readonly runId: string;
    readonly step: string;
    readonly signal: string;
    readonly deadlineAt: number;
    readonly lateMs: number;
  };
  /** `step`: the wait that it answers; without one it is kept. */
  'signal.received': {
    readonly runId: string;
    readonly name: string;
    readonly payload: Json;
    readonly step?: string;
  };
  /** It only waits: its incarnation has ended, and nothing of it runs until it is woken. */
  'agent.parked': AgentPlace;
}

export type StepEventType = keyof StepEventData;

export const stepEventTypes: Readonly<Record<StepEventType, true>> = {
  'step.completed': true,
  'step.failed': true,
  'effect.started': true,
  'effect.unknown': true,
  'timer.set': true,
  'timer.fired': true,
  'wait.started': true,
  'wait.signaled': true,
  'wait.expired': true,
  'signal.received': true,
  'agent.parked': true,
};

/** What a run asks for, fenced by its incarnation; what the clock does; and signals, which anybody may send. */
export type StepCommand =
  | (StepEventData['step.completed'] & { readonly type: 'step.complete' })
  | (StepEventData['step.failed'] & { readonly type: 'step.fail' })
  | (StepEventData['effect.started'] & { readonly type: 'effect.start' })
  | (Omit<StepEventData['effect.unknown'], 'startedSeq'> & { readonly type: 'effect.judge' })
  | (StepEventData['timer.set'] & { readonly type: 'timer.set' })
  | (StepEventData['wait.started'] & { readonly type: 'wait.start' })
  /** `waits`: how many timers, waits and children it has open, as far as it knows. */
  | (AgentPlace & { readonly type: 'run.park'; readonly waits: number })
  | (StepEventData['timer.fired'] & { readonly type: 'timer.fire' })
  | (StepEventData['wait.expired'] & { readonly type: 'wait.expire' })
  | {
      readonly type: 'run.signal';
      /** Without it: the one run that waits for it, or else the only one that is open. */
      readonly runId?: string;
      readonly name: string;
      readonly payload: Json;
    };

export const stepCommandTypes: readonly StepCommand['type'][] = [
  ...(['step.complete', 'step.fail', 'effect.start', 'effect.judge', 'timer.set', 'wait.start'] as const),
  ...(['run.park', 'timer.fire', 'wait.expire', 'run.signal'] as const),
];
