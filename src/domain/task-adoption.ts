// Tasks that have ended in another session, taken over as what they are there: nobody does them again. Each is told by the events of
// a task of its own, with where it comes from.
import { type Decision, type Proposal, refuse } from './law.ts';
import type { TaskOrigin } from './task.ts';
import type { AdoptedTask, AdoptTasks } from './task-commands.ts';
import { sizeOf } from './task-evolve.ts';
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
  const known = new Set([...state.tasks.entries()].map(([, { origin }]) => textOf(origin)));
  const through = adoptedThrough(state, from);
  const fresh = tasks.filter(
    ({ seq, origin }) => seq > through && origin.sessionId !== state.sessionId && !known.has(textOf(origin)),
  );
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
  return { events, reply: { adopted: fresh.length } };
}

const textOf = (origin: TaskOrigin | undefined): string | undefined =>
  origin && `${origin.sessionId}/${origin.taskId}`;

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
  const epoch = 1;
  switch (status) {
    case 'completed': {
      const started = { taskId, epoch, owner: `session:${from}`, leaseUntil: null };
      return [
        created,
        { type: 'task.started', data: started },
        { type: 'task.completed', data: { taskId, epoch, result } },
      ];
    }
    case 'failed':
      return [created, { type: 'task.failed', data: { taskId, reason: 'failed', error } }];
    case 'cancelled':
      return [created, { type: 'task.cancelled', data: { taskId, reason: reason ?? 'cancelled', by: null } }];
  }
}
