// New tasks, one or many: all are created or none is.
import { type Decision, type Proposal, refuse } from '../law.ts';
import type { NewTask } from './task.ts';
import type { CreateTasks } from './task-commands.ts';
import { sizeOf } from './task-evolve.ts';
import { cancelledBy, inOrder, type StatusOf, standingOf, statusIn } from './task-graph.ts';
import type { TaskStatus } from './task-machine.ts';
import { notFound } from './task-refusals.ts';
import { openCount, type TaskLimits, type TasksState } from './task-state.ts';

export function createTasks(
  state: TasksState,
  { tasks, durability }: CreateTasks,
  limits: TaskLimits,
): Decision {
  const refusal = refusalOf(state, tasks, limits);
  if (refusal !== undefined) return refusal;
  const { order, rest } = inOrder(tasks.map((task, index) => ({ ...task, seq: index })));
  if (rest.length > 0)
    return cycle(
      state,
      rest.map(({ taskId }) => taskId),
    );
  const made = new Map<string, TaskStatus>();
  const statusOf: StatusOf = (id) => made.get(id) ?? statusIn(state)(id);
  const follows: Proposal[] = [];
  const statuses = new Map<string, 'pending' | 'blocked'>();
  for (const { taskId, dependencies } of order) {
    const standing = standingOf(dependencies, statusOf);
    const status = standing.stands === 'settled' ? 'pending' : 'blocked';
    statuses.set(taskId, status);
    made.set(taskId, standing.stands === 'doomed' ? 'cancelled' : status);
    if (standing.stands === 'doomed') follows.push(cancelledBy(taskId, standing.by));
  }
  const isFirst = state.tasks.size === 0 && durability !== state.durability;
  const created = tasks.map(
    (task, index): Proposal => ({
      type: 'task.created',
      data: { ...task, status: statuses.get(task.taskId), ...(isFirst && index === 0 && { durability }) },
    }),
  );
  const reply = { tasks: tasks.map(({ taskId }) => ({ taskId, status: made.get(taskId) })) };
  return { events: [...created, ...follows], reply };
}

function refusalOf(state: TasksState, tasks: readonly NewTask[], limits: TaskLimits): Decision | undefined {
  const { sessionId } = state;
  const fresh = new Set<string>();
  for (const { taskId } of tasks) {
    if (state.tasks.has(taskId) || fresh.has(taskId)) return refuse('TASK_EXISTS', { sessionId, taskId });
    fresh.add(taskId);
  }
  for (const { taskId, dependencies } of tasks) {
    const unknown = dependencies.find((known) => !fresh.has(known.taskId) && !state.tasks.has(known.taskId));
    if (unknown !== undefined) return notFound(state, unknown.taskId);
    if (dependencies.length > limits.dependencies)
      return full(state, `dependencies of task ${taskId}`, dependencies.length, limits.dependencies);
  }
  const open = openCount(state) + tasks.length;
  if (open > limits.openTasks) return full(state, 'list of open tasks', open, limits.openTasks);
  const size = tasks.reduce((sum, task) => sum + sizeOf(task), state.size);
  return size > limits.bytes ? full(state, 'text of all tasks', size, limits.bytes) : undefined;
}

const full = ({ sessionId }: TasksState, what: string, size: number, limit: number): Decision =>
  refuse('AT_CAPACITY', { what, sessionId, size, limit });

const cycle = ({ sessionId }: TasksState, ids: readonly string[]): Decision =>
  refuse('TASK_CYCLE', { sessionId, taskId: ids[0] ?? '', path: ids.slice(0, 20).join(', ') });
