// One stream with a law: decide, remember, become, tell, act, answer, for every command and in this order.
//
// Decide works on the decided state, so that commands follow each other while the disk works; everybody else sees the
// durable one. When the disk fails the decided state is dropped and read back from what the disk has kept.
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Command, Law, Refusal } from '../domain/law.ts';
import type { Head, Journal, StoredEvent } from '../journal/journal.ts';
import { type Answer, type CommandMeta, eventMeta } from './command-meta.ts';
import { type Decided, decideCommand } from './decide.ts';
import { type Flight, Flights, isWritten } from './flights.ts';
import { type Hydrated, hydrate, readTail } from './hydrate.ts';
import { type Job, Mailbox } from './mailbox.ts';
import { answerFromRecord, type ReceiptWindow, receiptKey, receiptsFor, receiptWindow } from './receipts.ts';
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
  readonly tell: (events: readonly StoredEvent[], state: State) => void;
  /** The law or the journal failed in a way that this incarnation cannot outlive. */
  readonly crash: (error: Error) => void;
}

export class Entity<State, C extends Command> {
  readonly stream: string;
  readonly #options: EntityOptions<State, C>;
  readonly #mailbox: Mailbox<C>;
  readonly #flights = new Flights<State>();
  readonly #snapshots: SnapshotWriter<State>;
  #durable: State;
  #head: Head | undefined;
  #decided: State;
  #decidedSeq = 0;
  #lastAt = 0;
  #operations = 0;
  #appendMs = 1;
  #abandoned: Error | undefined;
  #progressed = false;

  /** Reads the newest snapshot that holds and the events after it, unless `resident` is all that there is to read. */
  static async hydrate<State, C extends Command>(
    options: EntityOptions<State, C>,
    resident?: Hydrated<State>,
  ): Promise<Entity<State, C>> {
    const { law, stream, journal, telemetry } = options;
    if (resident !== undefined && (await journal.head(stream))?.version === resident.head?.version)
      return new Entity(options, resident);
    return new Entity(options, await hydrate(law, stream, journal, telemetry));
  }

  private constructor(options: EntityOptions<State, C>, hydrated: Hydrated<State>) {
    const { stream, mailboxSize: size } = options;
    const { state, head, snapshotSeq: seq, snapshotBytes: bytes } = hydrated;
    this.stream = stream;
    this.#options = options;
    this.#durable = state;
    this.#decided = state;
    this.#rebase(state, head);
    this.#snapshots = new SnapshotWriter(options, { seq, bytes });
    const failed = (error: Error): void => this.#crash(error);
    this.#mailbox = new Mailbox({ stream, size, deliver: (job) => this.#handle(job), failed });
  }

  /** The state that everybody sees. */
  get durable(): State {
    return this.#durable;
  }

  /** The seq of the newest durable event, or 0. */
  get seq(): number {
    return this.#head?.seq ?? 0;
  }

  /** The time of the newest event, or of the newest command that led to one. */
  get lastAt(): number {
    return this.#lastAt;
  }

