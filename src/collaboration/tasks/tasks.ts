// Tasks as a part of the system: their entities, their gates and the runner, put together.
import type { SupervisedChild } from '../../actor/child-spec.ts';
import { resting } from '../../actor/service.ts';
import type { SupervisionNode } from '../../actor/supervision-tree.ts';
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { IdSource } from '../../base/ids.ts';
import type { PayloadCodecs } from '../../base/payload-codec.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { tasksStream } from '../../domain/task/task-law.ts';
import type { TasksState } from '../../domain/task/task-state.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { CommandMeta } from '../../entity/command-meta.ts';
import type { Head, Journal, StoredEvent } from '../../journal/journal.ts';
import type { Handlers, Invoke } from '../../operations/bind.ts';
import { insist } from '../insistence.ts';
import { SessionTasks, type SessionTasksOptions } from './session-tasks.ts';
import { type Adoption, adoptEnded, tasksByOrigin } from './task-adoption.ts';
import { TaskGates } from './task-gates.ts';
import { type TaskOperation, taskHandlers } from './task-handlers.ts';
import type { TaskOptions } from './task-options.ts';
import { TaskResumption } from './task-resumption.ts';
import { TaskRunner } from './task-runner.ts';

export interface TasksOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly newId: IdSource;
  readonly mailboxSize: number;
  readonly agents: { has(agent: string): boolean; assertRegistered(agent: string): void };
  readonly session: SessionTasksOptions['session'];
  /** Tells whoever hears the events of a session. */
  readonly publish: (sessionId: string, announcement: Announcement) => void;
  readonly listen: (sessionId: string, listener: (announcement: Announcement) => void) => () => void;
  readonly invoke: Invoke;
  readonly given: TaskOptions;
  readonly codecs?: PayloadCodecs | undefined;
}

/** Sessions whose tasks are taken up at once after a start. */
const takenUpAtOnce = 8;

export class Tasks {
  readonly handlers: Handlers<TaskOperation>;
  readonly #options: TasksOptions;
  readonly #tasks: SessionTasks;
  readonly #runner: TaskRunner;
  readonly #resumption: TaskResumption;
  readonly #ending = new AbortController();

  constructor(options: TasksOptions) {
    const { invoke, given, agents, clock, telemetry } = options;
    this.#options = options;
    this.#tasks = new SessionTasks({
      ...options,
      tell: (id, events, state) => this.#tell(id, events, state),
    });
    const shared = { tasks: this.#tasks, invoke, clock, telemetry };
    const { gates: named = {}, gateTimeoutMs: timeoutMs } = given;
    const gates = new TaskGates({ ...shared, gates: named, timeoutMs, codecs: options.codecs });
    this.#runner = new TaskRunner({
      ...{ ...shared, gates, roles: given.roles ?? {} },
      ...{ maxRunning: given.maxRunning ?? 64, maxRunningPerSession: given.maxRunningPerSession ?? 8 },
      hasAgent: (agent) => agents.has(agent),
      onSessionChange: (sessionId, changed) => this.#onChange(sessionId, changed),
      takeUp: (sessionId) => this.#resumption.takeUp(sessionId),
    });
    this.#resumption = new TaskResumption({ ...shared, runner: this.#runner });
    this.handlers = taskHandlers({
      ...{ ...options, tasks: this.#tasks, gates, resumption: this.#resumption },
      listen: (sessionId, changed) => this.#onChange(sessionId, changed, mayEnd),
      closing: this.#ending.signal,
      running: (sessionId) => this.#runner.runningIn(sessionId),
    });
  }

  /** Adopts what is stored, and takes up what is open behind whoever is served already. */
  async start(): Promise<SupervisedChild> {
    const open: string[] = [];
    const others: string[] = [];
    await this.#options.journal.survey(tasksStream(''), (glance) => {
      if (glance.status === 'deleted') return;
      const head = glance.whole();
      this.#tasks.host.adopt(head);
      (glance.status === 'runnable' ? open : others).push(idOf(head));
    });
    this.#runner.start();
    void this.#takeUpAll(open).then(() => this.#removeOrphans([...open, ...others]));
    return { ...resting('tasks', () => this.#stop()), tree: () => this.tree() };
  }

  /** What merges and comparisons of sessions ask. */
  readonly forMerges = {
    adopt: (adoption: Adoption, meta: CommandMeta) => adoptEnded(this.#tasks, adoption, meta),
    byOrigin: (sessionId: string) => tasksByOrigin(this.#tasks, sessionId),
  };

  tree(): SupervisionNode {
    return this.#tasks.host.tree();
  }

  /** Of a session that is deleted nothing is kept. */
  async forget(sessionId: string): Promise<void> {
    this.#runner.forget(sessionId);
    await this.#tasks.host.remove(sessionId);
  }

  #tell(sessionId: string, events: readonly StoredEvent[], state: TasksState): void {
    const isJournaled = state.durability !== 'none';
    this.#options.publish(sessionId, isJournaled ? { durable: events } : { volatile: events });
    this.#runner.follow(sessionId, events, state);
  }

  #onChange(sessionId: string, changed: () => void, concerns = mayLetGoOn): () => void {
    return this.#options.listen(sessionId, (announcement) => {
      if ('transient' in announcement) return;
      const events = 'durable' in announcement ? announcement.durable : announcement.volatile;
      if (events.some(({ type }) => concerns(type))) queueMicrotask(changed);
    });
  }

  async #takeUpAll(sessionIds: readonly string[]): Promise<void> {
    const waiting = [...sessionIds];
    const work = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined && !this.#ending.signal.aborted; id = waiting.shift())
        await this.#takeUp(id);
    };
    await Promise.all(Array.from({ length: takenUpAtOnce }, work));
  }

  async #takeUp(sessionId: string): Promise<void> {
    const { clock } = this.#options;
    try {
      await insist(clock, this.#ending.signal, () => this.#resumption.takeUp(sessionId));
    } catch (error) {
      if (!this.#ending.signal.aborted)
        this.#options.telemetry('task.notTakenUp', { sessionId, problem: toError(error).message });
    }
  }

  /** Tasks of sessions that were deleted by a process that died before it was done. */
  async #removeOrphans(sessionIds: readonly string[]): Promise<void> {
    const { journal } = this.#options;
    for (const sessionId of sessionIds) {
      if (this.#ending.signal.aborted) return;
      const head = await journal.head(`session/${sessionId}`).catch(() => null);
      if (head === undefined || head?.status === 'deleted')
        await this.forget(sessionId).catch((error: unknown) => {
          this.#options.telemetry('task.notRemoved', { sessionId, problem: toError(error).message });
        });
    }
  }

  async #stop(): Promise<void> {
    this.#ending.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: 'draining' }));
    this.#runner.stop();
    await this.#tasks.host.close();
  }
}

const letsGoOn: ReadonlySet<string> = new Set([
  ...['session.statusChanged', 'session.restored', 'session.recovered', 'session.rolledBack'],
  ...['condition.cleared', 'agent.completed', 'agent.failed', 'agent.stopped', 'session.configured'],
]);

/** What may let the tasks of a session go on that could not. */
const mayLetGoOn = (type: string): boolean => letsGoOn.has(type);

/** What may end a task, or the session with all of them. */
const mayEnd = (type: string): boolean => /^(task|session|condition)\./.test(type);

const idOf = ({ stream }: Pick<Head, 'stream'>): string => stream.slice(stream.indexOf('/') + 1);
