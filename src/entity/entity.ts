// One stream with a law: decide, remember, become, tell, act, answer, for every command and in this order.
//
// Decide works on the decided state, so that commands follow each other while the disk works; everybody else sees the
// durable one. Of one entity at most one append is on its way; what is decided meanwhile goes into the next.
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Command, Law, Refusal } from '../domain/law.ts';
import type { EventMeta, Head, Journal, StoredEvent } from '../journal/journal.ts';
import type { Answer, CommandMeta } from './command-meta.ts';
import { type Decided, decideCommand } from './decide.ts';
import { type Hydrated, hydrate, readTail } from './hydrate.ts';
import {
  answerFromRecord,
  assertSameRequest,
  flightKey,
  type ReceiptWindow,
  receiptKey,
  receiptsFor,
  receiptWindow,
} from './receipts.ts';
import { type SnapshotPolicy, SnapshotWriter } from './snapshot-writer.ts';

export interface EntityOptions<State, C extends Command> {
  readonly law: Law<State, C>;
  readonly stream: string;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Commands that may wait for their answers; one more is refused with `OVERLOADED`. */
  readonly mailboxSize: number;
  readonly incarnation: number;
  readonly snapshots?: SnapshotPolicy;
  readonly receipts?: ReceiptWindow;
  /** An event has become durable, and `state` is the state after it. */
  readonly become: (event: StoredEvent, state: State) => void;
  /** Events that became durable together, in order; `state` is the state after the last. */
  readonly tell: (events: readonly StoredEvent[], state: State, head: Head) => void;
  /** The law or the journal failed in a way that this incarnation cannot outlive. */
  readonly crash: (error: Error) => void;
}

interface Job<C> {
  readonly command: C;
  readonly meta: CommandMeta;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  /** The record under its key, once a store that answers later has answered. */
  readonly recorded?: { readonly value: Json | undefined };
}

/** A decided command on its way: its events, and what its caller hears once they are durable. */
interface Flight<State> extends Decided<State> {
  readonly command: string;
  readonly receipts: ReturnType<typeof receiptsFor>;
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

export class Entity<State, C extends Command> {
  readonly stream: string;
  readonly #options: EntityOptions<State, C>;
  readonly #snapshots: SnapshotWriter<State>;
  #durable: State;
  #head: Head | undefined;
  #decided: State;
  #decidedSeq: number;
  #lastAt: number;
  #operations: number;
  #inbox: Job<C>[] = [];
  #blocks = 0;
  #appendMs = 1;
  #outgoing: Flight<State>[] = [];
  #inFlight: Flight<State>[] | undefined;
  #waiting = 0;
  #keys = new Map<string, { digest: string | undefined; outcome: Promise<Answer> }>();
  #abandoned: Error | undefined;
  #settled: (() => void)[] = [];
  #progressed = false;

  /** Reads the newest snapshot that holds and the events after it. */
  static async hydrate<State, C extends Command>(
    options: EntityOptions<State, C>,
  ): Promise<Entity<State, C>> {
    const { law, stream, journal, telemetry } = options;
    return new Entity(options, await hydrate(law, stream, journal, telemetry));
  }

  private constructor(
    options: EntityOptions<State, C>,
    { state, head, lastAt, snapshotSeq, snapshotBytes }: Hydrated<State>,
  ) {
    this.stream = options.stream;
    this.#options = options;
    this.#durable = state;
    this.#decided = state;
    this.#head = head;
    this.#decidedSeq = head?.seq ?? 0;
    this.#operations = head?.operations ?? 0;
    this.#lastAt = lastAt;
    this.#snapshots = new SnapshotWriter(options, { seq: snapshotSeq, bytes: snapshotBytes });
  }

  /** The state that everybody sees. */
  get durable(): State {
    return this.#durable;
  }

  /** The seq of the newest durable event, or 0. */
  get seq(): number {
    return this.#head?.seq ?? 0;
  }

  /** True once an event of this incarnation became durable. */
  get progressed(): boolean {
    return this.#progressed;
  }

  /** True while no command waits for its answer. */
  get isQuiet(): boolean {
    return this.#waiting === 0;
  }

