// What a system is told of its tasks.
import type { Json } from '../../base/json.ts';
import type { TaskInfo } from '../../operations/views/task-views.ts';

/** What a gate looks at. */
export interface GateContext {
  readonly sessionId: string;
  readonly task: TaskInfo;
  readonly input: Json;
  readonly result: Json;
  /** Aborted when its verdict is not asked for any more, or its time is over. */
  readonly signal: AbortSignal;
}

/** Nothing or true passes; false, a text that says why, or a warning does not pass unnoticed. What it throws fails. */
export type GateOutcome =
  | undefined
  | boolean
  | string
  | { readonly ok: boolean; readonly problem?: string; readonly severity?: 'error' | 'warning' };

/** Checks the result of a task before it completes. It may run again for the same result: at least once. */
export type TaskGate = (context: GateContext) => GateOutcome | Promise<GateOutcome>;

export interface TaskOptions {
  /** By name, what `gates` of a task may name. */
  readonly gates?: Readonly<Record<string, TaskGate>>;
  /** How long a gate may take, in milliseconds, before the result counts as refused; 300,000 by default. */
  readonly gateTimeoutMs?: number;
  /** By role, the registered agents that do its tasks: the one with the least to do first, then as listed. */
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  /** Tasks that agents work on at once, in all; 64 by default. */
  readonly maxRunning?: number;
  /** And in one session; 8 by default. */
  readonly maxRunningPerSession?: number;
}

/** What the agent of a task is started with. */
export interface TaskAssignment<Input = Json> {
  readonly taskId: string;
  /** Names the attempt, in `session.tasks.progress` too. */
  readonly epoch: number;
  /** An idempotency key for all that the attempt does outside: no other attempt has it, of any task of any session. */
  readonly key: string;
  readonly title: string;
  readonly input: Input;
}
