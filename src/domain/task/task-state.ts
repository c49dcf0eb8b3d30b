// The tasks of one session: the open ones and the newest that have ended, who depends on whom, and what falls due first.
import type { Durability } from '../../base/durability.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import { type Due, type DueHeap, settledHeap, withDue } from '../due-heap.ts';
import { deadlineOf, isEnded, spanOf, type Task } from './task.ts';
import type { ResumeReceipt } from './task-events.ts';
import { type TaskStatus, taskStatuses } from './task-machine.ts';

type TaskCounts = Readonly<Record<TaskStatus, number>>;

export interface TasksState {
  readonly sessionId: string;
  readonly tasks: ShardedMap<Task>;
  /** By the id of a task those that depend on it. */
  readonly dependents: ShardedMap<readonly string[]>;
  /** The ended ones that are still held, oldest end first. */
  readonly ended: readonly string[];
  /** Of those that are held. */
  readonly counts: TaskCounts;
  /** Of those that have ended and are not held any more. */
  readonly forgotten: TaskCounts;
  /** About how many bytes the texts of all of them have. */
  readonly size: number;
  /** What falls due by time that passes. */
  readonly spans: DueHeap | null;
  /** What falls due by the clock. */
  readonly deadlines: DueHeap | null;
  readonly durability: Durability;
  readonly lastResume: (ResumeReceipt & { readonly at: number }) | null;
  /** By other sessions how far their tasks were taken over; absent where none were. */
  readonly adopted?: readonly (readonly [sessionId: string, through: number])[];
}

export interface TaskLimits {
  readonly openTasks: number;
  /** Ended tasks that the state remembers; the journal has them all. */
  readonly endedTasks: number;
  /** Of the texts of all tasks together. */
  readonly bytes: number;
  /** Of one task. */
  readonly dependencies: number;
}

export const taskLimits: TaskLimits = {
  openTasks: 20_000,
  endedTasks: 1_000,
  bytes: 8 * 1024 * 1024,
  dependencies: 100,
};

const noCounts: TaskCounts = Object.freeze(
  Object.fromEntries(taskStatuses.map((status) => [status, 0])) as Record<TaskStatus, number>,
);

export const initialTasks = (stream: string): TasksState => ({
  sessionId: stream.slice(stream.indexOf('/') + 1),
  tasks: ShardedMap.empty,
  dependents: ShardedMap.empty,
  ended: [],
  counts: noCounts,
  forgotten: noCounts,
  size: 0,
  spans: null,
  deadlines: null,
  durability: 'fsync',
  lastResume: null,
});

export const openCount = ({ tasks, ended }: TasksState): number => tasks.size - ended.length;

/** The state with a task as it is now: new, or in the place of what it was. */
export function withTask(state: TasksState, task: Task, limits: TaskLimits = taskLimits): TasksState {
  const before = state.tasks.get(task.taskId);
  const counts = counted(state.counts, before?.status, task.status);
  const next: TasksState = {
    ...state,
    tasks: state.tasks.set(task.taskId, task),
    dependents: linked(state.dependents, before, task),
    ended: endedAfter(state.ended, before, task),
    counts,
    size: state.size + task.size - (before?.size ?? 0),
  };
  const spans = duesAfter(next, next.spans, spanOf, before, task);
  const deadlines = duesAfter(next, next.deadlines, deadlineOf, before, task);
  return withoutOldest({ ...next, spans, deadlines }, limits);
}

function counted(counts: TaskCounts, from: TaskStatus | undefined, to: TaskStatus): TaskCounts {
  if (from === to) return counts;
  const less = from === undefined ? counts : { ...counts, [from]: counts[from] - 1 };
  return { ...less, [to]: less[to] + 1 };
}

function linked(
  dependents: ShardedMap<readonly string[]>,
  before: Task | undefined,
  { taskId, dependencies }: Task,
): ShardedMap<readonly string[]> {
  if (before?.dependencies === dependencies) return dependents;
  const [old, now] = [before?.dependencies ?? [], dependencies].map(
    (list) => new Set(list.map((dependency) => dependency.taskId)),
  );
  let links = dependents;
  for (const id of old ?? []) if (!now?.has(id)) links = unlinked(links, id, taskId);
  for (const id of now ?? []) if (!old?.has(id)) links = links.set(id, [...(links.get(id) ?? []), taskId]);
  return links;
}

function unlinked(
  links: ShardedMap<readonly string[]>,
  id: string,
  taskId: string,
): ShardedMap<readonly string[]> {
  const rest = (links.get(id) ?? []).filter((other) => other !== taskId);
  return rest.length === 0 ? links.delete(id) : links.set(id, rest);
}

