// Takes up the open tasks of a session where they stand, in the order of their dependencies: after a start of the process, when
// a session takes work again, or when somebody asks for it. What became of them is counted, journaled and told.
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { isReady, type Task } from '../../domain/task/task.ts';
import { openInOrder } from '../../domain/task/task-graph.ts';
import type { CommandMeta } from '../../entity/command-meta.ts';
import type { TasksResumed } from '../../operations/views/task-views.ts';
import type { SessionTasks } from './session-tasks.ts';
import { taskRunner } from './task-execution.ts';
import type { TaskRunner } from './task-runner.ts';

export interface TaskResumptionOptions {
  readonly tasks: SessionTasks;
  readonly runner: Pick<TaskRunner, 'adopt' | 'agentFor' | 'offer' | 'rest'>;
  readonly telemetry: Telemetry;
}

export interface ResumeRequest {
  readonly taskId?: string | undefined;
  readonly reason: string;
}

type Outcome = TasksResumed['tasks'][number];
type Verdict = Omit<Outcome, 'taskId'>;

const mostNamed = 1_000;

export class TaskResumption {
  readonly #options: TaskResumptionOptions;

  constructor(options: TaskResumptionOptions) {
    this.#options = options;
  }

  /** Without a task all that are open, those that were paused too. */
  async resume(
    sessionId: string,
    { taskId, reason }: ResumeRequest,
    meta: CommandMeta = {},
  ): Promise<TasksResumed> {
    const { tasks } = this.#options;
    if (taskId === undefined) return this.#resumeAll(sessionId, reason);
    const answer = await tasks.send(sessionId, { type: 'task.resume', taskId, reason }, meta);
    const { repeated } = answer;
    const outcome: Outcome = { taskId, outcome: 'resumed', reason: String(answer.status) };
    return { ...countsOf([outcome]), ...(repeated !== undefined && { repeated }) };
  }

  /** What was paused stays paused. */
  async takeUp(sessionId: string): Promise<TasksResumed> {
    const { tasks } = this.#options;
    const outcomes: Outcome[] = [];
    for (const task of openInOrder(await tasks.read(sessionId)))
      outcomes.push({ taskId: task.taskId, ...this.#takeUpOne(sessionId, task) });
    return this.#note(sessionId, outcomes, 'boot');
  }

  async #resumeAll(sessionId: string, reason: string): Promise<TasksResumed> {
    const { tasks } = this.#options;
    const outcomes: Outcome[] = [];
    for (const task of openInOrder(await tasks.read(sessionId)))
      outcomes.push({
        taskId: task.taskId,
        ...(task.status === 'paused'
          ? await this.#resumePaused(sessionId, task, reason)
          : this.#takeUpOne(sessionId, task)),
      });
    return this.#note(sessionId, outcomes, 'requested');
  }

  async #resumePaused(sessionId: string, { taskId }: Task, reason: string): Promise<Verdict> {
    try {
      const command = { type: 'task.resume', taskId, reason } as const;
      const { status } = await this.#options.tasks.send(sessionId, command);
      return { outcome: 'resumed', reason: String(status) };
    } catch (thrown) {
      const error = toError(thrown);
      return { outcome: 'failed', reason: HoldfastError.is(error) ? error.code : error.message };
    }
  }

  #takeUpOne(sessionId: string, task: Task): Verdict {
    const { runner } = this.#options;
    const { status, owner } = task;
    if (status === 'blocked') return skipped('it waits for other tasks');
    if (status === 'paused') {
      runner.rest(sessionId, task);
      return skipped('it is paused');
    }
    if (status === 'validating')
      return runner.adopt(sessionId, task) ? resumed(status) : skipped('its gates are being asked');
    if (status === 'in_progress') {
      if (owner !== taskRunner) return skipped(`${owner} works on it`);
      return runner.adopt(sessionId, task) ? resumed(status) : skipped('its agent works on it');
    }
    if (!isReady(task)) return skipped('its time has not come');
    if (task.agent === null && task.role === null) return skipped('it waits to be claimed');
    if (runner.agentFor(sessionId, task) === undefined)
      return { outcome: 'failed', reason: 'AGENT_NOT_REGISTERED' };
    runner.offer(sessionId, task);
    return resumed(status);
  }

  /** Of nothing there is no receipt. One that cannot be written takes nothing back. */
  async #note(
    sessionId: string,
    tasks: readonly Outcome[],
    cause: 'boot' | 'requested',
  ): Promise<TasksResumed> {
    const counted = countsOf(tasks);
    const { resumed: gone, skipped: left, failed } = counted;
    if (gone + failed === 0 && cause === 'boot') return counted;
    const receipt = { resumed: gone, skipped: left, failed, cause };
    this.#options.telemetry('task.takenUp', { sessionId, ...receipt });
    await this.#options.tasks
      .send(sessionId, { type: 'tasks.noteResumed', receipt }, { by: taskRunner })
      .catch(() => undefined);
    return counted;
  }
}

const resumed = (reason: string): Verdict => ({ outcome: 'resumed', reason });
const skipped = (reason: string): Verdict => ({ outcome: 'skipped', reason });

function countsOf(tasks: readonly Outcome[]): TasksResumed {
  const count = (wanted: Outcome['outcome']): number =>
    tasks.filter(({ outcome }) => outcome === wanted).length;
  return {
    ...{ resumed: count('resumed'), skipped: count('skipped'), failed: count('failed') },
    tasks: tasks.slice(0, mostNamed),
  };
}
