// Questions about the tasks of a session: lists by filter and order, their graph, their statistics, and what happened to them.
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import { isEnded, isReady, type Task } from '../../domain/task/task.ts';
import { inOrder } from '../../domain/task/task-graph.ts';
import { tasksStream } from '../../domain/task/task-law.ts';
import { type TaskStatus, taskStatuses } from '../../domain/task/task-machine.ts';
import { listTasks, openCount, type TasksState } from '../../domain/task/task-state.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';
import type {
  TaskGraph,
  TaskHistoryEntry,
  TaskInfo,
  TaskStatistics,
} from '../../operations/views/task-views.ts';
import type { Page } from '../../operations/views/views.ts';
import { taskInfo } from './task-info.ts';

type Query = ParsedInputOf<'tasks.list'>;
type Key = string | number;

export function queryTasks(state: TasksState, query: Query): Page<TaskInfo> {
  const { sort, order, limit, cursor } = query;
  const keyOf = keys[sort];
  const direction = order === 'ascending' ? 1 : -1;
  const compare = (a: Place, b: Place): number =>
    direction * (compareKeys(a.key, b.key) || a.task.seq - b.task.seq);
  const places = listTasks(state)
    .filter(matcherOf(query))
    .map((task) => ({ task, key: keyOf(task, direction) }))
    .sort(compare);
  const from = cursor === undefined ? 0 : behind(places, placeOf(cursor, query), compare);
  const page = places.slice(from, from + limit);
  const last = page.at(-1);
  const items = page.map(({ task }) => taskInfo(task));
  const more = last !== undefined && from + limit < places.length;
  return { items, total: places.length, ...(more && { cursor: cursorOf(last, query) }) };
}

interface Place {
  readonly key: Key;
  readonly task: Pick<Task, 'seq'>;
}

/** What has no deadline comes last, whichever way is sorted. */
const keys: Readonly<Record<Query['sort'], (task: Task, direction: number) => Key>> = {
  updatedAt: ({ updatedAt }) => updatedAt,
  createdAt: ({ createdAt }) => createdAt,
  priority: ({ priority }) => priority,
  deadlineAt: ({ deadlineAt }, direction) => deadlineAt ?? direction * Number.MAX_SAFE_INTEGER,
  title: ({ title }) => title,
};

const compareKeys = (a: Key, b: Key): number => (a < b ? -1 : a > b ? 1 : 0);

function behind(places: readonly Place[], place: Place, compare: (a: Place, b: Place) => number): number {
  const found = places.findIndex((other) => compare(other, place) > 0);
  return found < 0 ? places.length : found;
}

const cursorOf = ({ key, task }: Place, { sort, order }: Query): string =>
  Buffer.from(JSON.stringify([sort, order, key, task.seq])).toString('base64url');

function placeOf(cursor: string, { sort, order }: Query): Place {
  try {
    const [bySort, byOrder, key, seq] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as Json[];
    const isKey = typeof key === (sort === 'title' ? 'string' : 'number');
    if (bySort === sort && byOrder === order && isKey && typeof seq === 'number')
      return { key: key as Key, task: { seq } };
  } catch {
    // It is refused below.
  }
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}

function matcherOf(query: Query): (task: Task) => boolean {
  const { status, ready, agent, role, owner, dependsOn, minPriority, createdAfter, createdBefore } = query;
  const search = query.search?.toLowerCase();
  const has = (text: string | null): boolean =>
    search !== undefined && (text?.toLowerCase().includes(search) ?? false);
  return (task) =>
    (status?.includes(task.status) ?? true) &&
    (ready === undefined || isReady(task) === ready) &&
    (agent === undefined || task.agent === agent) &&
    (role === undefined || task.role === role) &&
    (owner === undefined || task.owner === owner) &&
    (dependsOn === undefined || task.dependencies.some(({ taskId }) => taskId === dependsOn)) &&
    (minPriority === undefined || task.priority >= minPriority) &&
    (createdAfter === undefined || task.createdAt > createdAfter) &&
    (createdBefore === undefined || task.createdAt < createdBefore) &&
    (search === undefined || has(task.title) || has(task.description) || has(task.taskId));
}

