// What happens to the tasks of a session. All of it stands in one stream, so that what one task does to others is one step.

import type { Durability } from '../../base/durability.ts';
import type { Json } from '../../base/json.ts';
import type { RecordedError } from '../recorded-error.ts';
import type { Dependency, NewTask, TaskOrigin, TaskProgress } from './task.ts';
import type { TaskOfferEventData } from './task-offer.ts';

/** Why an attempt has ended without a result. `rejected`: its result did not pass its gates. */
export type AttemptEnd = 'failed' | 'expired' | 'timedOut' | 'released' | 'rejected';

/** What one gate said of a result. */
export interface GateVerdict {
  readonly gate: string;
  readonly ok: boolean;
  /** A warning tells of what is unusual, and fails nothing. */
  readonly severity: 'error' | 'warning';
  readonly problem: string | null;
}

/** What can be changed of a task; what is not named stays. */
export type TaskChanges = Partial<
  Pick<
    NewTask,
    | 'title'
    | 'description'
    | 'priority'
    | 'metadata'
    | 'retry'
    | 'timeoutMs'
    | 'deadlineAt'
    | 'gates'
    | 'level'
  >
>;

/** What became of the open tasks of a session when somebody took them up again. */
export interface ResumeReceipt {
  readonly resumed: number;
  readonly skipped: number;
  readonly failed: number;
  readonly cause: 'boot' | 'requested';
}

interface OfTask {
  readonly taskId: string;
}

interface OfAttempt extends OfTask {
  readonly epoch: number;
}

export interface TaskEventData extends TaskOfferEventData {
  'task.created': NewTask & {
    readonly status: 'pending' | 'blocked';
    /** What the session's answers wait for, where that is not `fsync`: with the first of its tasks. */
    readonly durability?: Durability;
    /** Of one that was done in another session: where it was first, and its end in the session that it comes from. */
    readonly origin?: TaskOrigin;
    readonly adopted?: { readonly from: string; readonly seq: number };
  };
  'task.updated': OfTask & { readonly changes: TaskChanges };
  'task.assigned': OfTask & { readonly agent: string | null; readonly role: string | null };
  'task.dependencyAdded': OfTask & { readonly dependency: Dependency };
  'task.dependencyRemoved': OfTask & { readonly dependsOn: string };
  'task.blocked': OfTask & { readonly by: string };
  'task.unblocked': OfTask & { readonly by: string };
  'task.started': OfAttempt & { readonly owner: string; readonly leaseUntil: number | null };
  'task.dispatched': OfAttempt & { readonly agent: string; readonly runId: string };
  'task.progressed': OfAttempt & {
    readonly progress: TaskProgress | null;
    readonly leaseUntil: number | null;
  };
  'task.submitted': OfAttempt & { readonly result: Json };
  'task.completed': OfAttempt & {
    /** Absent of one that was validated: it stands in `task.submitted`. */
    readonly result?: Json;
    readonly gates?: readonly GateVerdict[];
  };
  'task.requeued': OfAttempt & {
    readonly reason: AttemptEnd;
    readonly error: RecordedError | null;
    readonly notBefore: number | null;
    readonly gates?: readonly GateVerdict[];
  };
  'task.readied': OfTask;
  'task.failed': OfTask & {
    readonly reason: AttemptEnd | 'deadline';
    readonly error: RecordedError;
    readonly gates?: readonly GateVerdict[];
  };
  'task.cancelled': OfTask & {
    readonly reason: string;
    /** The task whose failure it follows. */
    readonly by: string | null;
  };
  'task.paused': OfTask & { readonly reason: string };
  'task.resumed': OfTask & { readonly to: 'pending' | 'blocked'; readonly reason: string };
  'task.retried': OfTask & { readonly to: 'pending' | 'blocked'; readonly reason: string };
  'tasks.resumed': ResumeReceipt;
}

export type TaskEventType = keyof TaskEventData;

/** The compiler sees to it that none is forgotten. */
export const taskEventTypes: Readonly<Record<TaskEventType, true>> = {
  'task.created': true,
  'task.updated': true,
  'task.assigned': true,
  'task.dependencyAdded': true,
  'task.dependencyRemoved': true,
  'task.blocked': true,
  'task.unblocked': true,
  'task.started': true,
  'task.dispatched': true,
  'task.progressed': true,
  'task.submitted': true,
  'task.completed': true,
  'task.requeued': true,
  'task.readied': true,
  'task.failed': true,
  'task.cancelled': true,
  'task.paused': true,
  'task.resumed': true,
  'task.retried': true,
  'task.offered': true,
  'task.handedOver': true,
  'task.offerEnded': true,
  'tasks.resumed': true,
};