  /** What another incarnation can go on with, without reading anything. */
  get hydrated(): Hydrated<State> {
    const { seq, bytes } = this.#snapshots.last;
    const head = this.#head;
    return { state: this.#durable, head, lastAt: this.#lastAt, snapshotSeq: seq, snapshotBytes: bytes };
  }

  /** True once something of this incarnation became durable that got it any further. */
  get progressed(): boolean {
    return this.#progressed;
  }

  /** True while nothing waits for an answer or for the disk, and the state is what the disk holds. */
  get isQuiet(): boolean {
    return this.#mailbox.isQuiet;
  }

  /** Decides the command and answers once all that it was decided on is durable. */
  send(command: C, meta: CommandMeta = {}): Promise<Answer> {
    if (this.#abandoned !== undefined)
      return Promise.reject(this.#notCommitted(command.type, this.#abandoned));
    return this.#mailbox.post(command, meta, 2 * this.#appendMs);
  }

  /** Carries out the deadlines that have passed, unless there is no state to decide them on just now. */
  wake(): void {
    if (
      this.#abandoned !== undefined ||
      !this.#mailbox.isOpen ||
      this.#options.journal.incident !== undefined
    )
      return;
    try {
      this.#decideDue();
    } catch (error) {
      this.#crash(toError(error));
    }
  }

  /** Resolves when it is quiet: all that was sent before has been answered. */
  settle(): Promise<void> {
    return this.#mailbox.settle();
  }

  /** Resolves when the durable state is what the disk holds: at once, but after a failure when it has been read back. */
  whenRead(): Promise<void> {
    return this.#mailbox.whenOpen();
  }

  /** Keeps a snapshot of the durable state, when at least so many events are new in it. */
  async snapshot(leastEvents = 1): Promise<void> {
    if (this.seq - this.#snapshots.last.seq < leastEvents) return;
    if (this.#head !== undefined) await this.#snapshots.write(this.#durable, this.#head);
  }

  /** Takes nothing more. What is with the disk is still answered truthfully; everything else was not committed. */
  abandon(error: Error): void {
    if (this.#abandoned !== undefined) return;
    this.#abandoned = error;
    this.#cancelFlights(error);
    for (const { command, reject } of this.#mailbox.empty()) reject(this.#notCommitted(command.type, error));
  }

  #handle(job: Job<C>): void {
    const { incident } = this.#options.journal;
    if (this.#abandoned !== undefined) {
      job.reject(this.#notCommitted(job.command.type, this.#abandoned));
    } else if (incident !== undefined) {
      this.#mailbox.putBack(job);
      void this.#mailbox.hold(incident);
    } else {
      this.#attend(job);
    }
  }

  /** A coded refusal belongs to the caller; anything else that is thrown is a fault of the law and ends this incarnation. */
  #attend(job: Job<C>): void {
    try {
      this.#lookUp(job);
    } catch (thrown) {
      const error = toError(thrown);
      const isRefusal = HoldfastError.is(error);
      job.reject(isRefusal ? error : this.#notCommitted(job.command.type, error));
      if (!isRefusal) this.#crash(error);
    }
  }

  /** Has it been answered before? Most stores know at once; behind one that does not, the mailbox waits. */
  #lookUp(job: Job<C>): void {
    const key = this.#head === undefined || job.recorded !== undefined ? undefined : receiptKey(job.meta);
    const found = key === undefined ? job.recorded?.value : this.#options.journal.receipt(this.stream, key);
    if (!(found instanceof Promise)) {
      this.#decide(job, found);
      return;
    }
    const putBack = (value: Json | undefined): void => this.#mailbox.putBack({ ...job, recorded: { value } });
    void this.#mailbox.hold(found.then(putBack, job.reject));
  }

  #decide({ command, meta, resolve, reject }: Job<C>, recorded: Json | undefined): void {
    const { clock, receipts: window = receiptWindow } = this.#options;
    const known = recorded && answerFromRecord(recorded, meta, clock.now(), this.#operations, window);
    if (known) {
      resolve(known);
      return;
    }
    this.#decideDue();
    const outcome = this.#run(command, meta);
    if ('refusal' in outcome) {
      const { code, details } = outcome.refusal;
      this.#answerInTurn(command.type, () => reject(new HoldfastError(code, details)), reject);
      return;
    }
    const answer: Answer = { seq: outcome.seq, ...outcome.reply };
    const leavesTrace = outcome.events.length > 0 || this.#keepsAnswer(meta);
    if (!leavesTrace) this.#answerInTurn(command.type, () => resolve(answer), reject);
    else this.#remember(outcome, command.type, meta, answer, () => resolve(answer), reject);
  }

  /** That nothing had to be done is an answer too, to be repeated when much has happened since. A tombstone keeps none. */
  #keepsAnswer(meta: CommandMeta): boolean {
    return receiptKey(meta) !== undefined && this.#decidedSeq >= (this.#head?.firstSeq ?? 1);
  }

  /** Deadlines come first: what the clock has decided already is decided before what is asked now. */
  #decideDue(): void {
    const { law, clock } = this.#options;
    for (;;) {
      const due = law.due(this.#decided, clock.now());
      const outcome = due && this.#run(due, {});
      if (due === undefined || outcome === undefined || 'refusal' in outcome || outcome.events.length === 0)
        return;
      const landed = this.#mailbox.countIn();
      this.#remember(outcome, due.type, {}, { seq: outcome.seq }, landed, landed);
    }
  }

  #run(command: C, meta: CommandMeta): Decided<State> | { readonly refusal: Refusal } {
    const { law, journal, clock, incarnation } = this.#options;
    const refusal = meta.agent && law.fence?.(this.#decided, meta.agent);
    if (refusal !== undefined) return { refusal };
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
    { events, seq }: Decided<State>,
    command: string,
    meta: CommandMeta,
    answered: Answer,
    answer: () => void,
    fail: (error: Error) => void,
  ): void {
    const last = events.at(-1);
    this.#decided = last?.state ?? this.#decided;
    this.#decidedSeq = seq;
    this.#lastAt = Math.max(this.#lastAt, last?.draft.event.at ?? this.#options.clock.now());
    const receipts = receiptsFor(meta, answered, this.#lastAt, this.#operations + 1);
    this.#operations += receipts.length;
    this.#flights.add({ events, command, receipts, answer, fail });
    if (!this.#flights.isFlying) void this.#append();
  }

  /** An answer without events, refusals too, waits for what it was decided on, and falls with it. */
  #answerInTurn(command: string, answer: () => void, fail: (error: Error) => void): void {
    if (!this.#flights.follow({ events: [], command, receipts: [], answer, fail })) answer();
  }

  async #append(): Promise<void> {
    const { law, journal, clock } = this.#options;
    const batch = this.#flights.depart(journal.limits.batchBytes);
    const events = batch.flatMap((flight) => flight.events);
    const drafts = events.map(({ draft }) => draft);
    const receipts = batch.flatMap((flight) => flight.receipts);
    const startedAt = clock.now();
    try {
      const head = law.summarize(events.at(-1)?.state ?? this.#durable);
      const result = await journal.append(this.stream, this.#head?.version ?? null, drafts, {
        head,
        receipts,
      });
      this.#appendMs = Math.max(1, clock.now() - startedAt);
      if (result.ok) this.#become(batch, result.head);
      else if (result.reason === 'unknown') this.#lose(batch, 'OUTCOME_UNKNOWN', result.cause);
      else this.#lose(batch, 'NOT_COMMITTED', new Error('another writer has moved the stream'));
    } catch (error) {
      this.#lose(batch, 'NOT_COMMITTED', toError(error));
    }
  }

  #become(batch: readonly Flight<State>[], head: Head): void {
    this.#flights.land();
    this.#head = head;
    const events = batch.flatMap((flight) => flight.events);
    this.#takeOn(events.map(({ draft, state }) => ({ event: draft.event, state })));
    for (const flight of batch) flight.answer();
    if (this.#abandoned !== undefined) return;
    const drafts = events.map(({ draft }) => draft);
    this.#snapshots.afterEvents(drafts, this.#durable, head);
    if (this.#flights.hasOutgoing) void this.#append();
  }

  #takeOn(events: readonly { readonly event: StoredEvent; readonly state: State }[]): void {
    const { law, become, tell } = this.#options;
    for (const { event, state } of events) {
      this.#durable = state;
      if (this.#abandoned === undefined) become(event, state);
    }
    if (events.length === 0) return;
    this.#progressed ||= events.some(({ event }) => law.isProgress?.(event) ?? true);
    tell(
      events.map(({ event }) => event),
      this.#durable,
    );
  }

  /** The disk failed: nothing that was decided holds any more. What it kept after all is read back. */
  #lose(batch: readonly Flight<State>[], code: 'OUTCOME_UNKNOWN' | 'NOT_COMMITTED', cause: Error): void {
    this.#flights.land();
    for (const flight of batch)
      flight.fail(this.#lost(isWritten(flight) ? code : 'NOT_COMMITTED', flight.command, cause));
    this.#cancelFlights(cause);
    this.#options.telemetry('entity.rehydrating', { stream: this.stream, problem: cause.message });
    if (this.#abandoned === undefined) void this.#mailbox.hold(this.#rehydrate());
  }

  async #rehydrate(): Promise<void> {
    const { law, journal } = this.#options;
    const head = await journal.head(this.stream);
    const { events, state } = await readTail(law, this.stream, journal, this.#durable, this.#head, head);
    this.#rebase(state, head);
    this.#takeOn(events);
  }

  #rebase(state: State, head: Head | undefined): void {
    this.#head = head;
    this.#decided = state;
    this.#decidedSeq = head?.seq ?? 0;
    this.#operations = head?.operations ?? 0;
    this.#lastAt = Math.max(this.#lastAt, head?.updatedAt ?? 0);
  }

  #crash(error: Error): void {
    if (this.#abandoned !== undefined) return;
    this.abandon(error);
    this.#options.crash(error);
  }

  #cancelFlights(cause: Error): void {
    for (const { command, fail } of this.#flights.cancel()) fail(this.#notCommitted(command, cause));
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
