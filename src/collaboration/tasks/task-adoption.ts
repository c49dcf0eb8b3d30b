// The tasks that have ended in a session, handed to another one: read where they are, and sent a few at a time in the order in which
// they ended. What is still open stays where it is.
import { HoldfastError } from '../../base/errors.ts';
import { isEnded, type Task } from '../../domain/task/task.ts';
import { adoptedThrough, isLate, knownTasks } from '../../domain/task/task-adoption.ts';
import type { AdoptedTask } from '../../domain/task/task-commands.ts';
import type { TaskEventData } from '../../domain/task/task-events.ts';
import { listTasks } from '../../domain/task/task-state.ts';
import type { CommandMeta } from '../../entity/command-meta.ts';
import type { SessionTasks } from './session-tasks.ts';

const tasksAtOnce = 50;

export interface Adoption {
  readonly sessionId: string;
  readonly fromSessionId: string;
  /** Only what had ended by then; null for all. */
  readonly until: number | null;
}

/** How many there were to be taken over. */
export async function adoptEnded(
  tasks: SessionTasks,
  { sessionId, fromSessionId: from, until }: Adoption,
  { by, correlation, agent }: CommandMeta,
): Promise<number> {
  const here = await tasks.read(sessionId);
  const [through, known] = [adoptedThrough(here, from), knownTasks(here)];
  const isNews = (task: Task): boolean =>
    endOf(task) > through || isLate(known.get(originOf(from, task)), task);
  const ended = listTasks(await tasks.read(from))
    .filter((task) => isEnded(task) && isNews(task) && (until === null || (task.endedAt ?? 0) <= until))
    .sort((a, b) => endOf(a) - endOf(b));
  let adopted = 0;
  for (let i = 0; i < ended.length; i += tasksAtOnce) {
    const some: AdoptedTask[] = [];
    for (const task of ended.slice(i, i + tasksAtOnce)) some.push(await adoptedOf(tasks, from, task));
    const meta = { ...(by && { by }), ...(correlation && { correlation }), ...(agent && { agent }) };
    const command = { type: 'task.adopt', from, tasks: some } as const;
    const answer = await tasks.sendFor(
      sessionId,
      (session) => ({ ...command, durability: session.durability }),
      meta,
    );
    adopted += (answer as unknown as { readonly adopted: number }).adopted;
  }
  return adopted;
}

/** What each task of a session is known by wherever it goes, and how it stands. */
export async function tasksByOrigin(
  tasks: SessionTasks,
  sessionId: string,
): Promise<ReadonlyMap<string, string>> {
  const all = listTasks(await tasks.read(sessionId));
  return new Map(all.map((task) => [originOf(sessionId, task), task.status]));
}

const originOf = (sessionId: string, { taskId, origin = { sessionId, taskId } }: Task): string =>
  `${origin.sessionId}/${origin.taskId}`;

const endOf = ({ endSeq }: Task): number => endSeq ?? 0;

async function adoptedOf(tasks: SessionTasks, from: string, task: Task): Promise<AdoptedTask> {
  const { taskId, title, description, priority, agent, role, metadata } = task;
  const { retry, timeoutMs, deadlineAt, gates, level, status, reason } = task;
  if (status !== 'completed' && status !== 'failed' && status !== 'cancelled')
    throw new HoldfastError('TASK_NOT_FOUND', { sessionId: from, taskId });
  const input = await tasks.inputOf(from, task);
  const said = { taskId, title, description, priority, agent, role, metadata, input };
  const held = { dependencies: [], retry, timeoutMs, deadlineAt, gates, level };
  const { error = unknown } = await tasks.dataAt<'task.failed'>(from, task.errorSeq);
  return {
    ...{ task: { ...said, ...held }, origin: task.origin ?? { sessionId: from, taskId }, seq: endOf(task) },
    ...{ status, result: await tasks.resultOf(from, task), error, reason },
  };
}

const unknown: TaskEventData['task.failed']['error'] = { name: 'Error', message: 'unknown' };
