// What a task is: work of a session that somebody has to do, what it waits for, and what holds while it is tried. Inputs,
// results and errors stay in the journal; the task holds where.
import type { Json } from '../../base/json.ts';
import type { ValidationLevel } from '../recovery/recovery-vocabulary.ts';
import type { TaskStatus } from './task-machine.ts';
import type { TaskOffer } from './task-offer.ts';

/** What becomes of a task when one that it depends on has failed or was cancelled. */
export const failurePolicies = ['block', 'cancel', 'ignore'] as const;
export type FailurePolicy = (typeof failurePolicies)[number];

export interface Dependency {
  readonly taskId: string;
  readonly onFailure: FailurePolicy;
}

export interface RetryPolicy {
  /** Failures before it has failed for good. */
  readonly maxAttempts: number;
  /** How long the first retry waits, in milliseconds; each further one `factor` times as long, `maxBackoffMs` at most. */
  readonly backoffMs: number;
  readonly factor: number;
  readonly maxBackoffMs: number;
}

/** What is said of a task when it is created. */
export interface NewTask {
  readonly taskId: string;
  readonly title: string;
  readonly description: string | null;
  /** Higher comes first. */
  readonly priority: number;
  /** The registered agent that does it. */
  readonly agent: string | null;
  /** Or the role of those that may do it. */
  readonly role: string | null;
  readonly metadata: Json;
  readonly input: Json;
  readonly dependencies: readonly Dependency[];
  readonly retry: RetryPolicy;
  /** An attempt that takes longer has failed; null for no limit. */
  readonly timeoutMs: number | null;
  /** When it has failed at the latest; null for never. */
  readonly deadlineAt: number | null;
  /** What checks its result, by name. */
  readonly gates: readonly string[];
  /** How thoroughly the result is checked beside that; null for not at all. */
  readonly level: ValidationLevel | null;
}

/** Where a task was done that was taken over from there. */
export interface TaskOrigin {
  readonly sessionId: string;
  readonly taskId: string;
}

export interface TaskProgress {
  /** From 0 to 1; null where nobody said. */
  readonly fraction: number | null;
  readonly note: string | null;
}

/** A task as the state holds it. */
export interface Task extends Omit<NewTask, 'input'> {
  /** Set on one that was done in another session. */
  readonly origin?: TaskOrigin;
  /** The seq of its `task.created`, where its input is; the order of creation too. */
  readonly seq: number;
  readonly status: TaskStatus;
  /** Counts what was changed of it, progress not: a writer may name the version that he has seen. */
  readonly version: number;
  /** Counts its starts: every write of whoever works on it names it, and one of an older epoch is refused. */
  readonly epoch: number;
  /** How many attempts have failed. */
  readonly failures: number;
  /** Who works on it. */
  readonly owner: string | null;
  /** The run of the agent that works on it, or did last. */
  readonly runId: string | null;
  readonly leaseUntil: number | null;
  readonly progress: TaskProgress | null;
  /** Of one that was tried: not before this time again. */
  readonly notBefore: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Where its result is. */
  readonly resultSeq: number | null;
  /** The event that ended it. */
  readonly endSeq: number | null;
  /** Where its newest error is. */
  readonly errorSeq: number | null;
  /** Why it is as it is, in a word or a sentence. */
  readonly reason: string | null;
  /** Set while its attempt is offered to somebody else. */
  readonly offer?: TaskOffer;
  /** About how many bytes its texts have. */
  readonly size: number;
}

const ends: ReadonlySet<TaskStatus> = new Set(['completed', 'failed', 'cancelled']);

export const isEnded = ({ status }: Pick<Task, 'status'>): boolean => ends.has(status);

/** True for one that somebody may start now. */
export const isReady = ({ status, notBefore }: Pick<Task, 'status' | 'notBefore'>): boolean =>
  status === 'pending' && notBefore === null;

/** Higher priority first, then in the order of creation. */
export const byUrgency = (a: Pick<Task, 'priority' | 'seq'>, b: Pick<Task, 'priority' | 'seq'>): number =>
  b.priority - a.priority || a.seq - b.seq;

/**
 * What whoever does the work names in all that he does outside: the same again only for the same attempt. Other sessions have
 * tasks of the same id, and so has this one once the first is forgotten: the session and the seq of its creation tell them apart.
 */
export const attemptKey = (
  sessionId: string,
  { taskId, seq }: Pick<Task, 'taskId' | 'seq'>,
  epoch: number,
): string => `${sessionId}/${taskId}@${seq}:${epoch}`;

/** When the task ends by the clock, whatever was done for it; null for never. */
export const deadlineOf = ({ status, deadlineAt }: Task): number | null =>
  ends.has(status) ? null : deadlineAt;

/** When the task changes by itself because of time that has passed since something was done; null for never. */
export function spanOf({ status, leaseUntil, startedAt, timeoutMs, notBefore, offer }: Task): number | null {
  const times: (number | null)[] = [];
  if (status === 'in_progress')
    times.push(leaseUntil, after(startedAt, timeoutMs), offer?.deadlineAt ?? null);
  if (status === 'pending') times.push(notBefore);
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

export const after = (at: number | null, ms: number | null): number | null =>
  at === null || ms === null ? null : at + ms;

/** How long the retry after so many failures waits. */
export function backoffOf({ backoffMs, factor, maxBackoffMs }: RetryPolicy, failures: number): number {
  return Math.min(maxBackoffMs, Math.round(backoffMs * factor ** Math.min(failures - 1, 1_000)));
}
