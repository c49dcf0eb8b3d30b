// The attempts at a task: who works on it, until when, and what becomes of it. Each start has an epoch of its own, and a write
// of an older one is refused.
import { assertNever } from '../../base/errors.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import type { RecordedError } from '../recorded-error.ts';
import { after, attemptKey, backoffOf, isReady, type Task } from './task.ts';
import type { StartTask, TaskCommandOf } from './task-commands.ts';
import type { AttemptEnd, GateVerdict, TaskEventData } from './task-events.ts';
import { consequences, firstOpen, statusIn } from './task-graph.ts';
import type { TaskStatus } from './task-machine.ts';
import { lapsedOffer } from './task-offers.ts';
import { leaseLost, notNow } from './task-refusals.ts';
import type { TasksState } from './task-state.ts';

export type AttemptCommand = TaskCommandOf<
  | 'task.start'
  | 'task.dispatch'
  | 'task.progress'
  | 'task.complete'
  | 'task.fail'
  | 'task.release'
  | 'task.validate'
  | 'task.lapse'
>;

export function decideAttempt(state: TasksState, task: Task, command: AttemptCommand, at: number): Decision {
  if (command.type === 'task.start') return startTask(state, task, command, at);
  if (command.type === 'task.lapse') return lapse(state, task, at, command.now ?? at);
  const { taskId, epoch } = task;
  if (command.epoch !== undefined ? command.epoch !== epoch : task.owner !== null && task.leaseUntil !== null)
    return leaseLost(state, task, command.epoch ?? null);
  const isAtWork = task.status === 'in_progress';
  if (command.type === 'task.validate')
    return task.status === 'validating'
      ? judge(state, task, command.gates, at)
      : notNow(state, task, command.type);
  if (!isAtWork)
    return command.epoch === undefined
      ? notNow(state, task, command.type)
      : leaseLost(state, task, command.epoch);
  switch (command.type) {
    case 'task.dispatch': {
      const { agent, runId } = command;
      return { events: [{ type: 'task.dispatched', data: { taskId, epoch, agent, runId } }] };
    }
    case 'task.progress': {
      const leaseUntil = command.leaseMs === null ? task.leaseUntil : at + command.leaseMs;
      const data = { taskId, epoch, progress: command.progress, leaseUntil };
      return { events: [{ type: 'task.progressed', data }], reply: { leaseUntil } };
    }
    case 'task.complete':
      return completeTask(state, task, command);
    case 'task.fail':
      return attemptFailed(state, task, 'failed', command.error, at, command.retryable);
    case 'task.release':
      return requeued(state, task, { reason: 'released', error: null, notBefore: null });
    default:
      return assertNever(command);
  }
}

function startTask(state: TasksState, task: Task, { owner, leaseMs, type }: StartTask, at: number): Decision {
  const { sessionId } = state;
  const { taskId } = task;
  if (task.status === 'blocked')
    return refuse('TASK_NOT_READY', { sessionId, taskId, problem: 'it waits for other tasks' });
  if (task.status !== 'pending') return notNow(state, task, type);
  if (!isReady(task))
    return refuse('TASK_NOT_READY', { sessionId, taskId, problem: `it waits until ${task.notBefore}` });
  const epoch = task.epoch + 1;
  const leaseUntil = after(at, leaseMs);
  return {
    events: [{ type: 'task.started', data: { taskId, epoch, owner, leaseUntil } }],
    reply: { epoch, leaseUntil, key: attemptKey(sessionId, task, epoch) },
  };
}

/** A result that has to be checked is submitted, and not more. */
function completeTask(state: TasksState, task: Task, { result }: TaskCommandOf<'task.complete'>): Decision {
  const { taskId, epoch } = task;
  if (task.gates.length > 0 || task.level !== null)
    return {
      events: [{ type: 'task.submitted', data: { taskId, epoch, result } }],
      reply: { status: 'validating' },
    };
  return completed(state, task, { taskId, epoch, result });
}

function completed(state: TasksState, { taskId }: Task, data: object): Decision {
  return {
    events: [{ type: 'task.completed', data }, ...consequences(state, new Map([[taskId, 'completed']]))],
    reply: { status: 'completed' },
  };
}

