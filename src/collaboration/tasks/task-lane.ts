// What the task runner knows of one session: which tasks wait for an agent, and which are in the hands of one.
import { ReadyTasks } from './ready-tasks.ts';

/** A task in the hands of the runner: it ends when its signal does, or by itself. */
export interface Hold {
  readonly abort: AbortController;
  readonly agent: string | null;
  epoch: number;
  /** The run of the agent, once it is known. */
  runId: string | null;
  /** Under which its agent is started, once that is known. */
  operationId: string | null;
}

export class TaskLane {
  readonly sessionId: string;
  readonly ready = new ReadyTasks();
  readonly running = new Map<string, Hold>();
  readonly validating = new Map<string, AbortController>();
  #endHold: (() => void) | undefined;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  /** True while the session takes nothing: until it changes. */
  get isHeld(): boolean {
    return this.#endHold !== undefined;
  }

  /** True when there is nothing to be known of it. */
  get isIdle(): boolean {
    return !this.isHeld && this.ready.size === 0 && this.running.size === 0 && this.validating.size === 0;
  }

  /** Starts nothing until the session changes; `until` calls back then, and returns how to end that. */
  hold(until: (changed: () => void) => () => void, goOn: () => void): void {
    if (this.#endHold !== undefined) return;
    let isOver = false;
    const end = until(() => {
      if (isOver) return;
      isOver = true;
      this.release();
      goOn();
    });
    this.#endHold = end;
  }

  release(): void {
    this.#endHold?.();
    this.#endHold = undefined;
  }

  /** How many of its tasks an agent has in hand. */
  loadOf(agent: string): number {
    let load = 0;
    for (const hold of this.running.values()) if (hold.agent === agent) load += 1;
    return load;
  }

  /** Lets go of all that is in hand; agents go on by themselves. */
  close(): void {
    this.release();
    for (const { abort } of this.running.values()) abort.abort(leftAlone);
    for (const abort of this.validating.values()) abort.abort(leftAlone);
  }
}

/** Why a task is not in hand any more, when its agent is to go on. */
export const leftAlone = new Error('the task runner has ended');
