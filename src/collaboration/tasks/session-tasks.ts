// The tasks of all sessions: one entity each, hydrated when it is asked for. Commands are taken only of sessions that are there
// and take writes.
import type { Durability } from '../../base/durability.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';
import type { Task } from '../../domain/task/task.ts';
import type { TaskCommand } from '../../domain/task/task-commands.ts';
import type { TaskEventData } from '../../domain/task/task-events.ts';
import { tasksLaw, tasksStream } from '../../domain/task/task-law.ts';
import type { TasksState } from '../../domain/task/task-state.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import { receiptKey } from '../../entity/receipts.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import { EntityHost, type EntityHostOptions } from '../entity-host.ts';

/** What is asked of a session before its tasks are touched. */
export interface TasksSession {
  readonly status: SessionStatus;
  readonly durability: Durability;
  /** Set of one that takes no writes at all. */
  readonly refusal: HoldfastError | undefined;
}

export interface SessionTasksOptions
  extends Omit<EntityHostOptions<TasksState, TaskCommand>, 'law' | 'journal' | 'maxLiving'> {
  readonly journal: Journal;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly session: (sessionId: string) => Promise<TasksSession>;
}

/** A session that rests takes what ends work that was begun, and no new work. */
const takenWhilePaused: ReadonlySet<TaskCommand['type']> = new Set<TaskCommand['type']>([
  ...(['task.dispatch', 'task.progress', 'task.complete', 'task.fail', 'task.release'] as const),
  ...(['task.validate', 'task.pause', 'task.cancel', 'tasks.noteResumed'] as const),
  ...(['task.decline', 'task.withdraw'] as const),
]);

const takesAll: ReadonlySet<SessionStatus> = new Set(['active', 'idle', 'dormant']);

const isOver: ReadonlySet<SessionStatus> = new Set(['terminating', 'terminated', 'archived']);

export class SessionTasks {
  readonly host: EntityHost<TasksState, TaskCommand>;
  readonly #options: SessionTasksOptions;

  constructor(options: SessionTasksOptions) {
    this.#options = options;
    this.host = new EntityHost({ ...options, law: tasksLaw });
  }

  get journal(): Journal {
    return this.#options.journal;
  }

  /** Throws what the session refuses with, and what the law does. An answer on record is given whatever became of the session. */
  async send(sessionId: string, command: TaskCommand, meta: CommandMeta = {}): Promise<Answer> {
    const session = await this.#options.session(sessionId);
    const refusal = refusalOf(sessionId, session, command);
    if (refusal !== undefined && !(await this.#isAnswered(sessionId, meta))) throw refusal;
    return this.host.send(sessionId, command, meta);
  }

  /** Like {@link send}, for a command that has to know the session. */
  async sendFor(
    sessionId: string,
    command: (session: TasksSession) => TaskCommand,
    meta: CommandMeta,
  ): Promise<Answer> {
    return this.send(sessionId, command(await this.#options.session(sessionId)), meta);
  }

  /** The durable state of a session's tasks, also of one that takes no writes. */
  async read(sessionId: string): Promise<TasksState> {
    await this.#options.session(sessionId);
    return (await this.host.read(sessionId)).state;
  }

  async get(sessionId: string, taskId: string): Promise<Task> {
    const task = (await this.read(sessionId)).tasks.get(taskId);
    if (task === undefined) throw new HoldfastError('TASK_NOT_FOUND', { sessionId, taskId });
    return task;
  }

  /** What stands in the journal at a seq of the session's tasks. */
  async dataAt<Type extends keyof TaskEventData>(
    sessionId: string,
    seq: number | null,
  ): Promise<Partial<TaskEventData[Type]>> {
    return ((await this.eventAt(sessionId, seq))?.data ?? {}) as Partial<TaskEventData[Type]>;
  }

  async inputOf(sessionId: string, { seq }: Task): Promise<Json> {
    return (await this.dataAt<'task.created'>(sessionId, seq)).input ?? null;
  }

  async resultOf(sessionId: string, { resultSeq }: Task): Promise<Json> {
    return (await this.dataAt<'task.submitted'>(sessionId, resultSeq)).result ?? null;
  }

  async eventAt(sessionId: string, seq: number | null): Promise<StoredEvent | undefined> {
    if (seq === null) return undefined;
    const { events } = await this.journal.readFrom(tasksStream(sessionId), seq - 1, { limit: 1 });
    return events[0];
  }

  /** Throws why no task of a session will end any more, as it is now. */
  async assertGoesOn(sessionId: string): Promise<void> {
    const { status, refusal } = await this.#options.session(sessionId);
    if (refusal !== undefined) throw refusal;
    if (isOver.has(status))
      throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command: 'tasks.wait' });
  }

  async #isAnswered(sessionId: string, meta: CommandMeta): Promise<boolean> {
    const key = receiptKey(meta);
    return key !== undefined && (await this.journal.receipt(tasksStream(sessionId), key)) !== undefined;
  }
}

function refusalOf(
  sessionId: string,
  { status, refusal }: TasksSession,
  { type: command }: TaskCommand,
): HoldfastError | undefined {
  if (refusal !== undefined) return refusal;
  if (takesAll.has(status) || (status === 'paused' && takenWhilePaused.has(command))) return undefined;
  return new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command });
}
