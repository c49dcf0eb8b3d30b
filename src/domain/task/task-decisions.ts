// What commands to the tasks of a session lead to: the events that would follow, or why they are refused. What one task does to
// others is part of the same decision.
import { type Decision, type Proposal, refuse } from '../law.ts';
import { isEnded, type Task } from './task.ts';
import { adoptTasks } from './task-adoption.ts';
import { type AttemptCommand, decideAttempt } from './task-attempts.ts';
import type { TaskCommand, TaskCommandOf } from './task-commands.ts';
import { createTasks } from './task-creation.ts';
import { sizeOf } from './task-evolve.ts';
import { consequences, pathBetween, standingOf, statusIn } from './task-graph.ts';
import type { TaskStatus } from './task-machine.ts';
import { decideTaskOffer } from './task-offers.ts';
import { conflict, notFound, notNow } from './task-refusals.ts';
import { type TaskLimits, type TasksState, taskLimits } from './task-state.ts';

export function decideTasks(
  state: TasksState,
  command: TaskCommand,
  at: number,
  limits: TaskLimits = taskLimits,
): Decision {
  if (command.type === 'task.create') return createTasks(state, command, limits);
  if (command.type === 'task.adopt') return adoptTasks(state, command, limits);
  if (command.type === 'tasks.noteResumed')
    return { events: [{ type: 'tasks.resumed', data: command.receipt }] };
  const task = state.tasks.get(command.taskId);
  if (task === undefined) return notFound(state, command.taskId);
  if ('expectedVersion' in command && command.expectedVersion !== undefined)
    if (command.expectedVersion !== task.version) return conflict(state, task, command.expectedVersion);
  const decision = decideOne(state, task, command, at, limits);
  return 'refusal' in decision
    ? decision
    : { ...decision, reply: { taskId: task.taskId, ...decision.reply } };
}

function decideOne(
  state: TasksState,
  task: Task,
  command: Exclude<TaskCommand, TaskCommandOf<'task.create' | 'task.adopt' | 'tasks.noteResumed'>>,
  at: number,
  limits: TaskLimits,
): Decision {
  switch (command.type) {
    case 'task.update':
      return updateTask(state, task, command, limits);
    case 'task.assign':
      return assignTask(state, task, command);
    case 'task.addDependency':
      return addDependency(state, task, command, limits);
    case 'task.removeDependency':
      return removeDependency(state, task, command);
    case 'task.pause':
      return pauseTask(state, task, command.reason);
    case 'task.resume':
      return goOn(state, task, 'task.resumed', command.reason);
    case 'task.retry':
      return goOn(state, task, 'task.retried', command.reason);
    case 'task.cancel':
      return cancelTask(state, task, command.reason);
    case 'task.offer':
    case 'task.take':
    case 'task.decline':
    case 'task.withdraw':
      return decideTaskOffer(state, task, command, at);
    default:
      return decideAttempt(state, task, command satisfies AttemptCommand, at);
  }
}

function updateTask(
  state: TasksState,
  task: Task,
  { type, changes }: TaskCommandOf<'task.update'>,
  limits: TaskLimits,
): Decision {
  const { taskId } = task;
  if (isEnded(task)) return notNow(state, task, type);
  const size = state.size - task.size + sizeOf({ ...task, ...changes });
  if (size > limits.bytes)
    return refuse('AT_CAPACITY', {
      ...{ what: 'text of all tasks', sessionId: state.sessionId, size, limit: limits.bytes },
    });
  const isSame = Object.entries(changes).every(
    ([name, value]) => JSON.stringify(task[name as keyof Task]) === JSON.stringify(value),
  );
  if (isSame) return { events: [], reply: { version: task.version } };
  return {
    events: [{ type: 'task.updated', data: { taskId, changes } }],
    reply: { version: task.version + 1 },
  };
}

/** Whoever works on it goes on: it is for the next attempt, so it has to rest. */
function assignTask(
  state: TasksState,
  task: Task,
  { type, agent, role }: TaskCommandOf<'task.assign'>,
): Decision {
  const { taskId } = task;
  if (!rests(task)) return notNow(state, task, type);
  if (agent === task.agent && role === task.role) return { events: [], reply: { version: task.version } };
  return {
    events: [{ type: 'task.assigned', data: { taskId, agent, role } }],
    reply: { version: task.version + 1 },
  };
}

const rests = ({ status }: Task): boolean =>
  status === 'blocked' || status === 'pending' || status === 'paused';

