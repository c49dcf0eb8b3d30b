// The mailbox of an entity: in order, and held back while there is nothing to decide on. A repeat of what is on its way joins it.
import type { Json } from '../base/json.ts';
import type { Answer, CommandMeta } from './command-meta.ts';
import { assertSameRequest, flightKey } from './receipts.ts';

/** A command and whoever waits for its answer, which the mailbox gives. */
export interface Job<C> {
  readonly command: C;
  readonly meta: CommandMeta;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  /** Under which a repeat finds it while it is on its way; undefined when nothing identifies it. */
  readonly key: string | undefined;
  /** The record under its key, once a store that answers later has answered. */
  readonly recorded?: { readonly value: Json | undefined };
}

interface OnItsWay {
  readonly digest: string | undefined;
  readonly outcome: Promise<Answer>;
}

const none: readonly never[] = [];

export class Mailbox<C> {
  readonly #deliver: (job: Job<C>) => void;
  // Most mailboxes never need these three: they are made when they are.
  #inbox: Job<C>[] | undefined;
  #onTheirWay: Map<string, OnItsWay> | undefined;
  #settled: (() => void)[] | undefined;
  #waiting = 0;
  /** Deadlines on their way to the disk: they take no place of a command's. */
  #deadlines = 0;
  #holds = 0;
  #held: Promise<unknown> | undefined;
  #emptied = false;

  constructor(deliver: (job: Job<C>) => void) {
    this.#deliver = deliver;
  }

  /** Commands that wait for their answers. */
  get waiting(): number {
    return this.#waiting;
  }

  /** True while no command waits for its answer, no deadline for the disk, and nothing holds it back. */
  get isQuiet(): boolean {
    return this.#waiting + this.#deadlines + this.#holds === 0;
  }

  /** True when a command that comes now would be delivered at once. */
  get isOpen(): boolean {
    return this.#holds === 0 && (this.#inbox === undefined || this.#inbox.length === 0);
  }

  /** The answer of the same command, if it is on its way. */
  join(meta: CommandMeta): Promise<Answer> | undefined {
    const key = this.#onTheirWay === undefined ? undefined : flightKey(meta);
    const known = key === undefined ? undefined : this.#onTheirWay?.get(key);
    return known && joined(known, meta);
  }

  /** Delivers a command in its turn. */
  post(command: C, meta: CommandMeta): Promise<Answer> {
    this.#waiting += 1;
    const key = flightKey(meta);
    if (key === undefined)
      return new Promise<Answer>((resolve, reject) => this.#take({ command, meta, resolve, reject, key }));
    let job: Job<C> | undefined;
    const outcome = new Promise<Answer>((resolve, reject) => {
      job = { command, meta, resolve, reject, key };
    });
    // Before it is delivered: it may be refused at once.
    this.#onTheirWay ??= new Map();
    this.#onTheirWay.set(key, { digest: meta.digest, outcome });
    if (job !== undefined) this.#take(job);
    return outcome;
  }

  answer(job: Job<C>, answer: Answer): void {
    this.#settle(job);
    job.resolve(answer);
  }

  refuse(job: Job<C>, error: Error): void {
    this.#settle(job);
    job.reject(error);
  }

  /** Puts a command back in front: it is delivered again before all others. */
  putBack(job: Job<C>): void {
    this.#lineUp().unshift(job);
  }

  /** Delivers nothing until the promise has settled, whatever becomes of it, then goes on in order. */
  async hold(until: Promise<unknown>): Promise<void> {
    this.#holds += 1;
    this.#held = until;
    await until.catch(() => undefined);
    this.#holds -= 1;
    this.#emptied = false;
    this.#tellWhenSettled();
    while (this.#holds === 0) {
      const job = this.#inbox?.shift();
      if (job === undefined) return;
      this.#deliver(job);
    }
  }

  /** Resolves when nothing holds it back. */
  async whenOpen(): Promise<void> {
    while (this.#holds > 0) await this.#held?.catch(() => undefined);
  }

  /** Takes out what was not delivered yet: what holds it back need not be waited for any more. */
  empty(): readonly Job<C>[] {
    this.#emptied = true;
    this.#tellWhenSettled();
    return this.#inbox?.splice(0) ?? none;
  }

  /** Refuses those that wait for which there is a reason; what stays is delivered when nothing holds it back. */
  refuseWaiting(reasonFor: (command: C) => Error | undefined): void {
    const waiting = this.#inbox?.splice(0) ?? none;
    for (const job of waiting) {
      const reason = reasonFor(job.command);
      if (reason === undefined) this.#inbox?.push(job);
      else this.refuse(job, reason);
    }
    this.#emptied ||= this.#holds > 0 && !this.#inbox?.length;
    this.#tellWhenSettled();
  }

  /** Resolves when it is quiet, or was emptied and waits for nothing but what holds it back. */
  async settle(): Promise<void> {
    while (!this.#isSettled)
      await new Promise<void>((resolve) => {
        this.#settled ??= [];
        this.#settled.push(resolve);
      });
  }

  /** A deadline is on its way to the disk: nobody sent it, and it is to be waited for all the same. */
  deadlineDeparted(): void {
    this.#deadlines += 1;
  }

  deadlineLanded(): void {
    this.#deadlines -= 1;
    this.#tellWhenSettled();
  }

  get #isSettled(): boolean {
    return this.#waiting + this.#deadlines === 0 && (this.#holds === 0 || this.#emptied);
  }

  #lineUp(): Job<C>[] {
    this.#inbox ??= [];
    return this.#inbox;
  }

  #tellWhenSettled(): void {
    if (this.#settled === undefined || !this.#isSettled) return;
    const settled = this.#settled;
    this.#settled = undefined;
    for (const resolve of settled) resolve();
  }

  #take(job: Job<C>): void {
    if (this.isOpen) this.#deliver(job);
    else this.#lineUp().push(job);
  }

  #settle({ key }: Job<C>): void {
    this.#waiting -= 1;
    if (key !== undefined) this.#onTheirWay?.delete(key);
    this.#tellWhenSettled();
  }
}

async function joined(known: OnItsWay, { operationId = '', digest }: CommandMeta): Promise<Answer> {
  assertSameRequest(operationId, known.digest, digest);
  return { ...(await known.outcome), repeated: true };
}
