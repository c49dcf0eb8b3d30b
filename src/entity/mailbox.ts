// The mailbox of an entity: bounded, in order, and held back while there is nothing to decide on.
import { HoldfastError, toError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Answer, CommandMeta } from './command-meta.ts';
import { assertSameRequest, flightKey } from './receipts.ts';

/** A command and whoever waits for its answer. */
export interface Job<C> {
  readonly command: C;
  readonly meta: CommandMeta;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  /** The record under its key, once a store that answers later has answered. */
  readonly recorded?: { readonly value: Json | undefined };
}

export interface MailboxOptions<C> {
  readonly stream: string;
  /** Commands that may wait for their answers at once. */
  readonly size: number;
  readonly deliver: (job: Job<C>) => void;
  /** What held the mailbox back has failed. */
  readonly failed: (error: Error) => void;
}

export class Mailbox<C> {
  readonly #options: MailboxOptions<C>;
  readonly #inbox: Job<C>[] = [];
  readonly #onTheirWay = new Map<string, { digest: string | undefined; outcome: Promise<Answer> }>();
  readonly #settled: (() => void)[] = [];
  #waiting = 0;
  /** Deadlines on their way to the disk: they take no place of a command's. */
  #deadlines = 0;
  #holds = 0;
  #held: Promise<unknown> | undefined;
  #emptied = false;

  constructor(options: MailboxOptions<C>) {
    this.#options = options;
  }

  /** True while no command waits for its answer, no deadline for the disk, and nothing holds it back. */
  get isQuiet(): boolean {
    return this.#waiting + this.#deadlines + this.#holds === 0;
  }

  /** True when a command that comes now would be delivered at once. */
  get isOpen(): boolean {
    return this.#holds === 0 && this.#inbox.length === 0;
  }

  /** Delivers a command in its turn. One more than the mailbox holds is refused; a repeat joins the first. */
  post(command: C, meta: CommandMeta, retryAfterMs: number): Promise<Answer> {
    const { stream, size } = this.#options;
    const key = flightKey(meta);
    const known = key === undefined ? undefined : this.#onTheirWay.get(key);
    if (known !== undefined) return joined(known, meta);
    if (this.#waiting >= size) {
      return Promise.reject(new HoldfastError('OVERLOADED', { stream, size: this.#waiting, retryAfterMs }));
    }
    const outcome = this.#enqueue(command, meta);
    if (key !== undefined) this.#remember(key, meta.digest, outcome);
    return outcome;
  }

  /** Puts a command back in front: it is delivered again before all others. */
  putBack(job: Job<C>): void {
    this.#inbox.unshift(job);
  }

  /** Delivers nothing until the promise settles, then goes on in order. */
  async hold(until: Promise<unknown>): Promise<void> {
    this.#holds += 1;
    this.#held = until;
    try {
      await until;
    } catch (error) {
      this.#options.failed(toError(error));
    }
    this.#holds -= 1;
    this.#tellWhenSettled();
    while (this.#holds === 0) {
      const job = this.#inbox.shift();
      if (job === undefined) return;
      this.#options.deliver(job);
    }
  }

  /** Resolves when nothing holds it back. */
  async whenOpen(): Promise<void> {
    while (this.#holds > 0) await this.#held?.catch(() => undefined);
  }

  /** Takes out what was not delivered yet, for good: what holds it back need not be waited for any more. */
  empty(): Job<C>[] {
    this.#emptied = true;
    this.#tellWhenSettled();
    return this.#inbox.splice(0);
  }

  /** Resolves when it is quiet, or was emptied and waits for nothing but what holds it back. */
  async settle(): Promise<void> {
    while (!this.#isSettled) await new Promise<void>((resolve) => this.#settled.push(resolve));
  }

  /** Counts a deadline in until the returned function is called: nobody sent it, and it is to be waited for all the same. */
  countIn(): () => void {
    this.#deadlines += 1;
    return () => {
      this.#deadlines -= 1;
      this.#tellWhenSettled();
    };
  }

  #enqueue(command: C, meta: CommandMeta): Promise<Answer> {
    this.#waiting += 1;
    return new Promise<Answer>((resolve, reject) => {
      const job: Job<C> = {
        command,
        meta,
        resolve: (answer) => {
          this.#answered();
          resolve(answer);
        },
        reject: (error) => {
          this.#answered();
          reject(error);
        },
      };
      if (this.isOpen) this.#options.deliver(job);
      else this.#inbox.push(job);
    });
  }

  #answered(): void {
    this.#waiting -= 1;
    this.#tellWhenSettled();
  }

  get #isSettled(): boolean {
    return this.#waiting + this.#deadlines === 0 && (this.#holds === 0 || this.#emptied);
  }

  #tellWhenSettled(): void {
    if (!this.#isSettled || this.#settled.length === 0) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  #remember(key: string, digest: string | undefined, outcome: Promise<Answer>): void {
    this.#onTheirWay.set(key, { digest, outcome });
    const forget = (): void => {
      this.#onTheirWay.delete(key);
    };
    outcome.then(forget, forget);
  }
}

async function joined(
  known: { readonly digest: string | undefined; readonly outcome: Promise<Answer> },
  { operationId = '', digest }: CommandMeta,
): Promise<Answer> {
  assertSameRequest(operationId, known.digest, digest);
  return { ...(await known.outcome), repeated: true };
}
