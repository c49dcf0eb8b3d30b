// The asynchronous tasks of one actor: it has ended only when they have. Closing aborts and refuses, abandoning forgets.
import { setMaxListeners } from 'node:events';
import { HoldfastError, toError } from '../base/errors.ts';
import { guardedSignal } from './guarded-signal.ts';

interface Task {
  readonly name: string;
  /** Nobody needs to listen to how it ends. */
  readonly disown: () => void;
}

export interface TaskScopeOptions {
  /** Hears of the abort listeners that threw or rejected. */
  readonly onFault?: (error: Error) => void;
}

export class TaskScope {
  readonly #controller = new AbortController();
  readonly #tasks = new Set<Task>();
  #waiting: (() => void)[] = [];

  constructor({ onFault = () => {} }: TaskScopeOptions = {}) {
    guardedSignal(this.#controller.signal, onFault);
    // Each call that waits listens to it: Node takes more than ten for a leak, and says so to the user.
    setMaxListeners(0, this.#controller.signal);
  }

  /** Aborted when the scope closes. A listener of it that throws harms nobody. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Tasks that go on. */
  get size(): number {
    return this.#tasks.size;
  }

  get isClosed(): boolean {
    return this.signal.aborted;
  }

  /**
   * Calls the task at once and answers as it does. Refused with `SCOPE_CLOSED` once the scope is closed. After
   * {@link abandon} the answer never comes: who waits for it is forgotten with it.
   */
  run<T>(name: string, task: (signal: AbortSignal) => Promise<T> | T): Promise<T> {
    if (this.isClosed)
      return harmless(Promise.reject(new HoldfastError('SCOPE_CLOSED', { task: name }, this.#why)));
    const { promise, settle } = answerOf<T>();
    const entry: Task = { name, disown: () => void harmless(promise) };
    this.#tasks.add(entry);
    const end = (answer: Answer<T>): void => {
      if (!this.#tasks.delete(entry)) return;
      settle(answer);
      this.#tellWhenEmpty();
    };
    callTask(task, this.signal).then(
      (value) => end({ ok: true, value }),
      (error: unknown) => end({ ok: false, error }),
    );
    return promise;
  }

  /** Aborts the signal, by default with an `AbortError`, and takes no more tasks. From now on a task may fail unheard. */
  close(reason?: Error): void {
    if (this.isClosed) return;
    for (const task of this.#tasks) task.disown();
    this.#controller.abort(reason);
  }

  /** Resolves when no task goes on: all have ended, or were abandoned. */
  settled(): Promise<void> {
    if (this.#tasks.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Closes, forgets what goes on, and names it in the order in which it began. Whatever becomes of it harms nobody. */
  abandon(): readonly string[] {
    this.close(new HoldfastError('KILLED'));
    const names = [...this.#tasks].map(({ name }) => name);
    this.#tasks.clear();
    this.#tellWhenEmpty();
    return names;
  }

  get #why(): { readonly cause: Error } {
    return { cause: toError(this.signal.reason) };
  }

  #tellWhenEmpty(): void {
    if (this.#tasks.size > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

function answerOf<T>(): { promise: Promise<T>; settle: (answer: Answer<T>) => void } {
  let settle: (answer: Answer<T>) => void = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    settle = (answer) => (answer.ok ? resolve(answer.value) : reject(answer.error));
  });
  return { promise, settle };
}

/** A task that throws before it returns a promise is one that rejects. */
async function callTask<T>(task: (signal: AbortSignal) => Promise<T> | T, signal: AbortSignal): Promise<T> {
  return task(signal);
}

function harmless<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
