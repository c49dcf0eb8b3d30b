// The law of the tasks of one session, whole: what entity/ needs to run it. They stand in one stream, so that cycles are refused,
// and dependents go on, in one decision.
import { deepFreeze } from '../../base/json.ts';
import type { Law, Proposal, Refusal } from '../law.ts';
import type { TaskCommand } from './task-commands.ts';
import { decideTasks } from './task-decisions.ts';
import { evolveTasks } from './task-evolve.ts';
import { firstDue, initialTasks, listTasks, type TasksState, tasksFrom } from './task-state.ts';

export const tasksLaw: Law<TasksState, TaskCommand> = {
  kind: 'tasks',
  version: 2,
  eventVersions: {},
  initial: initialTasks,
  tombstone: initialTasks,
  decide: (state, command, at) => decideTasks(state, command, at),
  evolve: evolveTasks,
  explain: explainRefusal,
  durability: ({ durability }) => durability,
  isUrgent: ({ type }) => urgent.has(type),
  isProgress: ({ type, data }) =>
    type !== 'tasks.resumed' &&
    !(type === 'task.requeued' && (data as { readonly reason?: string } | undefined)?.reason === 'expired'),
  refersTo: ({ tasks }) =>
    [...tasks.entries()].flatMap(([, { seq, resultSeq, endSeq, errorSeq, offer }]) =>
      [seq, resultSeq, endSeq, errorSeq, offer?.seq ?? null].filter((place) => place !== null),
    ),
  due: dueCommand,
  summarize: (state) => {
    const { counts, forgotten } = state;
    const { blocked, pending, in_progress, validating, paused } = counts;
    const atWork = pending + in_progress + validating;
    const status = atWork > 0 ? 'runnable' : blocked + paused > 0 ? 'waiting' : 'quiet';
    const total = (name: 'completed' | 'failed' | 'cancelled'): number => counts[name] + forgotten[name];
    const ended = { completed: total('completed'), failed: total('failed'), cancelled: total('cancelled') };
    return {
      ...{ status, dueAt: firstDue(state) },
      summary: { blocked, pending, in_progress, validating, paused, ...ended },
    };
  },
  nextSpan: ({ spans }) => spans?.at ?? null,
  nextDeadline: firstDue,
  encode: encodeTasks,
  decode: decodeTasks,
};

export const tasksStream = (sessionId: string): string => `${tasksLaw.kind}/${sessionId}`;

/** What ends something, and what has become of attempts. */
const urgent: ReadonlySet<TaskCommand['type']> = new Set<TaskCommand['type']>([
  ...(['task.complete', 'task.fail', 'task.release', 'task.cancel', 'task.validate', 'task.lapse'] as const),
  ...(['task.decline', 'task.withdraw'] as const),
]);

/** In the order in which they fell due, as far as one order has both. */
function dueCommand({ spans, deadlines }: TasksState, now: number, time = now): TaskCommand | undefined {
  const span = spans !== null && spans.at <= time ? spans : undefined;
  const deadline = deadlines !== null && deadlines.at <= now ? deadlines : undefined;
  const first = deadline === undefined || (span !== undefined && span.at < deadline.at) ? span : deadline;
  return first === undefined ? undefined : { type: 'task.lapse', taskId: first.id, now };
}

function explainRefusal({ sessionId, tasks }: TasksState, { type, data }: Proposal): Refusal {
  const { taskId = '' } = data as { readonly taskId?: string };
  const status = tasks.get(taskId)?.status ?? 'unknown';
  return { code: 'TASK_TRANSITION', details: { sessionId, taskId, status, command: type } };
}

type Encoded = Pick<
  TasksState,
  'sessionId' | 'ended' | 'forgotten' | 'durability' | 'lastResume' | 'adopted'
> & {
  readonly tasks: ReturnType<typeof listTasks>;
};

/** The members stand in one order, and those of a task in the order in which they were written. */
function encodeTasks(state: TasksState): string {
  const { sessionId, ended, forgotten, durability, lastResume, adopted } = state;
  const tasks = listTasks(state);
  const base = { sessionId, ended, forgotten, durability, lastResume };
  const encoded: Encoded = { ...base, tasks, ...(adopted && { adopted }) };
  return JSON.stringify(encoded);
}

function decodeTasks(text: string): TasksState {
  const { tasks, ...base } = deepFreeze(JSON.parse(text)) as Encoded;
  return tasksFrom(base, tasks);
}