function addDependency(
  state: TasksState,
  task: Task,
  { type, dependency }: TaskCommandOf<'task.addDependency'>,
  limits: TaskLimits,
): Decision {
  const { sessionId, tasks } = state;
  const { taskId, dependencies } = task;
  if (!rests(task)) return notNow(state, task, type);
  if (!tasks.has(dependency.taskId)) return notFound(state, dependency.taskId);
  const path = pathBetween((id) => tasks.get(id)?.dependencies ?? [], dependency.taskId, taskId);
  if (path !== undefined)
    return refuse('TASK_CYCLE', { sessionId, taskId, path: [taskId, ...path].join(' → ') });
  const known = dependencies.find((other) => other.taskId === dependency.taskId);
  if (known?.onFailure === dependency.onFailure) return { events: [], reply: { version: task.version } };
  if (known === undefined && dependencies.length >= limits.dependencies)
    return refuse('AT_CAPACITY', {
      ...{ what: `dependencies of task ${taskId}`, sessionId },
      ...{ size: dependencies.length, limit: limits.dependencies },
    });
  const rest = dependencies.filter((other) => other !== known);
  return relinked(state, task, [...rest, dependency], {
    type: 'task.dependencyAdded',
    data: { taskId, dependency },
  });
}

function removeDependency(
  state: TasksState,
  task: Task,
  { type, dependsOn }: TaskCommandOf<'task.removeDependency'>,
): Decision {
  const { taskId, dependencies } = task;
  const rest = dependencies.filter((dependency) => dependency.taskId !== dependsOn);
  if (rest.length === dependencies.length) return { events: [], reply: { version: task.version } };
  if (!rests(task)) return notNow(state, task, type);
  return relinked(state, task, rest, { type: 'task.dependencyRemoved', data: { taskId, dependsOn } });
}

/** It waits for others now, or for fewer: it is blocked, unblocked or cancelled at once. */
function relinked(
  state: TasksState,
  task: Task,
  dependencies: Task['dependencies'],
  proposal: Proposal,
): Decision {
  const standing = standingOf(dependencies, statusIn(state));
  const { taskId, status } = task;
  const by = dependencies.at(-1)?.taskId ?? taskId;
  const events: Proposal[] = [proposal];
  if (standing.stands === 'doomed') events.push(...cancelled(state, task, 'dependencyFailed', standing.by));
  else if (standing.stands === 'open' && status === 'pending')
    events.push({ type: 'task.blocked', data: { taskId, by } });
  else if (standing.stands === 'settled' && status === 'blocked')
    events.push({ type: 'task.unblocked', data: { taskId, by } });
  return { events, reply: { version: task.version + 1 } };
}

function pauseTask(state: TasksState, task: Task, reason: string): Decision {
  const { taskId, status } = task;
  if (status === 'paused') return { events: [], reply: { status } };
  if (!rests(task) && status !== 'in_progress') return notNow(state, task, 'task.pause');
  return { events: [{ type: 'task.paused', data: { taskId, reason } }], reply: { status: 'paused' } };
}

/** Back to where its dependencies let it be. One that would be cancelled at once stays where it is. */
function goOn(
  state: TasksState,
  task: Task,
  type: 'task.resumed' | 'task.retried',
  reason: string,
): Decision {
  const { sessionId } = state;
  const { taskId, status } = task;
  const from: readonly TaskStatus[] = type === 'task.resumed' ? ['paused'] : ['failed', 'cancelled'];
  if (!from.includes(status))
    return notNow(state, task, type === 'task.resumed' ? 'task.resume' : 'task.retry');
  const standing = standingOf(task.dependencies, statusIn(state));
  if (standing.stands === 'doomed')
    return refuse('TASK_NOT_READY', {
      sessionId,
      taskId,
      problem: `${standing.by} has failed, and it follows that`,
    });
  const to = standing.stands === 'settled' ? 'pending' : 'blocked';
  const follows = type === 'task.retried' ? consequences(state, new Map([[taskId, to]])) : [];
  return { events: [{ type, data: { taskId, to, reason } }, ...follows], reply: { status: to } };
}

/** Cancelling what has ended succeeds, and says how it ended. */
function cancelTask(state: TasksState, task: Task, reason: string): Decision {
  if (isEnded(task)) return { events: [], reply: { status: task.status } };
  return { events: cancelled(state, task, reason, null), reply: { status: 'cancelled' } };
}

function cancelled(state: TasksState, { taskId }: Task, reason: string, by: string | null): Proposal[] {
  return [
    { type: 'task.cancelled', data: { taskId, reason, by } },
    ...consequences(state, new Map([[taskId, 'cancelled']])),
  ];
}
