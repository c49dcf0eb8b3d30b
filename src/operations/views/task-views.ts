// What operations on tasks answer with: plain data, times in milliseconds since the epoch.
import type { Json } from '../../base/json.ts';
import type { RecordedError } from '../../domain/recorded-error.ts';
import type { ValidationLevel } from '../../domain/recovery/recovery-vocabulary.ts';
import type { Dependency, RetryPolicy, TaskOrigin, TaskProgress } from '../../domain/task/task.ts';
import type { GateVerdict, ResumeReceipt } from '../../domain/task/task-events.ts';
import type { TaskStatus } from '../../domain/task/task-machine.ts';
import type { TaskOffer } from '../../domain/task/task-offer.ts';
import type { Acknowledged, Repeatable } from './views.ts';

export interface TaskAcknowledged extends Acknowledged {
  readonly taskId: string;
  readonly status: TaskStatus;
}

export interface TaskChanged extends Acknowledged {
  readonly taskId: string;
  /** The version of the task from now on. */
  readonly version: number;
}

export interface TasksCreated extends Acknowledged {
  readonly tasks: readonly { readonly taskId: string; readonly status: TaskStatus }[];
}

/** An attempt at a task, in the hands of whoever asked for it. */
export interface TaskStarted extends Acknowledged {
  readonly taskId: string;
  /** Names the attempt in all that is told of it; a write with an older one is refused with `TASK_LEASE_LOST`. */
  readonly epoch: number;
  /** Until when it is theirs without a word; null for ever. */
  readonly leaseUntil: number | null;
  /** An idempotency key for all that the attempt does outside: no other attempt has it, of any task of any session. */
  readonly key: string;
}

export interface TaskInfo {
  readonly taskId: string;
  readonly title: string;
  readonly description: string | null;
  readonly status: TaskStatus;
  /** True when somebody may start it now. */
  readonly ready: boolean;
  readonly priority: number;
  readonly agent: string | null;
  readonly role: string | null;
  readonly metadata: Json;
  readonly dependencies: readonly Dependency[];
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | null;
  readonly deadlineAt: number | null;
  readonly gates: readonly string[];
  readonly validation: ValidationLevel | null;
  /** Counts its changes, from 1; progress is none. */
  readonly version: number;
  /** Counts its starts. */
  readonly epoch: number;
  /** Attempts that have failed since it was created or retried. */
  readonly failures: number;
  /** Who works on it. */
  readonly owner: string | null;
  /** The run of the agent that works on it, or did last. */
  readonly runId: string | null;
  readonly leaseUntil: number | null;
  /** To whom its attempt is offered, and until when; null for nobody. */
  readonly offer: Omit<TaskOffer, 'seq'> | null;
  readonly progress: TaskProgress | null;
  /** Of one whose attempt failed: not before this time again. */
  readonly notBefore: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Why it is as it is, in a word or a sentence. */
  readonly reason: string | null;
  /** Set on one that was done in another session and merged. */
  readonly origin?: TaskOrigin;
}

export interface TaskDetails extends TaskInfo {
  readonly input: Json;
  /** What it led to; null before. */
  readonly result: Json;
  /** The newest failure of an attempt; null when there was none. */
  readonly error: RecordedError | null;
  /** What the gates said of its newest result. */
  readonly verdicts: readonly GateVerdict[];
}

/** Something that happened to a task. */
export interface TaskHistoryEntry {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly taskId: string | null;
  readonly data: Json;
  readonly by: string | null;
}

export interface TaskGraphNode {
  readonly taskId: string;
  readonly title: string;
  readonly status: TaskStatus;
  readonly priority: number;
  readonly dependencies: readonly (Dependency & { readonly status: TaskStatus | null })[];
  readonly dependents: readonly string[];
}

/** Tasks, each behind all that it depends on. */
export interface TaskGraph {
  readonly tasks: readonly TaskGraphNode[];
  readonly total: number;
}

export interface TaskStatistics {
  readonly byStatus: Readonly<Record<TaskStatus, number>>;
  readonly total: number;
  readonly open: number;
  /** Those that somebody may start now. */
  readonly ready: number;
  /** Ended ones that are in `byStatus`, and in no list any more; the history has them. */
  readonly forgotten: number;
  /** Of those that are held and completed: from their last start to their end; null for none. */
  readonly meanMs: number | null;
  /** What the task runner runs of the session just now. */
  readonly running: number;
  readonly lastResume: (ResumeReceipt & { readonly at: number }) | null;
}

/** What became of the open tasks of a session, in dependency order. */
export interface TasksResumed extends Repeatable {
  readonly resumed: number;
  readonly skipped: number;
  readonly failed: number;
  /** The first 1,000. */
  readonly tasks: readonly {
    readonly taskId: string;
    readonly outcome: 'resumed' | 'skipped' | 'failed';
    readonly reason: string;
  }[];
}

/** What a check of a task found; warnings do not fail. */
export interface TaskChecked {
  readonly taskId: string;
  readonly level: ValidationLevel;
  readonly ok: boolean;
  readonly verdicts: readonly GateVerdict[];
}
