// What can be asked of the tasks of a session. Commands come checked from the layers above; whether they are lawful is decided
// by the law.
import type { Durability } from '../../base/durability.ts';
import type { Json } from '../../base/json.ts';
import type { RecordedError } from '../recorded-error.ts';
import type { Dependency, NewTask, TaskOrigin, TaskProgress } from './task.ts';
import type { GateVerdict, ResumeReceipt, TaskChanges } from './task-events.ts';
import type { TaskOfferCommand } from './task-offer.ts';

/** All or none. */
export interface CreateTasks {
  readonly type: 'task.create';
  readonly tasks: readonly NewTask[];
  /** What the session's answers wait for. */
  readonly durability: Durability;
}

export interface AdoptedTask {
  readonly task: NewTask;
  readonly origin: TaskOrigin;
  /** Of the event that ended it, in the session that it comes from. */
  readonly seq: number;
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly result: Json;
  readonly error: RecordedError;
  readonly reason: string | null;
}

/** Those that are known already are left out. */
export interface AdoptTasks {
  readonly type: 'task.adopt';
  readonly from: string;
  /** In the order in which they ended. */
  readonly tasks: readonly AdoptedTask[];
  readonly durability: Durability;
}

interface OfTask {
  readonly taskId: string;
}

/** The version that the caller has seen; another by now refuses the command. */
interface Seen extends OfTask {
  readonly expectedVersion?: number;
}

/** The attempt that speaks. */
interface OfAttempt extends OfTask {
  readonly epoch?: number;
}

export interface StartTask extends Seen {
  readonly type: 'task.start';
  readonly owner: string;
  /** How long it is theirs without a word; null for ever. */
  readonly leaseMs: number | null;
}

export type TaskCommand =
  | TaskOfferCommand
  | CreateTasks
  | AdoptTasks
  | StartTask
  | (Seen & { readonly type: 'task.update'; readonly changes: TaskChanges })
  | (Seen & { readonly type: 'task.assign'; readonly agent: string | null; readonly role: string | null })
  | (Seen & { readonly type: 'task.addDependency'; readonly dependency: Dependency })
  | (Seen & { readonly type: 'task.removeDependency'; readonly dependsOn: string })
  | (Seen & { readonly type: 'task.pause'; readonly reason: string })
  | (Seen & { readonly type: 'task.resume'; readonly reason: string })
  | (Seen & { readonly type: 'task.cancel'; readonly reason: string })
  | (Seen & { readonly type: 'task.retry'; readonly reason: string })
  | (OfAttempt & { readonly type: 'task.dispatch'; readonly agent: string; readonly runId: string })
  | (OfAttempt & {
      readonly type: 'task.progress';
      readonly progress: TaskProgress | null;
      /** Renews the lease for so long; null leaves it as it is. */
      readonly leaseMs: number | null;
    })
  | (OfAttempt & { readonly type: 'task.complete'; readonly result: Json })
  | (OfAttempt & { readonly type: 'task.fail'; readonly error: RecordedError; readonly retryable: boolean })
  | (OfAttempt & { readonly type: 'task.release' })
  /** What gates said of the result of an attempt. */
  | (OfAttempt & { readonly type: 'task.validate'; readonly gates: readonly GateVerdict[] })
  /** What the clock has decided: a deadline, a lease, a limit of an attempt, or the end of a back-off. */
  | (OfTask & {
      readonly type: 'task.lapse';
      /** By the clock, where that is not the time of the stream. */
      readonly now?: number;
    })
  | { readonly type: 'tasks.noteResumed'; readonly receipt: ResumeReceipt };

export type TaskCommandOf<Type extends TaskCommand['type']> = Extract<TaskCommand, { readonly type: Type }>;
