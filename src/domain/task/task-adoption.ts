// Tasks that have ended in another session, taken over as what they are there: nobody does them again. Each is told by the events of
// a task of its own, with where it comes from. One that is known, and had failed, is completed once it was completed there.
import type { Json } from '../../base/json.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import type { Task, TaskOrigin } from './task.ts';
import type { AdoptedTask, AdoptTasks } from './task-commands.ts';
import { sizeOf } from './task-evolve.ts';
import { consequences } from './task-graph.ts';
import type { TaskStatus } from './task-machine.ts';
import type { TaskLimits, TasksState } from './task-state.ts';

/** Of an id. */
const maxCharacters = 64;

/** How far the tasks of another session were taken over. */
export const adoptedThrough = ({ adopted }: Pick<TasksState, 'adopted'>, sessionId: string): number =>
  adopted?.find(([from]) => from === sessionId)?.[1] ?? 0;

export function adoptTasks(
  state: TasksState,
  { from, tasks, durability }: AdoptTasks,
  limits: TaskLimits,
): Decision {
  const known = knownTasks(state);
  const through = adoptedThrough(state, from);
  const fresh = tasks.filter(
    ({ seq, origin }) => seq > through && origin.sessionId !== state.sessionId && !known.has(textOf(origin)),
  );
  const late = tasks.flatMap((adopted) => {
    const task = known.get(textOf(adopted.origin));
    return task !== undefined && isLate(task, adopted) ? [{ task, result: adopted.result }] : [];
  });
  const ids = new Set<string>();
  const isFirst = state.tasks.size === 0 && durability !== state.durability;
  const events = fresh.flatMap((adopted, index): readonly Proposal[] => {
    const taskId = freeId(state, ids, adopted);
    ids.add(taskId);
    const own = isFirst && index === 0 ? { durability } : {};
    return eventsOf({ ...adopted, task: { ...adopted.task, taskId } }, from, own);
  });
  const size = fresh.reduce((sum, { task }) => sum + sizeOf(task), state.size);
  if (size > limits.bytes)
    return refuse('AT_CAPACITY', {
      ...{ what: 'text of all tasks', sessionId: state.sessionId, size, limit: limits.bytes },
    });
  return {
    events: [...events, ...completedLate(state, from, late)],
    reply: { adopted: fresh.length + late.length },
  };
}

const textOf = ({ sessionId, taskId }: TaskOrigin): string => `${sessionId}/${taskId}`;

/** By where each comes from, its own by themselves. */
export const knownTasks = ({ sessionId, tasks }: TasksState): ReadonlyMap<string, Task> =>
  new Map([...tasks.entries()].map(([taskId, task]) => [textOf(task.origin ?? { sessionId, taskId }), task]));

/** It was given up here. What is done here, or tried once more, is left to whoever does it. */
export const isLate = (here: Task | undefined, { status }: { readonly status: TaskStatus }): boolean =>
  (here?.status === 'failed' || here?.status === 'cancelled') && status === 'completed';

function completedLate(
  state: TasksState,
  from: string,
  late: readonly { readonly task: Task; readonly result: Json }[],
): readonly Proposal[] {
  const events = late.flatMap(({ task: { taskId, epoch: before }, result }) => {
    const epoch = before + 1;
    return [
      { type: 'task.retried', data: { taskId, to: 'pending', reason: 'merged' } },
      ...completion(taskId, epoch, from, result),
    ];
  });
  const ends = new Map(late.map(({ task }) => [task.taskId, 'completed' as const]));
  return [...events, ...consequences(state, ends)];
}

const completion = (taskId: string, epoch: number, from: string, result: Json): readonly Proposal[] => [
  { type: 'task.started', data: { taskId, epoch, owner: `session:${from}`, leaseUntil: null } },
  { type: 'task.completed', data: { taskId, epoch, result } },
];

/** Its own, where nobody has it; else one that says where it comes from. */
function freeId(state: TasksState, taken: ReadonlySet<string>, { task, origin }: AdoptedTask): string {
  const isFree = (id: string): boolean => !state.tasks.has(id) && !taken.has(id);
  if (isFree(task.taskId)) return task.taskId;
  for (let n = 1; ; n++) {
    const tail = `_${origin.sessionId}`.slice(0, maxCharacters / 2) + (n === 1 ? '' : `_${n}`);
    const id = task.taskId.slice(0, maxCharacters - tail.length) + tail;
    if (isFree(id)) return id;
  }
}

function eventsOf(
  { task, origin, seq, status, result, error, reason }: AdoptedTask,
  from: string,
  own: object,
): readonly Proposal[] {
  const { taskId } = task;
  const place = { from, seq };
  const created = {
    type: 'task.created',
    data: { ...task, status: 'pending', origin, adopted: place, ...own },
  };
  switch (status) {
    case 'completed':
      return [created, ...completion(taskId, 1, from, result)];
    case 'failed':
      return [created, { type: 'task.failed', data: { taskId, reason: 'failed', error } }];
    case 'cancelled':
      return [created, { type: 'task.cancelled', data: { taskId, reason: reason ?? 'cancelled', by: null } }];
  }
}
