// The task runner: gives ready tasks to agents of their sessions, so many at once in each and in all, sessions in turn, and sees
// them through. It follows the tasks as they become durable, and keeps nothing that their streams do not say.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { recordedError } from '../../domain/recorded-error.ts';
import { isReady, type Task } from '../../domain/task/task.ts';
import type { TasksState } from '../../domain/task/task-state.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { Invoke } from '../../operations/bind.ts';
import { insist } from '../insistence.ts';
import type { SessionTasks } from './session-tasks.ts';
import {
  type Attempt,
  executeTask,
  isOfTask,
  isOvertaken,
  stopAgent,
  stopLeft,
  takeTask,
  taskRunner,
} from './task-execution.ts';
import type { TaskGates } from './task-gates.ts';
import { type Hold, leftAlone, TaskLane } from './task-lane.ts';

export interface TaskRunnerOptions {
  readonly tasks: SessionTasks;
  readonly gates: TaskGates;
  readonly invoke: Invoke;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly hasAgent: (agent: string) => boolean;
  /** By role, the agents that do its tasks. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  readonly maxRunning: number;
  readonly maxRunningPerSession: number;
  /** Calls back once when something of a session has changed that may let its tasks go on. */
  readonly onSessionChange: (sessionId: string, changed: () => void) => () => void;
  /** Takes up again what is open in a session that takes work again. */
  readonly takeUp: (sessionId: string) => Promise<unknown>;
}

/** A lane that the disk holds up is looked at again after so long. */
const againMs = 5_000;
const passing = ['JOURNAL_UNAVAILABLE', 'NOT_COMMITTED', 'OUTCOME_UNKNOWN'] as const;