export function graphOf(state: TasksState, root: string | undefined, limit: number): TaskGraph {
  const nodes = root === undefined ? listTasks(state) : ancestorsOf(state, root);
  const { order } = inOrder(nodes);
  const tasks = order.slice(0, limit).map((task) => ({
    ...{ taskId: task.taskId, title: task.title, status: task.status, priority: task.priority },
    dependencies: task.dependencies.map((dependency) => ({
      ...dependency,
      status: state.tasks.get(dependency.taskId)?.status ?? null,
    })),
    dependents: state.dependents.get(task.taskId) ?? [],
  }));
  return { tasks, total: order.length };
}

/** The task and all that it waits for, however far. */
function ancestorsOf({ sessionId, tasks }: TasksState, root: string): Task[] {
  const found = new Map<string, Task>();
  const stack = [root];
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    const task = tasks.get(id);
    if (task === undefined || found.has(id)) continue;
    found.set(id, task);
    stack.push(...task.dependencies.map(({ taskId }) => taskId));
  }
  if (found.size === 0) throw new HoldfastError('TASK_NOT_FOUND', { sessionId, taskId: root });
  return [...found.values()];
}

export function statisticsOf(state: TasksState, running: number): TaskStatistics {
  const { counts, forgotten, lastResume } = state;
  const byStatus = Object.fromEntries(
    taskStatuses.map((status) => [status, counts[status] + forgotten[status]]),
  ) as Record<TaskStatus, number>;
  const sum = (all: Readonly<Record<TaskStatus, number>>): number =>
    taskStatuses.reduce((total, status) => total + all[status], 0);
  const tasks = listTasks(state);
  const took = tasks
    .filter(({ status, startedAt }) => status === 'completed' && startedAt !== null)
    .map(({ startedAt, endedAt }) => (endedAt ?? 0) - (startedAt ?? 0));
  return {
    ...{ byStatus, total: sum(byStatus), open: openCount(state), forgotten: sum(forgotten) },
    ready: tasks.filter((task) => !isEnded(task) && isReady(task)).length,
    meanMs: took.length === 0 ? null : took.reduce((total, ms) => total + ms, 0) / took.length,
    ...{ running, lastResume },
  };
}

/** So many events at most are looked at for one page: then it is handed out as it is. */
const mostLookedAt = 10_000;

export async function historyOf(
  journal: Pick<Journal, 'head' | 'readFrom'>,
  { sessionId, taskId, limit, cursor }: ParsedInputOf<'tasks.history'>,
): Promise<Page<TaskHistoryEntry>> {
  const stream = tasksStream(sessionId);
  const head = await journal.head(stream);
  const begin = cursor === undefined ? (head?.firstSeq ?? 1) - 1 : seqOf(cursor);
  const items: TaskHistoryEntry[] = [];
  let after = begin;
  for (let end = head === undefined || after >= head.seq; !end && after - begin < mostLookedAt; ) {
    const page = await journal.readFrom(stream, after);
    for (const event of page.events) {
      after = event.seq;
      if (taskId === undefined || taskOf(event) === taskId) items.push(entryOf(event));
      if (items.length === limit)
        return { items, ...(after < (head?.seq ?? 0) && { cursor: String(after) }) };
    }
    end = page.end || page.events.length === 0;
    if (end) return { items };
  }
  return after < (head?.seq ?? 0) ? { items, cursor: String(after) } : { items };
}

function seqOf(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}

const taskOf = ({ data }: StoredEvent): string | null =>
  (data as { readonly taskId?: string } | undefined)?.taskId ?? null;

const entryOf = (event: StoredEvent): TaskHistoryEntry => ({
  ...{ seq: event.seq, at: event.at, type: event.type, taskId: taskOf(event) },
  ...{ data: (event.data ?? null) as Json, by: event.meta.by ?? null },
});
