// What the tasks of a session come to, the naive way: a plain map of plain tasks, and after each change a look at all of them
// until nothing moves any more.
import type { FailurePolicy } from '../../src/domain/task/task.ts';

type Status = 'blocked' | 'pending' | 'in_progress' | 'paused' | 'completed' | 'failed' | 'cancelled';

export interface ModelTask {
  status: Status;
  epoch: number;
  failures: number;
  deps: Map<string, FailurePolicy>;
  maxAttempts: number;
  lease: number | null;
  deadline: number | null;
}

export type ModelCommand =
  | {
      readonly do: 'create';
      readonly id: string;
      readonly deps: readonly (readonly [string, FailurePolicy])[];
      readonly maxAttempts: number;
      readonly deadline: number | null;
    }
  | { readonly do: 'start'; readonly id: string; readonly leaseMs: number | null }
  | { readonly do: 'complete' | 'fail' | 'release'; readonly id: string; readonly epoch: number }
  | { readonly do: 'pause' | 'resume' | 'cancel' | 'retry'; readonly id: string }
  | {
      readonly do: 'link' | 'unlink';
      readonly id: string;
      readonly on: string;
      readonly policy: FailurePolicy;
    }
  | { readonly do: 'wait'; readonly ms: number };

const ended = (task: ModelTask): boolean => ['completed', 'failed', 'cancelled'].includes(task.status);
const rests = (task: ModelTask): boolean => ['blocked', 'pending', 'paused'].includes(task.status);

function dueOf(task: ModelTask): number {
  if (ended(task)) return Number.POSITIVE_INFINITY;
  const lease = task.status === 'in_progress' ? task.lease : null;
  return Math.min(task.deadline ?? Number.POSITIVE_INFINITY, lease ?? Number.POSITIVE_INFINITY);
}

export class TaskModel {
  readonly tasks = new Map<string, ModelTask>();
  now = 0;

  /** 'ok', or the code of the refusal. */
  run(command: ModelCommand): string {
    if (command.do === 'wait') {
      this.now += command.ms;
      this.#passTime();
      return 'ok';
    }
    const outcome = this.#do(command);
    if (outcome === 'ok') this.#settle();
    return outcome;
  }

  #do(command: Exclude<ModelCommand, { do: 'wait' }>): string {
    const task = this.tasks.get(command.id);
    if (command.do === 'create') return this.#create(command);
    if (task === undefined) return 'TASK_NOT_FOUND';
    switch (command.do) {
      case 'start':
        if (task.status === 'blocked') return 'TASK_NOT_READY';
        if (task.status !== 'pending') return 'TASK_TRANSITION';
        task.status = 'in_progress';
        task.epoch += 1;
        task.lease = command.leaseMs === null ? null : this.now + command.leaseMs;
        return 'ok';
      case 'complete':
      case 'fail':
      case 'release':
        if (task.epoch !== command.epoch || task.status !== 'in_progress') return 'TASK_LEASE_LOST';
        if (command.do === 'complete') task.status = 'completed';
        else if (command.do === 'release') task.status = 'pending';
        else this.#failed(task);
        return 'ok';
      case 'pause':
        if (task.status === 'paused') return 'ok';
        if (!rests(task) && task.status !== 'in_progress') return 'TASK_TRANSITION';
        task.status = 'paused';
        return 'ok';
      case 'resume':
      case 'retry': {
        const from =
          command.do === 'resume' ? task.status === 'paused' : ['failed', 'cancelled'].includes(task.status);
        if (!from) return 'TASK_TRANSITION';
        if (this.#isDoomed(task)) return 'TASK_NOT_READY';
        if (command.do === 'retry') {
          task.failures = 0;
          if ((task.deadline ?? 0) <= this.now) task.deadline = null;
        }
        task.status = 'blocked';
        return 'ok';
      }
      case 'cancel':
        if (!ended(task)) task.status = 'cancelled';
        return 'ok';
      case 'link':
        if (!rests(task)) return 'TASK_TRANSITION';
        if (!this.tasks.has(command.on)) return 'TASK_NOT_FOUND';
        if (this.#reaches(command.on, command.id)) return 'TASK_CYCLE';
        task.deps.set(command.on, command.policy);
        return 'ok';
      case 'unlink':
        if (!task.deps.has(command.on)) return 'ok';
        if (!rests(task)) return 'TASK_TRANSITION';
        task.deps.delete(command.on);
        return 'ok';
    }
  }

  #create({ id, deps, maxAttempts, deadline }: Extract<ModelCommand, { do: 'create' }>): string {
    if (this.tasks.has(id)) return 'TASK_EXISTS';
    if (deps.some(([on]) => on !== id && !this.tasks.has(on))) return 'TASK_NOT_FOUND';
    if (deps.some(([on]) => on === id)) return 'TASK_CYCLE';
    this.tasks.set(id, {
      ...{ status: 'blocked', epoch: 0, failures: 0, deps: new Map(deps), maxAttempts, lease: null },
      deadline: deadline === null ? null : this.now + deadline,
    });
    return 'ok';
  }

  #failed(task: ModelTask): void {
    task.failures += 1;
    task.status = task.failures >= task.maxAttempts ? 'failed' : 'pending';
  }

  /** One after the other, in the order of time and then of creation: what one leads to may be that another has no time left. */
  #passTime(): void {
    for (;;) {
      const [first] = [...this.tasks.values()]
        .map((task) => ({ task, at: dueOf(task) }))
        .filter(({ at }) => at <= this.now)
        .sort((a, b) => a.at - b.at);
      if (first === undefined) return;
      const { task } = first;
      if (task.deadline !== null && task.deadline <= this.now) task.status = 'failed';
      else this.#failed(task);
      this.#settle();
    }
  }

  #isDoomed(task: ModelTask): boolean {
    return [...task.deps].some(([on, policy]) => policy === 'cancel' && this.#hasFailed(on));
  }

  #hasFailed(id: string): boolean {
    return ['failed', 'cancelled'].includes(this.tasks.get(id)?.status ?? '');
  }

  #isFree(task: ModelTask): boolean {
    return [...task.deps].every(
      ([on, policy]) =>
        this.tasks.get(on)?.status === 'completed' || (policy === 'ignore' && this.#hasFailed(on)),
    );
  }

  #settle(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const task of this.tasks.values()) {
        if (!rests(task)) continue;
        const next = this.#isDoomed(task)
          ? 'cancelled'
          : task.status === 'paused'
            ? 'paused'
            : this.#isFree(task)
              ? 'pending'
              : 'blocked';
        if (next === task.status) continue;
        task.status = next;
        moved = true;
      }
    }
  }

  #reaches(from: string, to: string): boolean {
    return (
      from === to || [...(this.tasks.get(from)?.deps.keys() ?? [])].some((next) => this.#reaches(next, to))
    );
  }
}
