// The tasks of other sessions in the hands of members: they are started in the name of the member under the key of the assignment,
// so that whoever does it again finds the same attempt, and go to another when the member is gone.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { ConflictStrategy } from '../../domain/lock/conflicts.ts';
import type { WorkEnd, WorkOfTask } from '../../domain/roster/roster-events.ts';
import type { AssignedWork, Departure } from '../../domain/roster/roster-state.ts';
import type { Call, Invoke } from '../../operations/bind.ts';
import type { AssignedWorkInfo } from '../../operations/views/roster-views.ts';
import type { TaskDetails, TaskStarted } from '../../operations/views/task-views.ts';

/** Who speaks for members that cannot. */
const roster = 'roster';

const keyed = (operationId: string): Call => ({ operationId, digest: sha256(operationId), by: roster });

export class RosterWork {
  readonly #invoke: Invoke;

  constructor(invoke: Invoke) {
    this.#invoke = invoke;
  }

  task({ sessionId, taskId }: WorkOfTask): Promise<TaskDetails> {
    return this.#invoke('tasks.get', { sessionId, taskId }, { by: roster }) as Promise<TaskDetails>;
  }

  /** Starts the task of an assignment in the name of its member, once however often it is asked. */
  async start(task: WorkOfTask, owner: string, assignment: number): Promise<TaskStarted> {
    const key = keyed(`roster/${assignment}/${task.sessionId}/${task.taskId}`);
    return (await this.#invoke('tasks.start', { ...task, owner }, key)) as TaskStarted;
  }

  /** The work as its member sees it. */
  async info(member: string, { assignment, title, by, task }: AssignedWork): Promise<AssignedWorkInfo> {
    if (task === null) return { assignment, title, by, task: null };
    const { epoch, key } = await this.start(task, member, assignment);
    const { input } = await this.task(task);
    return { assignment, title, by, task: { ...task, epoch, key, input } };
  }

  /** True while the task is at work in the hands of the member. */
  async isAtWork(member: string, task: WorkOfTask): Promise<boolean> {
    try {
      const { status, owner } = await this.task(task);
      return owner === member && (status === 'in_progress' || status === 'validating');
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** Tells the task what has become of it in the hands of a member; false, and nothing, when it is in other hands by now. */
  async end(
    member: string,
    task: WorkOfTask,
    verdict:
      | { readonly do: 'release' }
      | { readonly do: 'complete'; readonly result: unknown }
      | { readonly do: 'fail'; readonly message: string; readonly retryable: boolean },
    call: Call = { by: roster },
  ): Promise<boolean> {
    const { status, owner, epoch } = await this.task(task);
    if (owner !== member || status !== 'in_progress') return owner === member || owner === null;
    const attempt = { ...task, epoch };
    if (verdict.do === 'release') await this.#invoke('tasks.release', attempt, call);
    else if (verdict.do === 'complete')
      await this.#invoke('tasks.complete', { ...attempt, result: verdict.result }, call);
    else {
      const { message, retryable } = verdict;
      const error = { name: 'WorkFailed', message };
      await this.#invoke('tasks.fail', { ...attempt, error, retryable }, call);
    }
    return true;
  }

  /** What a member that is gone had in hand is free again, or has failed; with `manual` it stays as it is. */
  async abandon({ sessionId: member, work }: Departure, strategy: ConflictStrategy): Promise<void> {
    if (work?.task == null || strategy === 'manual') return;
    const message = `its member ${member} is gone`;
    const verdict =
      strategy === 'abort'
        ? ({ do: 'fail', message, retryable: false } as const)
        : ({ do: 'release' } as const);
    await this.end(member, work.task, verdict).catch((error: unknown) => {
      if (!isGone(error) && !isOvertaken(error)) throw error;
    });
  }
}

const gone = ['TASK_NOT_FOUND', 'SESSION_NOT_FOUND'] as const;
const overtaken = [
  'TASK_LEASE_LOST',
  'TASK_TRANSITION',
  'SESSION_NOT_ACTIVE',
  'SESSION_QUARANTINED',
] as const;

/** True for what says that the session of a task has ended, and the task with it. */
export const isOver = (error: unknown): boolean =>
  isGone(error) || HoldfastError.is(error, 'SESSION_NOT_ACTIVE');

/** True for what says that there is no such task any more. */
const isGone = (error: unknown): boolean => gone.some((code) => HoldfastError.is(error, code));

/** True for what says that the task went another way, or can go none. */
const isOvertaken = (error: unknown): boolean => overtaken.some((code) => HoldfastError.is(error, code));

/** What an event of a task means for the member that has it; undefined for one that changes nothing. */
export function workEndOf(type: string, data: unknown): WorkEnd | undefined {
  switch (type) {
    case 'task.completed':
      return 'completed';
    case 'task.failed':
      return 'failed';
    case 'task.requeued':
      return (data as { readonly reason?: string }).reason === 'released' ? 'released' : 'failed';
    case 'task.cancelled':
    case 'task.paused':
    case 'task.handedOver':
      return 'ended';
    default:
      return undefined;
  }
}
