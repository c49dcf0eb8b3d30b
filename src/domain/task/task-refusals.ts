// Why a command to a task is refused, in the words that all of them share.
import { type Decision, refuse } from '../law.ts';
import type { Task } from './task.ts';
import type { TasksState } from './task-state.ts';

type Refused = Decision & { readonly refusal: unknown };
type Of = Pick<TasksState, 'sessionId'>;

export const notFound = ({ sessionId }: Of, taskId: string): Refused =>
  refuse('TASK_NOT_FOUND', { sessionId, taskId });

export const conflict = ({ sessionId }: Of, { taskId, version }: Task, expected: number): Refused =>
  refuse('TASK_CONFLICT', { sessionId, taskId, expected, version });

/** What it is asked for is not lawful in its status. */
export const notNow = ({ sessionId }: Of, { taskId, status }: Task, command: string): Refused =>
  refuse('TASK_TRANSITION', { sessionId, taskId, status, command });

export const leaseLost = (
  { sessionId }: Of,
  { taskId, epoch: current }: Task,
  epoch: number | null,
): Refused => refuse('TASK_LEASE_LOST', { sessionId, taskId, epoch: epoch ?? 'none', current });
