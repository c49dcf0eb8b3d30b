// Tasks as a graph: what each waits for, what the end of one does to the others, and that none ever waits for itself.
import type { Proposal } from '../law.ts';
import { byUrgency, type Dependency, isEnded, type Task } from './task.ts';
import type { TaskStatus } from './task-machine.ts';
import type { TasksState } from './task-state.ts';

/** `open`: it waits. `settled`: nothing is in its way. `doomed`: what it depends on has failed, and it goes with it. */
type Standing = { readonly stands: 'open' | 'settled' } | { readonly stands: 'doomed'; readonly by: string };

/** The status of a task as it would be; of one that is not held nothing is in the way. */
export type StatusOf = (taskId: string) => TaskStatus | undefined;

export const statusIn =
  ({ tasks }: Pick<TasksState, 'tasks'>): StatusOf =>
  (taskId) =>
    tasks.get(taskId)?.status;

export function standingOf(dependencies: readonly Dependency[], statusOf: StatusOf): Standing {
  const doom = dependencies.find(
    ({ taskId, onFailure }) => onFailure === 'cancel' && hasFailed(statusOf(taskId)),
  );
  if (doom !== undefined) return { stands: 'doomed', by: doom.taskId };
  return { stands: firstOpen(dependencies, statusOf) === undefined ? 'settled' : 'open' };
}

const hasFailed = (status: TaskStatus | undefined): boolean => status === 'failed' || status === 'cancelled';

/** What a task waits for. */
export function firstOpen(dependencies: readonly Dependency[], statusOf: StatusOf): string | undefined {
  return dependencies.find(({ taskId, onFailure }) => {
    const status = statusOf(taskId) ?? 'completed';
    return hasFailed(status) ? onFailure === 'block' : status !== 'completed';
  })?.taskId;
}

/** Those that depend on a task, most urgent first. */
function dependentsOf({ tasks, dependents }: TasksState, taskId: string): Task[] {
  return (dependents.get(taskId) ?? [])
    .map((id) => tasks.get(id))
    .filter((task) => task !== undefined)
    .sort(byUrgency);
}

/** What follows for others when the statuses of some tasks change: step by step, each once, most urgent first. */
export function consequences(state: TasksState, changed: ReadonlyMap<string, TaskStatus>): Proposal[] {
  const now = new Map(changed);
  const statusOf: StatusOf = (id) => now.get(id) ?? statusIn(state)(id);
  const proposals: Proposal[] = [];
  const queue = [...changed.keys()];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    for (const { taskId, dependencies } of dependentsOf(state, id)) {
      const status = statusOf(taskId) ?? 'completed';
      const found = stepOf(taskId, status, standingOf(dependencies, statusOf), id);
      if (found === undefined) continue;
      proposals.push(found.proposal);
      now.set(taskId, found.to);
      if (found.to === 'cancelled') queue.push(taskId);
    }
  }
  return proposals;
}

/** One that is at work is past its dependencies. */
function stepOf(
  taskId: string,
  status: TaskStatus,
  standing: Standing,
  by: string,
): { readonly proposal: Proposal; readonly to: TaskStatus } | undefined {
  const rests = status === 'blocked' || status === 'pending' || status === 'paused';
  if (standing.stands === 'doomed' && rests)
    return { proposal: cancelledBy(taskId, standing.by), to: 'cancelled' };
  if (standing.stands === 'settled' && status === 'blocked')
    return { proposal: { type: 'task.unblocked', data: { taskId, by } }, to: 'pending' };
  if (standing.stands === 'open' && status === 'pending')
    return { proposal: { type: 'task.blocked', data: { taskId, by } }, to: 'blocked' };
  return undefined;
}

export const cancelledBy = (taskId: string, by: string): Proposal => ({
  type: 'task.cancelled',
  data: { taskId, reason: 'dependencyFailed', by },
});

/** A way from `from` to `to` along dependencies, both named; undefined when there is none. */
export function pathBetween(
  dependenciesOf: (taskId: string) => readonly Dependency[],
  from: string,
  to: string,
): readonly string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
  const stack = [from];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (id === to) return pathTo(cameFrom, id);
    for (const { taskId } of dependenciesOf(id)) {
      if (cameFrom.has(taskId)) continue;
      cameFrom.set(taskId, id);
      stack.push(taskId);
    }
  }
  return undefined;
}

function pathTo(cameFrom: ReadonlyMap<string, string | undefined>, end: string): readonly string[] {
  const path = [end];
  for (let id = cameFrom.get(end); id !== undefined; id = cameFrom.get(id)) path.unshift(id);
  return path;
}

interface Node {
  readonly taskId: string;
  readonly priority: number;
  readonly seq: number;
  readonly dependencies: readonly Dependency[];
}

/**
 * Each behind all that it depends on, otherwise most urgent first. What is left over when nothing can come next stands in a
 * cycle: that is `rest`.
 */
export function inOrder<T extends Node>(nodes: readonly T[]): { readonly order: T[]; readonly rest: T[] } {
  const byId = new Map(nodes.map((node) => [node.taskId, node]));
  const waits = new Map<string, number>();
  const dependents = new Map<string, T[]>();
  for (const node of nodes) {
    const within = node.dependencies.filter(({ taskId }) => byId.has(taskId));
    waits.set(node.taskId, within.length);
    for (const { taskId } of within) {
      const known = dependents.get(taskId);
      if (known === undefined) dependents.set(taskId, [node]);
      else known.push(node);
    }
  }
  const order: T[] = [];
  let layer = nodes.filter(({ taskId }) => waits.get(taskId) === 0).sort(byUrgency);
  while (layer.length > 0) {
    const next: T[] = [];
    for (const node of layer) {
      order.push(node);
      for (const dependent of dependents.get(node.taskId) ?? []) {
        const left = (waits.get(dependent.taskId) ?? 0) - 1;
        waits.set(dependent.taskId, left);
        if (left === 0) next.push(dependent);
      }
    }
    layer = next.sort(byUrgency);
  }
  return { order, rest: nodes.filter(({ taskId }) => (waits.get(taskId) ?? 0) > 0) };
}

/** The open tasks, each behind those that it waits for. */
export function openInOrder({ tasks }: Pick<TasksState, 'tasks'>): Task[] {
  return inOrder([...tasks.entries()].map(([, task]) => task).filter((task) => !isEnded(task))).order;
}
