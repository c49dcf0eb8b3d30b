// The durable handles of an agent as its code sees them, and how the steps of one scope are named.

import type { AgentBudget } from '../../domain/agent/agent-budget.ts';
import type { AgentRestart } from '../../domain/agent/agent-runs.ts';
import type { StepOptions } from './step-run.ts';

/** What the function of a step is given: handles for steps within it, and what it needs to bear being run again. */
export interface StepContext extends StepHandles {
  /** Aborted when the incarnation is to end. */
  readonly signal: AbortSignal;
  /** Counted from 1 in each incarnation. */
  readonly attempt: number;
  /** The same for each attempt of this step of this run: for the other end of an effect. */
  readonly idempotencyKey: string;
}

export interface WaitOptions {
  /** How long it waits, from now or until a time; without either for as long as it takes. */
  readonly deadlineMs?: number;
  readonly deadlineAt?: number;
}

/** As of `agents.start`. */
export interface ChildOptions {
  readonly role?: string;
  readonly restart?: AgentRestart;
  readonly timeoutMs?: number;
  readonly budget?: AgentBudget;
}

/** How late a timer went off. */
export interface Slept {
  readonly lateMs: number;
}

export interface StepHandles {
  /** Runs `fn` once in the life of the run: its result is journaled, and is what this returns from then on. */
  step<Result>(
    name: string,
    fn: (context: StepContext) => Result | Promise<Result>,
    options?: StepOptions,
  ): Promise<Result>;
  /** Goes on so many milliseconds after it was first called, over restarts too. */
  sleep(ms: number): Promise<Slept>;
  sleep(name: string, ms: number): Promise<Slept>;
  /** Goes on at a time, in milliseconds since the epoch. */
  sleepUntil(at: number): Promise<Slept>;
  sleepUntil(name: string, at: number): Promise<Slept>;
  /** The payload of the next `agents.signal` of this name; throws `WAIT_EXPIRED` when the deadline comes first. */
  waitFor<Payload = unknown>(signal: string, options?: WaitOptions): Promise<Payload>;
  /** Runs another agent as a child of this run, and returns its result; throws `CHILD_FAILED`. */
  child<Result = unknown>(
    name: string,
    agent: string,
    input?: unknown,
    options?: ChildOptions,
  ): Promise<Result>;
}

const longestName = 200;
const longestKey = 1_000;

/** The steps that are called in one place: by the agent itself, or within one step. */
export class StepScope {
  readonly path: string | undefined;
  readonly #counts = new Map<string, number>();

  constructor(path?: string) {
    this.path = path;
  }

  get isUsed(): boolean {
    return this.#counts.size > 0;
  }

  /** The key of the next step of this name: the second of one name is `name#2`. */
  key(name: string): string {
    if (typeof name !== 'string' || name.length === 0 || name.length > longestName)
      throw new TypeError(`The name of a step must be a text of 1 to ${longestName} characters`);
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const plain = name.replace(/[%/#]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
    const own = count === 1 ? plain : `${plain}#${count}`;
    const key = this.path === undefined ? own : `${this.path}/${own}`;
    if (key.length > longestKey) throw new TypeError(`Steps are nested too deep: ${key.slice(0, 100)}…`);
    return key;
  }
}
