// What each event makes of the tasks. The machine has the last word on where it may happen.
import { byteLength } from '../../base/json.ts';
import type { LawEvent } from '../law.ts';
import type { NewTask, Task } from './task.ts';
import type { TaskEventData, TaskEventType } from './task-events.ts';
import { statusAfter, type TaskEdge } from './task-machine.ts';
import { type TasksState, withTask } from './task-state.ts';

/** Undefined for what is not lawful in the state. */
export function evolveTasks(state: TasksState, event: LawEvent): TasksState | undefined {
  const { type, data, at } = event;
  if (data === undefined) return undefined;
  if (type === 'task.created')
    return withCreated(state, event as LawEvent<string, TaskEventData['task.created']>);
  if (type === 'tasks.resumed')
    return { ...state, lastResume: { ...(data as TaskEventData['tasks.resumed']), at } };
  const task = state.tasks.get((data as { readonly taskId: string }).taskId);
  const status = task === undefined ? undefined : statusAfter(task.status, event as TaskEdge);
  if (task === undefined || status === undefined) return undefined;
  const change = changes[type as ChangeType];
  const changed = { ...change(task, data as never, event), status };
  return withTask(state, settled(task, status === 'in_progress' ? changed : withoutOffer(changed), event));
}

/** What is not at work is on offer no more. */
function withoutOffer(task: Task): Task {
  if (task.offer === undefined) return task;
  const { offer: _, ...rest } = task;
  return rest;
}

/** Progress is no change that another writer must have seen. */
function settled(before: Task, after: Task, { type, at }: LawEvent): Task {
  const isQuiet = type === 'task.progressed' || type === 'task.readied';
  const version = isQuiet ? before.version : before.version + 1;
  return Object.freeze({ ...after, version, updatedAt: at, size: sizeOf(after) });
}

function withCreated(
  state: TasksState,
  { data, at, seq }: LawEvent<string, TaskEventData['task.created']>,
): TasksState | undefined {
  if (state.tasks.has(data.taskId)) return undefined;
  const { input: _, durability = state.durability, status, adopted, ...said } = data;
  const task: Task = {
    ...said,
    ...{ seq, status, version: 1, epoch: 0, failures: 0 },
    ...{ owner: null, runId: null, leaseUntil: null, progress: null, notBefore: null },
    ...{ createdAt: at, updatedAt: at, startedAt: null, endedAt: null },
    ...{ resultSeq: null, endSeq: null, errorSeq: null, reason: null, size: sizeOf(said) },
  };
  const next = adopted === undefined ? state : { ...state, adopted: withAdopted(state, adopted) };
  return withTask(durability === next.durability ? next : { ...next, durability }, Object.freeze(task));
}

function withAdopted(
  { adopted = [] }: TasksState,
  { from, seq }: { readonly from: string; readonly seq: number },
): NonNullable<TasksState['adopted']> {
  return [...adopted.filter(([known]) => known !== from), [from, seq]];
}

/** What a task takes in the state beside its texts. */
const ownSize = 200;
const dependencySize = 48;

export function sizeOf({
  taskId,
  title,
  description,
  metadata,
  dependencies,
  gates,
}: Pick<NewTask, 'taskId' | 'title' | 'description' | 'metadata' | 'dependencies' | 'gates'>): number {
  const texts = byteLength(taskId) + byteLength(title) + byteLength(description ?? '');
  const lists = dependencies.length * dependencySize + byteLength(JSON.stringify(gates));
  return ownSize + texts + byteLength(JSON.stringify(metadata)) + lists;
}

type ChangeType = Exclude<TaskEventType, 'task.created' | 'tasks.resumed'>;

type Changes = {
  readonly [Type in ChangeType]: (
    task: Task,
    data: TaskEventData[Type],
    event: LawEvent,
  ) => Omit<Task, 'status'>;
};

/** Nobody works on it any more. */
const letGo = { owner: null, leaseUntil: null, progress: null } as const;
const ended = { ...letGo, notBefore: null } as const;

const changes: Changes = {
  'task.updated': (task, { changes: changed }) => ({ ...task, ...changed }),
  'task.assigned': (task, { agent, role }) => ({ ...task, agent, role }),
  'task.dependencyAdded': (task, { dependency }) => ({
    ...task,
    dependencies: [...task.dependencies.filter(({ taskId }) => taskId !== dependency.taskId), dependency],
  }),
  'task.dependencyRemoved': (task, { dependsOn }) => ({
    ...task,
    dependencies: task.dependencies.filter(({ taskId }) => taskId !== dependsOn),
  }),
  'task.blocked': (task) => ({ ...task, reason: 'dependency' }),
  'task.unblocked': (task) => ({ ...task, reason: null }),
  'task.started': (task, { epoch, owner, leaseUntil }, { at }) => ({
    ...task,
    ...{ epoch, owner, leaseUntil, startedAt: at, runId: null, progress: null, reason: null },
  }),
  'task.dispatched': (task, { runId }) => ({ ...task, runId }),
  'task.progressed': (task, { progress, leaseUntil }) => ({
    ...task,
    progress: progress ?? task.progress,
    leaseUntil,
  }),
  'task.offered': (task, { to, deadlineAt, reason }, { at, seq }) => ({
    ...task,
    offer: { seq, to, offeredAt: at, deadlineAt, reason },
  }),
  'task.handedOver': (task, { epoch, owner, leaseUntil }, { at }) => ({
    ...withoutOffer(task as Task),
    ...{ epoch, owner, leaseUntil, startedAt: at, runId: null, progress: null },
  }),
  'task.offerEnded': (task) => withoutOffer(task as Task),
  'task.submitted': (task, _, { seq }) => ({ ...task, leaseUntil: null, resultSeq: seq }),
  'task.completed': (task, { result }, { at, seq }) => ({
    ...task,
    ...ended,
    ...{ endedAt: at, endSeq: seq, reason: null, resultSeq: result === undefined ? task.resultSeq : seq },
  }),
  'task.requeued': (task, { reason, notBefore, error }, { seq }) => ({
    ...task,
    ...letGo,
    ...{ reason, notBefore, resultSeq: null },
    failures: task.failures + (reason === 'released' ? 0 : 1),
    errorSeq: error === null ? task.errorSeq : seq,
  }),
  'task.readied': (task) => ({ ...task, notBefore: null }),
  'task.failed': (task, { reason }, { at, seq }) => ({
    ...task,
    ...ended,
    ...{ endedAt: at, endSeq: seq, reason, errorSeq: seq },
    failures: task.failures + (reason === 'deadline' ? 0 : 1),
  }),
  'task.cancelled': (task, { reason }, { at, seq }) => ({
    ...task,
    ...ended,
    endedAt: at,
    endSeq: seq,
    reason,
  }),
  'task.paused': (task, { reason }) => ({ ...task, ...letGo, notBefore: null, reason }),
  'task.resumed': (task, { reason }) => ({ ...task, reason }),
  // Whoever wants it to be tried once more does not want it to fail for having come too late.
  'task.retried': (task, { reason }, { at }) => ({
    ...task,
    ...{ reason, failures: 0, endedAt: null, endSeq: null, resultSeq: null, notBefore: null },
    deadlineAt: task.deadlineAt !== null && task.deadlineAt <= at ? null : task.deadlineAt,
  }),
};