export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  /** In turn: whose task was started last is last. */
  readonly #lanes = new Map<string, TaskLane>();
  readonly #ending = new AbortController();
  #running = 0;
  #isPumping = false;
  #isStarted = false;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  /** From now on tasks are started. */
  start(): void {
    this.#isStarted = true;
    this.#pumpSoon();
  }

  /** Lets go of all that is in hand: agents go on, and are found again by whoever comes next. */
  stop(): void {
    this.#ending.abort(leftAlone);
    for (const lane of this.#lanes.values()) lane.close();
    this.#lanes.clear();
  }

  /** Nothing of a session is in hand any more: it is deleted. */
  forget(sessionId: string): void {
    this.#lanes.get(sessionId)?.close();
    this.#lanes.delete(sessionId);
  }

  runningIn(sessionId: string): number {
    return this.#lanes.get(sessionId)?.running.size ?? 0;
  }

  /** Events of tasks became durable, and `state` is the state after them. */
  follow(sessionId: string, events: readonly StoredEvent[], state: TasksState): void {
    for (const { data, type } of events) {
      const { taskId } = (data ?? {}) as { readonly taskId?: string };
      const task = taskId === undefined ? undefined : state.tasks.get(taskId);
      if (task !== undefined) this.#look(sessionId, task);
      else if (taskId !== undefined && type !== 'task.created')
        this.#lanes.get(sessionId)?.ready.delete(taskId);
    }
    this.#pumpSoon();
  }

  /** Takes a task up again that was begun before: true when it is in the hands of this runner now. */
  adopt(sessionId: string, task: Task): boolean {
    const lane = this.#laneOf(sessionId);
    if (task.status === 'validating') return this.#validate(lane, task);
    if (task.status !== 'in_progress' || task.owner !== taskRunner || lane.running.has(task.taskId))
      return false;
    const agent = task.agent ?? this.agentFor(sessionId, task) ?? '';
    this.#run(lane, task.taskId, agent, task.epoch);
    return true;
  }

  /** A task that rests: the agent of its last attempt is not to go on. */
  rest(sessionId: string, task: Task): void {
    const { taskId, epoch } = task;
    if (epoch === 0 || this.#lanes.get(sessionId)?.running.has(taskId)) return;
    stopLeft(this.#options, { sessionId, task, epoch }, this.#ending.signal).catch((failure: unknown) =>
      this.#notStopped(sessionId, taskId, failure),
    );
  }

  /** A task that is ready, and may not have been heard of yet. */
  offer(sessionId: string, task: Task): void {
    this.#look(sessionId, task);
    this.#pumpSoon();
  }

  /** The agent that would do it: that of the task, or of its role the one with the least to do; undefined for nobody. */
  agentFor(sessionId: string, { agent, role }: Pick<Task, 'agent' | 'role'>): string | undefined {
    const { hasAgent, roles } = this.#options;
    if (agent !== null) return hasAgent(agent) ? agent : undefined;
    if (role === null) return undefined;
    const lane = this.#lanes.get(sessionId);
    const able = (Object.hasOwn(roles, role) ? (roles[role] ?? []) : [role]).filter(hasAgent);
    return able
      .map((name, place) => ({ name, place, load: lane?.loadOf(name) ?? 0 }))
      .sort((a, b) => a.load - b.load || a.place - b.place)[0]?.name;
  }

  #laneOf(sessionId: string): TaskLane {
    const known = this.#lanes.get(sessionId);
    if (known !== undefined) return known;
    const lane = new TaskLane(sessionId);
    this.#lanes.set(sessionId, lane);
    return lane;
  }

  #look(sessionId: string, task: Task): void {
    if (this.#ending.signal.aborted) return;
    const { taskId, status, epoch } = task;
    const known = this.#lanes.get(sessionId);
    if (isReady(task) && this.agentFor(sessionId, task) !== undefined)
      this.#laneOf(sessionId).ready.add(task);
    else known?.ready.delete(taskId);
    const hold = known?.running.get(taskId);
    if (hold !== undefined && hold.epoch > 0 && (status !== 'in_progress' || epoch !== hold.epoch))
      hold.abort.abort(new Error(`the task is ${status}`));
    if (status === 'validating') this.#validate(this.#laneOf(sessionId), task);
    else known?.validating.get(taskId)?.abort(new Error(`the task is ${status}`));
  }

  /** Behind what is being told just now. */
  #pumpSoon(): void {
    if (this.#isPumping || !this.#isStarted || this.#ending.signal.aborted) return;
    this.#isPumping = true;
    queueMicrotask(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { maxRunning, maxRunningPerSession } = this.#options;
    for (let found = true; found; ) {
      found = false;
      for (const lane of [...this.#lanes.values()]) {
        if (this.#running >= maxRunning || this.#ending.signal.aborted) return;
        if (lane.isHeld || lane.running.size >= maxRunningPerSession) continue;
        const taskId = lane.ready.take();
        if (taskId === undefined) {
          if (lane.isIdle) this.#lanes.delete(lane.sessionId);
          continue;
        }
        found = true;
        this.#lanes.delete(lane.sessionId);
        this.#lanes.set(lane.sessionId, lane);
        this.#run(lane, taskId, undefined, 0);
      }
    }
  }

  /** `epoch` is 0 for a task that has to be taken first. */
  #run(lane: TaskLane, taskId: string, agent: string | undefined, epoch: number): void {
    this.#running += 1;
    const task = this.#options.tasks.host.peek(lane.sessionId)?.tasks.get(taskId);
    const chosen = agent ?? (task && this.agentFor(lane.sessionId, task)) ?? null;
    const hold: Hold = { abort: new AbortController(), agent: chosen, epoch, runId: null, operationId: null };
    lane.running.set(taskId, hold);
    void this.#attend(lane, taskId, hold).finally(() => {
      this.#running -= 1;
      if (lane.running.get(taskId) === hold) lane.running.delete(taskId);
      void this.#lookAgain(lane, taskId);
    });
  }

  /** What became of a task while it was in hand was not looked at. */
  async #lookAgain({ sessionId }: TaskLane, taskId: string): Promise<void> {
    if (this.#ending.signal.aborted) return;
    const task = this.#options.tasks.host.peek(sessionId)?.tasks.get(taskId);
    if (task !== undefined) this.#look(sessionId, task);
    this.#pumpSoon();
  }

  async #attend(lane: TaskLane, taskId: string, hold: Hold): Promise<void> {
    const { sessionId } = lane;
    const { tasks } = this.#options;
    try {
      const agent = hold.agent ?? this.agentFor(sessionId, await tasks.get(sessionId, taskId));
      if (agent === undefined) return;
      const attempt: Attempt = { sessionId, taskId, agent, hold };
      if (hold.epoch === 0) await takeTask(this.#options, attempt);
      await this.#seeThrough(attempt);
    } catch (error) {
      if (hold.abort.signal.aborted || isOvertaken(error)) return;
      if (isOfTask(error) && hold.epoch > 0) await this.#giveUp(sessionId, taskId, hold, error);
      else this.#standStill(lane, taskId, hold, toError(error));
    }
  }

  /** The agent of an attempt that is not to go on is stopped, whatever it is doing. */
  async #seeThrough(attempt: Attempt): Promise<void> {
    const { hold, sessionId, taskId } = attempt;
    try {
      await executeTask(this.#options, attempt);
    } catch (error) {
      const { signal } = hold.abort;
      const isLost = signal.aborted ? signal.reason !== leftAlone : isOvertaken(error);
      if (isLost)
        await stopAgent(this.#options, attempt, this.#ending.signal).catch((failure: unknown) =>
          this.#notStopped(sessionId, taskId, failure),
        );
      throw error;
    }
  }

  #notStopped(sessionId: string, taskId: string, failure: unknown): void {
    const problem = toError(failure).message;
    if (!this.#ending.signal.aborted)
      this.#options.telemetry('task.agentNotStopped', { sessionId, taskId, problem });
  }

  /** What can never be started, or recorded, keeps nobody behind it waiting. */
  async #giveUp(sessionId: string, taskId: string, { epoch }: Hold, error: unknown): Promise<void> {
    const { clock, tasks } = this.#options;
    const command = {
      type: 'task.fail',
      taskId,
      epoch,
      retryable: false,
      error: recordedError(error),
    } as const;
    const fail = () => tasks.send(sessionId, command, { by: taskRunner });
    await insist(clock, this.#ending.signal, fail).catch(() => undefined);
  }

  /** The session takes nothing, or the agent cannot be started in it now: nothing of it is started until it changes. */
  #standStill(lane: TaskLane, taskId: string, hold: Hold, error: Error): void {
    const { sessionId } = lane;
    const { telemetry, tasks } = this.#options;
    const code = HoldfastError.is(error) ? error.code : null;
    telemetry('task.heldUp', { sessionId, taskId, code, problem: error.message });
    this.#holdLane(lane, error);
    if (hold.epoch === 0 || hold.runId !== null) return;
    const release = { type: 'task.release', taskId, epoch: hold.epoch } as const;
    const { signal } = this.#ending;
    insist(this.#options.clock, signal, () => tasks.send(sessionId, release, { by: taskRunner })).catch(
      () => undefined,
    );
  }

  /** What the disk refused may pass while nothing changes in the session: it is looked at again. */
  #holdLane(lane: TaskLane, error: unknown): void {
    const { onSessionChange, takeUp, clock } = this.#options;
    const passes = passing.some((code) => HoldfastError.is(error, code));
    lane.hold(
      (changed) => {
        const forget = onSessionChange(lane.sessionId, changed);
        const cancel = passes ? clock.schedule(againMs, changed) : undefined;
        return () => {
          forget();
          cancel?.();
        };
      },
      () => void takeUp(lane.sessionId).catch(() => undefined),
    );
  }

  /** True when its gates are asked now. */
  #validate(lane: TaskLane, { taskId, epoch }: Task): boolean {
    if (lane.isHeld || lane.validating.has(taskId) || !this.#isStarted) return false;
    const abort = new AbortController();
    lane.validating.set(taskId, abort);
    void this.#judge(lane, taskId, epoch, abort.signal).finally(() => {
      lane.validating.delete(taskId);
      void this.#lookAgain(lane, taskId);
    });
    return true;
  }

  async #judge(lane: TaskLane, taskId: string, epoch: number, signal: AbortSignal): Promise<void> {
    const { sessionId } = lane;
    const { tasks, gates, clock, telemetry } = this.#options;
    try {
      const task = await tasks.get(sessionId, taskId);
      const verdicts = await gates.judge(sessionId, task, signal);
      const command = { type: 'task.validate', taskId, epoch, gates: verdicts } as const;
      await insist(clock, signal, () => tasks.send(sessionId, command, { by: taskRunner }));
    } catch (error) {
      if (signal.aborted || isOvertaken(error)) return;
      telemetry('task.notValidated', { sessionId, taskId, problem: toError(error).message });
      // Asked again at once, its gates would be refused again: what is to be judged waits for the session.
      this.#holdLane(lane, error);
    }
  }
}