function endedAfter(ended: readonly string[], before: Task | undefined, task: Task): readonly string[] {
  const was = before !== undefined && isEnded(before);
  const is = isEnded(task);
  if (was === is) return ended;
  return is ? [...ended, task.taskId] : ended.filter((id) => id !== task.taskId);
}

/** So many entries that count no more may be in the heap, beside as many as there are tasks. */
const fewStale = 64;

/** When a task falls due, of one kind of deadline. */
type DueAt = (task: Task) => number | null;

function duesAfter(
  { tasks }: TasksState,
  dues: DueHeap | null,
  dueAt: DueAt,
  before: Task | undefined,
  task: Task,
): DueHeap | null {
  const was = before === undefined ? null : dueAt(before);
  const at = dueAt(task);
  if (was === at) return dues;
  const next = at === null ? dues : withDue(dues, dueOf(task, at));
  if ((next?.size ?? 0) > 2 * tasks.size + fewStale) return allDues(tasks, dueAt);
  return settledHeap(next, ({ at: due, order, id }) => {
    const found = tasks.get(id);
    return found !== undefined && found.seq === order && dueAt(found) === due;
  });
}

const dueOf = ({ seq: order, taskId: id }: Task, at: number): Due => ({ at, order, id });

function allDues(tasks: ShardedMap<Task>, dueAt: DueAt): DueHeap | null {
  let heap: DueHeap | null = null;
  for (const [, task] of tasks.entries()) {
    const at = dueAt(task);
    if (at !== null) heap = withDue(heap, dueOf(task, at));
  }
  return heap;
}

/** What falls due first; null for nothing. */
export function firstDue({ spans, deadlines }: Pick<TasksState, 'spans' | 'deadlines'>): number | null {
  if (spans === null || deadlines === null) return (spans ?? deadlines)?.at ?? null;
  return Math.min(spans.at, deadlines.at);
}

/** Ended tasks beyond the limit are forgotten, oldest first, but for those that an open one waits for. */
function withoutOldest(state: TasksState, { endedTasks }: TaskLimits): TasksState {
  if (state.ended.length <= endedTasks) return state;
  const index = state.ended.findIndex((id) => !isWaitedFor(state, id));
  const task = state.tasks.get(state.ended[index] ?? '');
  return task === undefined ? state : without(state, task);
}

function isWaitedFor({ tasks, dependents }: TasksState, taskId: string): boolean {
  return (dependents.get(taskId) ?? []).some((id) => {
    const task = tasks.get(id);
    return task !== undefined && !isEnded(task);
  });
}

/** Those that depend on it do so still: it may be that a task of its id comes again. */
function without(state: TasksState, task: Task): TasksState {
  const { taskId, status, dependencies, size } = task;
  const links = dependencies.reduce(
    (rest, dependency) => unlinked(rest, dependency.taskId, taskId),
    state.dependents,
  );
  return {
    ...state,
    tasks: state.tasks.delete(taskId),
    dependents: links,
    ended: state.ended.filter((id) => id !== taskId),
    counts: { ...state.counts, [status]: state.counts[status] - 1 },
    forgotten: { ...state.forgotten, [status]: state.forgotten[status] + 1 },
    size: state.size - size,
  };
}

/** In the order in which they were created. */
export function listTasks({ tasks }: Pick<TasksState, 'tasks'>): Task[] {
  return [...tasks.entries()].map(([, task]) => task).sort((a, b) => a.seq - b.seq);
}

/** The same state, made of nothing but its tasks. */
export function tasksFrom(
  base: Pick<TasksState, 'sessionId' | 'ended' | 'forgotten' | 'durability' | 'lastResume' | 'adopted'>,
  list: readonly Task[],
): TasksState {
  const tasks = ShardedMap.of(list.map((task) => [task.taskId, task]));
  const links = new Map<string, string[]>();
  const counts: Record<TaskStatus, number> = { ...noCounts };
  for (const { taskId, dependencies, status } of list) {
    counts[status] += 1;
    for (const dependency of dependencies) {
      const known = links.get(dependency.taskId);
      if (known === undefined) links.set(dependency.taskId, [taskId]);
      else known.push(taskId);
    }
  }
  const size = list.reduce((sum, task) => sum + task.size, 0);
  const dues = { spans: allDues(tasks, spanOf), deadlines: allDues(tasks, deadlineOf) };
  return { ...base, tasks, dependents: ShardedMap.of(links), counts, size, ...dues };
}