/** Warnings do not fail. All gates of the task must have spoken. */
function judge(state: TasksState, task: Task, gates: readonly GateVerdict[], at: number): Decision {
  const { sessionId } = state;
  const { taskId, epoch } = task;
  const missing = task.gates.filter((name) => gates.every(({ gate }) => gate !== name));
  if (missing.length > 0)
    return refuse('TASK_NOT_READY', {
      sessionId,
      taskId,
      problem: `nothing is known of ${missing.join(', ')}`,
    });
  const failed = gates.filter(({ ok, severity }) => !ok && severity === 'error');
  if (failed.length === 0) return completed(state, task, { taskId, epoch, gates });
  const message = failed.map(({ gate, problem }) => `${gate}: ${problem ?? 'it did not pass'}`).join('; ');
  const error: RecordedError = { name: 'TaskRejected', message: message.slice(0, 1_000) };
  return attemptFailed(state, task, 'rejected', error, at, true, gates);
}

/** Tried again behind a back-off, or failed for good, with all that follows for others. */
function attemptFailed(
  state: TasksState,
  task: Task,
  reason: Exclude<AttemptEnd, 'released'>,
  error: RecordedError,
  at: number,
  retryable: boolean,
  gates?: readonly GateVerdict[],
): Decision {
  const failures = task.failures + 1;
  const said = gates === undefined ? {} : { gates };
  if (!retryable || failures >= task.retry.maxAttempts)
    return failedForGood(state, task, { reason, error, ...said });
  const waitMs = backoffOf(task.retry, failures);
  const notBefore = waitMs === 0 ? null : at + waitMs;
  const decision = requeued(state, task, { reason, error, notBefore, ...said });
  return { ...decision, reply: { ...decision.reply, notBefore } };
}

function failedForGood(
  state: TasksState,
  { taskId }: Task,
  data: { readonly reason: string; readonly error: RecordedError },
): Decision {
  const status: TaskStatus = 'failed';
  return {
    events: [
      { type: 'task.failed', data: { taskId, ...data } },
      ...consequences(state, new Map([[taskId, status]])),
    ],
    reply: { status },
  };
}

/** Behind its dependencies again: one whose failure it was let to ignore may have been retried meanwhile. */
function requeued(
  state: TasksState,
  { taskId, epoch, dependencies }: Task,
  data: Omit<TaskEventData['task.requeued'], 'taskId' | 'epoch'>,
) {
  const events: Proposal[] = [{ type: 'task.requeued', data: { taskId, epoch, ...data } }];
  const by = firstOpen(dependencies, statusIn(state));
  if (by === undefined) return { events, reply: { status: 'pending' } };
  events.push({ type: 'task.blocked', data: { taskId, by } });
  return { events, reply: { status: 'blocked' } };
}

/** The first that has passed: a deadline is the end, a lease or a limit costs an attempt, a back-off is over. */
function lapse(state: TasksState, task: Task, at: number, now: number): Decision {
  const { taskId, status, deadlineAt, leaseUntil, startedAt, timeoutMs, notBefore } = task;
  const has = (time: number | null): boolean => time !== null && time <= at;
  if (deadlineAt !== null && deadlineAt <= now)
    return failedForGood(state, task, {
      reason: 'deadline',
      error: problem('TASK_DEADLINE', 'its deadline has passed'),
    });
  if (status === 'in_progress' && has(leaseUntil))
    return attemptFailed(
      state,
      task,
      'expired',
      problem('TASK_EXPIRED', 'nothing was heard within its lease'),
      at,
      true,
    );
  if (status === 'in_progress' && has(after(startedAt, timeoutMs)))
    return attemptFailed(
      state,
      task,
      'timedOut',
      problem('TASK_TIMEOUT', `it took longer than ${timeoutMs} ms`),
      at,
      true,
    );
  const offer = lapsedOffer(task, at);
  if (offer !== undefined) return { events: [offer] };
  if (status === 'pending' && has(notBefore)) return { events: [{ type: 'task.readied', data: { taskId } }] };
  return { events: [] };
}

const problem = (code: string, message: string): RecordedError => ({ name: 'TaskError', message, code });
