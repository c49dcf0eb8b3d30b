// Tasks as users see them.
import { isReady, type Task } from '../../domain/task/task.ts';
import type { TaskEventData } from '../../domain/task/task-events.ts';
import type { TaskDetails, TaskInfo } from '../../operations/views/task-views.ts';
import type { SessionTasks } from './session-tasks.ts';

export function taskInfo(task: Task): TaskInfo {
  const { taskId, title, description, status, priority, agent, role, metadata, dependencies, retry } = task;
  const { timeoutMs, deadlineAt, gates, level: validation, version, epoch, failures, owner, runId } = task;
  const { leaseUntil, progress, notBefore, createdAt, updatedAt, startedAt, endedAt, reason } = task;
  const { seq: _, ...offer } = task.offer ?? { seq: 0 };
  return {
    ...{ taskId, title, description, status, ready: isReady(task), priority, agent, role, metadata },
    ...{ dependencies, retry, timeoutMs, deadlineAt, gates, validation, version, epoch, failures },
    ...{ owner, runId, leaseUntil, progress, notBefore, createdAt, updatedAt, startedAt, endedAt, reason },
    ...(task.origin !== undefined && { origin: task.origin }),
    offer: 'to' in offer ? offer : null,
  };
}

export async function taskDetails(tasks: SessionTasks, sessionId: string, task: Task): Promise<TaskDetails> {
  const input = await tasks.inputOf(sessionId, task);
  const result = await tasks.resultOf(sessionId, task);
  const failed = await tasks.dataAt<'task.failed'>(sessionId, task.errorSeq);
  return {
    ...taskInfo(task),
    ...{ input, result, error: failed.error ?? null },
    verdicts: (await verdictsOf(tasks, sessionId, task)) ?? failed.gates ?? [],
  };
}

/** Of one that has completed they stand in the event that ended it. */
async function verdictsOf(
  tasks: SessionTasks,
  sessionId: string,
  { status, endSeq }: Task,
): Promise<TaskEventData['task.completed']['gates']> {
  if (status !== 'completed') return undefined;
  return (await tasks.dataAt<'task.completed'>(sessionId, endSeq)).gates ?? [];
}
