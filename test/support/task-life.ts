// The tasks of a session run by their law alone, as an entity runs them: deadlines first, then the command.
import type { LawEvent } from '../../src/domain/law.ts';
import type { NewTask } from '../../src/domain/task/task.ts';
import type { TaskCommand } from '../../src/domain/task/task-commands.ts';
import { tasksLaw } from '../../src/domain/task/task-law.ts';
import type { TasksState } from '../../src/domain/task/task-state.ts';

export class TaskLife {
  state: TasksState = tasksLaw.initial('tasks/a');
  readonly events: LawEvent[] = [];

  /** The reply, or the code of the refusal. */
  send(command: TaskCommand, at: number): Readonly<Record<string, unknown>> | string {
    this.passTime(at);
    return this.#run(command, at);
  }

  passTime(at: number): void {
    for (let due = tasksLaw.due(this.state, at); due !== undefined; due = tasksLaw.due(this.state, at)) {
      const before = this.events.length;
      this.#run(due, at);
      if (this.events.length === before) throw new Error(`${JSON.stringify(due)} led to nothing`);
    }
  }

  #run(command: TaskCommand, at: number): Readonly<Record<string, unknown>> | string {
    const decision = tasksLaw.decide(this.state, command, at, this.events.length);
    if ('refusal' in decision) return decision.refusal.code;
    let { state } = this;
    const events: LawEvent[] = [];
    for (const { type, data } of decision.events) {
      const seq = this.events.length + events.length + 1;
      const event: LawEvent = { stream: 'tasks/a', seq, at, type, typeVersion: 1, data };
      const next = tasksLaw.evolve(state, event);
      if (next === undefined) return tasksLaw.explain(state, { type, data }).code;
      state = next;
      events.push(event);
    }
    this.state = state;
    this.events.push(...events);
    return decision.reply ?? {};
  }
}

export const newTask = (taskId: string, more: Partial<NewTask> = {}): NewTask => ({
  ...{ taskId, title: taskId, description: null, priority: 0, agent: null, role: null },
  ...{
    metadata: null,
    input: null,
    dependencies: [],
    timeoutMs: null,
    deadlineAt: null,
    gates: [],
    level: null,
  },
  retry: { maxAttempts: 1, backoffMs: 0, factor: 2, maxBackoffMs: 60_000 },
  ...more,
});

export const create = (...tasks: readonly NewTask[]): TaskCommand => ({
  type: 'task.create',
  tasks,
  durability: 'fsync',
});