  /** Decides the command and answers once all that it was decided on is durable. */
  send(command: C, meta: CommandMeta = {}): Promise<Answer> {
    if (this.#abandoned !== undefined)
      return Promise.reject(this.#notCommitted(command.type, this.#abandoned));
    const { mailboxSize } = this.#options;
    if (this.#waiting >= mailboxSize) {
      const details = { stream: this.stream, size: this.#waiting, retryAfterMs: 2 * this.#appendMs };
      return Promise.reject(new HoldfastError('OVERLOADED', details));
    }
    const known = this.#onItsWay(meta);
    if (known !== undefined) return known;
    const outcome = this.#enqueue(command, meta);
    const key = flightKey(meta);
    if (key !== undefined) this.#rememberFlight(key, meta, outcome);
    return outcome;
  }

  /** Carries out the deadlines that have passed. */
  wake(): void {
    if (this.#abandoned === undefined && this.#blocks === 0 && this.#inbox.length === 0)
      this.#guard(() => this.#decideDue());
  }

  /** Resolves when all that was sent before has been answered. */
  async settle(): Promise<void> {
    while (this.#waiting > 0 && this.#abandoned === undefined) {
      await new Promise<void>((resolve) => this.#settled.push(resolve));
    }
  }

  /** Keeps a snapshot of the durable state, when there is anything new in it. */
  async snapshot(): Promise<void> {
    if (this.#head !== undefined) await this.#snapshots.write(this.#durable, this.#head);
  }

  /** Takes nothing more. What is with the disk is still answered truthfully; everything else was not committed. */
  abandon(error: Error): void {
    if (this.#abandoned !== undefined) return;
    this.#abandoned = error;
    this.#dropUnsent(error);
  }

  #enqueue(command: C, meta: CommandMeta): Promise<Answer> {
    this.#waiting += 1;
    const outcome = new Promise<Answer>((resolve, reject) => {
      const job = { command, meta, resolve, reject };
      if (this.#blocks > 0 || this.#inbox.length > 0) this.#inbox.push(job);
      else this.#handle(job);
    });
    const done = (): void => this.#answered();
    outcome.then(done, done);
    return outcome;
  }

  #answered(): void {
    this.#waiting -= 1;
    if (this.#waiting > 0 || this.#settled.length === 0) return;
    for (const resolve of this.#settled.splice(0)) resolve();
  }

  #handle(job: Job<C>): void {
    if (this.#options.journal.incident !== undefined) {
      this.#putBack(job);
      void this.#block(this.#options.journal.incident);
      return;
    }
    const recorded = job.recorded === undefined ? this.#recorded(job.meta) : job.recorded.value;
    if (recorded instanceof Promise)
      void this.#block(recorded.then((value) => this.#putBack({ ...job, recorded: { value } })));
    else this.#guardJob(job, () => this.#decide(job, recorded));
  }

  #putBack(job: Job<C>): void {
    this.#inbox.unshift(job);
  }

  #recorded(meta: CommandMeta): ReturnType<Journal['receipt']> {
    const key = this.#head === undefined ? undefined : receiptKey(meta);
    return key === undefined ? undefined : this.#options.journal.receipt(this.stream, key);
  }

  /** Holds the mailbox back until `until` settles, then goes through it in order. */
  async #block(until: Promise<unknown>): Promise<void> {
    this.#blocks += 1;
    try {
      await until;
    } catch (error) {
      this.#crash(toError(error));
    }
    this.#blocks -= 1;
    while (this.#blocks === 0) {
      const job = this.#inbox.shift();
      if (job === undefined) return;
      this.#handle(job);
    }
  }

  #decide({ command, meta, resolve, reject }: Job<C>, recorded: Json | undefined): void {
    if (recorded !== undefined) {
      const { clock, receipts = receiptWindow } = this.#options;
      const answer = answerFromRecord(recorded, meta, clock.now(), this.#operations, receipts);
      if (answer !== undefined) return resolve(answer);
    }
    this.#decideDue();
    const outcome = this.#run(command, meta);
    if ('refusal' in outcome) {
      const { code, details } = outcome.refusal;
      this.#whenDurable(command.type, () => reject(new HoldfastError(code, details)), reject);
      return;
    }
    const answer: Answer = { seq: outcome.seq, ...outcome.reply };
    if (outcome.events.length === 0) this.#whenDurable(command.type, () => resolve(answer), reject);
    else this.#remember(outcome, command.type, meta, answer, () => resolve(answer), reject);
  }

  /** Deadlines come first: what the clock has decided already is decided before what is asked now. */
  #decideDue(): void {
    const { law, clock } = this.#options;
    for (
      let due = law.due(this.#decided, clock.now());
      due !== undefined;
      due = law.due(this.#decided, clock.now())
    ) {
      const outcome = this.#run(due, {});
      if ('refusal' in outcome || outcome.events.length === 0) return;
      this.#remember(
        outcome,
        due.type,
        {},
        { seq: outcome.seq },
        () => {},
        () => {},
      );
    }
  }

  #run(command: C, meta: CommandMeta): Decided<State> | { readonly refusal: Refusal } {
    const { law, journal, clock, incarnation } = this.#options;
    // Time never runs backwards within a stream, whatever the clock does.
    const at = Math.max(clock.now(), this.#lastAt);
    const from = { state: this.#decided, seq: this.#decidedSeq, at };
    return decideCommand(
      law,
      this.stream,
      from,
      command,
      eventMeta(meta, incarnation),
      journal.limits.valueBytes,
    );
  }

  #remember(
    decided: Decided<State>,
    command: string,
    meta: CommandMeta,
    answer: Answer,
    tellCaller: () => void,
    fail: (error: Error) => void,
  ): void {
    const last = decided.events.at(-1);
    if (last === undefined) return;
    this.#decided = last.state;
    this.#decidedSeq = decided.seq;
    this.#lastAt = Math.max(this.#lastAt, last.draft.event.at);
    const receipts = receiptsFor(meta, answer, this.#lastAt, this.#operations + 1);
    this.#operations += receipts.length;
    this.#outgoing.push({ ...decided, command, receipts, answer: tellCaller, fail });
    if (this.#inFlight === undefined) void this.#append();
  }

  /** An answer without events waits for what it was decided on, and falls with it. */
  #whenDurable(command: string, answer: () => void, fail: (error: Error) => void): void {
    const ahead = this.#outgoing.length > 0 ? this.#outgoing : this.#inFlight;
    if (ahead === undefined) return answer();
    ahead.push({ events: [], seq: this.#decidedSeq, reply: undefined, command, receipts: [], answer, fail });
  }

  async #append(): Promise<void> {
    const { law, journal, clock } = this.#options;
    const batch = this.#takeBatch();
    this.#inFlight = batch;
    const events = batch.flatMap((flight) => flight.events);
    const state = events.at(-1)?.state ?? this.#durable;
    const startedAt = clock.now();
    try {
      const result = await journal.append(
        this.stream,
        this.#head?.version ?? null,
        events.map(({ draft }) => draft),
        { head: law.summarize(state), receipts: batch.flatMap((flight) => flight.receipts) },
      );
      this.#appendMs = Math.max(1, clock.now() - startedAt);
      if (result.ok) this.#become(batch, result.head);
      else if (result.reason === 'unknown') this.#lose(batch, 'OUTCOME_UNKNOWN', result.cause);
      else this.#lose(batch, 'NOT_COMMITTED', new Error('another writer has moved the stream'));
    } catch (error) {
      this.#lose(batch, 'NOT_COMMITTED', toError(error));
    }
  }

  /** As much of what is decided as one batch holds; the receipts' and head's bytes are small beside the limit's slack. */
  #takeBatch(): Flight<State>[] {
    const limit = this.#options.journal.limits.batchBytes / 2;
    let bytes = 0;
    let count = 0;
    for (const { events } of this.#outgoing) {
      bytes += events.reduce((sum, { draft }) => sum + draft.payload.length * 2 + 1024, 0);
      if (count > 0 && bytes > limit) break;
      count += 1;
    }
    return this.#outgoing.splice(0, count);
  }

  #become(batch: readonly Flight<State>[], head: Head): void {
    const { become, tell } = this.#options;
    this.#inFlight = undefined;
    this.#head = head;
    const events = batch.flatMap((flight) => flight.events);
    for (const { draft, state } of events) {
      this.#durable = state;
      if (this.#abandoned === undefined) become(draft.event, state);
    }
    if (events.length > 0) {
      this.#progressed = true;
      tell(
        events.map(({ draft }) => draft.event),
        this.#durable,
        head,
      );
    }
    for (const flight of batch) flight.answer();
    if (this.#abandoned !== undefined) return;
    this.#snapshots.afterEvents(
      events.map(({ draft }) => draft),
      this.#durable,
      head,
    );
    if (this.#outgoing.length > 0) void this.#append();
  }

  /** The disk failed: nothing that was decided holds any more. What it kept after all is read back. */
  #lose(batch: readonly Flight<State>[], code: 'OUTCOME_UNKNOWN' | 'NOT_COMMITTED', cause: Error): void {
    this.#inFlight = undefined;
    for (const { command, fail } of batch) fail(this.#lost(code, command, cause));
    this.#dropUnsent(cause);
    this.#options.telemetry('entity.rehydrating', { stream: this.stream, problem: cause.message });
    if (this.#abandoned === undefined) void this.#block(this.#rehydrate());
  }

  async #rehydrate(): Promise<void> {
    const { law, stream, journal, become, tell } = { ...this.#options, stream: this.stream };
    const head = await journal.head(stream);
    const { events, state } = await readTail(law, stream, journal, this.#durable, this.#head, head);
    this.#head = head;
    for (const event of events) {
      this.#durable = event.state;
      become(event.event, event.state);
    }
    if (events.length > 0 && head !== undefined)
      tell(
        events.map(({ event }) => event),
        state,
        head,
      );
    this.#decided = state;
    this.#decidedSeq = head?.seq ?? 0;
    this.#operations = head?.operations ?? 0;
  }

  #onItsWay(meta: CommandMeta): Promise<Answer> | undefined {
    const key = flightKey(meta);
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known === undefined) return undefined;
    return (async () => {
      assertSameRequest(meta.operationId ?? '', known.digest ?? '', meta.digest ?? '');
      return { ...(await known.outcome), repeated: true };
    })();
  }

  #rememberFlight(key: string, { digest }: CommandMeta, outcome: Promise<Answer>): void {
    this.#keys.set(key, { digest, outcome });
    const forget = (): void => {
      this.#keys.delete(key);
    };
    outcome.then(forget, forget);
  }

  /** A refusal that is thrown belongs to the caller; anything else is a fault of the law, and ends this incarnation. */
  #guardJob(job: Job<C>, work: () => void): void {
    try {
      work();
    } catch (thrown) {
      const error = toError(thrown);
      if (HoldfastError.is(error)) return job.reject(error);
      job.reject(this.#notCommitted(job.command.type, error));
      this.#crash(error);
    }
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#crash(toError(error));
    }
  }

  #crash(error: Error): void {
    if (this.#abandoned !== undefined) return;
    this.abandon(error);
    this.#options.crash(error);
  }

  /** What was decided and not sent falls; what was not decided yet waits, unless nobody will decide it any more. */
  #dropUnsent(cause: Error): void {
    for (const { command, fail } of this.#outgoing.splice(0)) fail(this.#notCommitted(command, cause));
    if (this.#abandoned === undefined) return;
    for (const { command, reject } of this.#inbox.splice(0)) reject(this.#notCommitted(command.type, cause));
  }

  #notCommitted(command: string, cause: Error): HoldfastError {
    return this.#lost('NOT_COMMITTED', command, cause);
  }

  #lost(code: 'OUTCOME_UNKNOWN' | 'NOT_COMMITTED', command: string, cause: Error): HoldfastError {
    if (HoldfastError.is(cause) && sizeRefusals.has(cause.code)) return cause;
    return new HoldfastError(code, { command, stream: this.stream, problem: cause.message }, { cause });
  }
}

/** Refused by the journal before it stored anything: the caller hears which limit it was. */
const sizeRefusals: ReadonlySet<string> = new Set(['VALUE_TOO_LARGE', 'BATCH_TOO_LARGE', 'KEY_TOO_LARGE']);

function eventMeta(meta: CommandMeta, incarnation: number): EventMeta {
  const { operationId, source, by, correlation, causation } = meta;
  if (Object.keys(meta).length === 0) return { incarnation };
  const caused = source === undefined ? causation : `${source.manager}:${source.stream}:${source.seq}`;
  return Object.freeze({
    incarnation,
    ...(operationId !== undefined && { operationId }),
    ...(by !== undefined && { by }),
    ...(correlation !== undefined && { correlation }),
    ...(caused !== undefined && { causation: caused }),
  });
}
