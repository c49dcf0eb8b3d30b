import type { Durability } from '../base/durability.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Command, Refusal } from '../domain/law.ts';
import type { Append, EventDraft, EventMeta, Head, StoredEvent } from '../journal/journal.ts';
import { type Answer, type CommandMeta, eventMeta, isBare } from './command-meta.ts';
import { type Decided, decideCommand, fenced } from './decide.ts';
import { asReached, demandOf, durabilityOf, incidentOf, joined, refusalOf, wantsMore } from './demand.ts';
import type { EntityOptions, EntityOwner, EntityPorts } from './entity-options.ts';
import { type Flight, Flights, isWritten, type Landed, loadOf } from './flights.ts';
import { type Hydrated, hydrate, readTail } from './hydrate.ts';
import { lost, overloaded } from './losses.ts';
import { type Job, Mailbox } from './mailbox.ts';
import { headWhenHealed, outageOf, refuseInOutage } from './outages.ts';
import { answerFromRecord, noReceipts, receiptWindow } from './receipts.ts';
import { Recorded } from './recorded.ts';
import { SnapshotWriter } from './snapshot-writer.ts';
import { StreamTime } from './stream-time.ts';

const noMeta: CommandMeta = {};
const nothingRecorded = new Recorded(0);

export class Entity<State, C extends Command> {
  readonly stream: string;
  readonly #ports: EntityPorts<State, C>;
  readonly #owner: EntityOwner<State>;
  readonly #mailbox: Mailbox<C>;
  readonly #flights = new Flights<State, C>();
  readonly #snapshots: SnapshotWriter<State>;
  /** Of the many events of which nothing is known but who wrote them. */
  readonly #ownMeta: EventMeta;
  readonly #time: StreamTime;
  #durable: State;
  #head: Head | undefined;
  #decided: State;
  #decidedSeq = 0;
  #recorded = nothingRecorded;
  #appendMs = 1;
  #abandoned: Error | undefined;
  #progressed = false;

  /** An entity on what its stream holds. */
  static async hydrate<State, C extends Command>(
    options: EntityOptions<State, C>,
  ): Promise<Entity<State, C>> {
    return new Entity(options, options, await Entity.read(options, options.stream));
  }

  /** The newest snapshot that holds and the events after it, unless `resident` is all that there is to read. */
  static async read<State, C extends Command>(
    { law, journal, telemetry }: EntityPorts<State, C>,
    stream: string,
    resident?: Hydrated<State>,
  ): Promise<Hydrated<State>> {
    if (resident !== undefined && (await journal.head(stream))?.version === resident.head?.version)
      return resident;
    return hydrate(law, stream, journal, telemetry);
  }

  constructor(ports: EntityPorts<State, C>, owner: EntityOwner<State>, hydrated: Hydrated<State>) {
    const { state, head, snapshotSeq: seq, snapshotBytes: bytes } = hydrated;
    this.stream = owner.stream;
    this.#ports = ports;
    this.#owner = owner;
    this.#time = new StreamTime(ports.clock);
    this.#ownMeta = eventMeta(noMeta, owner.incarnation);
    this.#durable = state;
    this.#decided = state;
    this.#rebase(state, head);
    if (hydrated.recorded !== undefined) this.#recorded = hydrated.recorded;
    this.#snapshots = new SnapshotWriter(ports, owner.stream, { seq, bytes });
    this.#mailbox = new Mailbox((job) => this.#handle(job));
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
    return this.#time.lastAt;
  }

  /** The time of the stream now. */
  get time(): number {
    return this.#time.now((this.#ports.law.nextSpan?.(this.#decided) ?? null) !== null);
  }

  /** What another incarnation can go on with, without reading anything. */
  get hydrated(): Hydrated<State> {
    const { seq, bytes } = this.#snapshots.last;
    const [state, head, lastAt, recorded] = [this.#durable, this.#head, this.lastAt, this.#recorded];
    return { state, head, lastAt, snapshotSeq: seq, snapshotBytes: bytes, recorded };
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
  send(command: C, meta: CommandMeta = noMeta): Promise<Answer> {
    if (this.#abandoned !== undefined)
      return Promise.reject(this.#notCommitted(command.type, this.#abandoned));
    const refusal = outageOf(this.#ports, this.#decided, command);
    if (refusal !== undefined) return Promise.reject(refusal);
    const known = this.#mailbox.join(meta);
    if (known !== undefined) return joined(known, meta, () => this.send(command, meta));
    const { waiting } = this.#mailbox;
    if (waiting < this.#ports.mailboxSize) return this.#mailbox.post(command, meta);
    return Promise.reject(overloaded(this.stream, waiting, this.#appendMs));
  }

  /** Carries out the deadlines that have passed, unless there is no state to decide them on; the stream is known to have come to `time`. */
  wake(time = 0): void {
    this.#time.reached(time);
    if (this.#abandoned || !this.isRead || incidentOf(this.#ports, this.#decided)) return;
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

  /** False behind a failure, until the durable state is what the disk holds. */
  get isRead(): boolean {
    return this.#mailbox.isOpen;
  }

  /** Resolves when it is. */
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
    for (const job of this.#mailbox.empty())
      this.#mailbox.refuse(job, this.#notCommitted(job.command.type, error));
  }

  #handle(job: Job<C>): void {
    const incident = incidentOf(this.#ports, this.#decided);
    if (this.#abandoned !== undefined) {
      this.#mailbox.refuse(job, this.#notCommitted(job.command.type, this.#abandoned));
    } else if (incident !== undefined) {
      this.#mailbox.putBack(job);
      this.#hold(incident);
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
      this.#mailbox.refuse(job, isRefusal ? error : this.#notCommitted(job.command.type, error));
      if (!isRefusal) this.#crash(error);
    }
  }

  /** Has it been answered before? Most stores know at once; behind one that does not, the mailbox waits. */
  #lookUp(job: Job<C>): void {
    const key = job.recorded === undefined ? this.#recorded.keyToAsk(job.meta) : undefined;
    const found = key === undefined ? job.recorded?.value : this.#ports.journal.receipt(this.stream, key);
    if (!(found instanceof Promise)) {
      this.#decide(job, found);
      return;
    }
    const putBack = (value: Json | undefined): void => this.#mailbox.putBack({ ...job, recorded: { value } });
    this.#hold(found.then(putBack, (error: Error) => this.#mailbox.refuse(job, error)));
  }

  /** What the mailbox was held back for must work out: there is no state to go on with otherwise. */
  #hold(until: Promise<void>): void {
    refuseInOutage(this.#ports, this.#mailbox, () => this.#decided);
    void this.#mailbox.hold(until.catch((error: unknown) => this.#crash(toError(error))));
  }

  #decide(job: Job<C>, recorded: Json | undefined): void {
    const { command, meta } = job;
    const { clock, receipts: window = receiptWindow } = this.#ports;
    const known =
      recorded && answerFromRecord(recorded, meta, clock.now(), this.#recorded.operations, window);
    if (known) {
      this.#repeat(job, known);
      return;
    }
    this.#decideDue();
    const outcome = this.#run(command, meta);
    if ('refusal' in outcome) {
      const { code, details } = outcome.refusal;
      this.#answerInTurn(job, new HoldfastError(code, details));
      return;
    }
    const { events, seq, reply } = outcome;
    const durability = durabilityOf(this.#ports.law, events.at(-1)?.state ?? this.#decided);
    const answer: Answer = reply === undefined ? { seq, durability } : { seq, durability, ...reply };
    const isWritten = events.length > 0 || this.#keepsAnswer(meta) || wantsMore(meta, durability);
    const tooMuch = refusalOf(command, meta, durability);
    if (tooMuch !== undefined) this.#answerInTurn(job, tooMuch);
    else if (isWritten) this.#remember(outcome, command.type, job, answer);
    else this.#answerInTurn(job, answer);
  }

  /** What is on record may have reached less than is wanted now. */
  #repeat(job: Job<C>, known: Answer): void {
    const durability = durabilityOf(this.#ports.law, this.#decided);
    const tooMuch = refusalOf(job.command, job.meta, durability);
    if (tooMuch !== undefined) this.#mailbox.refuse(job, tooMuch);
    else if (!wantsMore(job.meta, durability)) this.#mailbox.answer(job, known);
    else {
      this.#flights.add({ events: [], command: job.command.type, receipts: noReceipts, job, answer: known });
      if (!this.#flights.isFlying) this.#append();
    }
  }

  /** That nothing had to be done is an answer too, to be repeated when much has happened since. A tombstone keeps none. */
  #keepsAnswer(meta: CommandMeta): boolean {
    return (meta.operationId ?? meta.source) !== undefined && this.#decidedSeq >= (this.#head?.firstSeq ?? 1);
  }

  /** Deadlines come first: what the clock has decided already is decided before what is asked now. */
  #decideDue(): void {
    const { law, clock } = this.#ports;
    for (;;) {
      const due = law.due(this.#decided, clock.now(), this.time);
      if (due === undefined) return;
      const outcome = this.#run(due, noMeta);
      if ('refusal' in outcome || outcome.events.length === 0) return;
      this.#mailbox.deadlineDeparted();
      this.#remember(outcome, due.type, undefined, { seq: outcome.seq, durability: 'fsync' });
    }
  }

  #run(command: C, meta: CommandMeta): Decided<State> | { readonly refusal: Refusal } {
    const { law, journal } = this.#ports;
    const refusal = fenced(law, this.#decided, command, meta);
    if (refusal !== undefined) return { refusal };
    const from = { state: this.#decided, seq: this.#decidedSeq, at: this.time };
    const noted = isBare(meta) ? this.#ownMeta : eventMeta(meta, this.#owner.incarnation);
    return decideCommand(law, this.stream, from, command, noted, journal.limits.valueBytes);
  }

  #remember(made: Decided<State>, command: string, job: Job<C> | undefined, answer: Answer): void {
    const { events, seq, reply } = made;
    const last = events.at(-1);
    this.#time.stamp(last?.draft.event.at ?? this.#ports.clock.now(), this.time);
    [this.#decided, this.#decidedSeq] = [last?.state ?? this.#decided, seq];
    const receipts = this.#recorded.record(job?.meta, answer, reply, this.lastAt);
    this.#flights.add({ events, command, receipts, job, answer });
    if (!this.#flights.isFlying) this.#append();
  }

  /** An answer without events, refusals too, waits for what it was decided on, and falls with it. */
  #answerInTurn(job: Job<C>, answer: Answer | Error): void {
    const flight = { events: [], command: job.command.type, receipts: noReceipts, job, answer };
    if (!this.#flights.follow(flight)) this.#answer(flight, 'none');
  }

  #append(): void {
    const { law, journal, clock } = this.#ports;
    const batch = this.#flights.depart(journal.limits.batchBytes);
    const { drafts, receipts, state = this.#durable } = loadOf(batch);
    const startedAt = clock.now();
    try {
      const durability = demandOf(law, state, batch);
      const options = { head: law.summarize(state), receipts, durability, summaryText: law.summaryText };
      journal.append(this.stream, this.#head?.version ?? null, drafts, options).then(
        (result) => {
          this.#appendMs = Math.max(1, clock.now() - startedAt);
          this.#land(batch, drafts, result);
        },
        (error: unknown) => this.#lose(batch, 'NOT_COMMITTED', toError(error)),
      );
    } catch (error) {
      this.#lose(batch, 'NOT_COMMITTED', toError(error));
    }
  }

  #land(batch: readonly Flight<State, C>[], drafts: readonly EventDraft[], result: Append): void {
    if (result.ok) {
      try {
        this.#become(batch, drafts, result);
      } catch (thrown) {
        // It is on the disk; whoever owns it could not take it.
        const error = toError(thrown);
        this.#lose(batch, 'OUTCOME_UNKNOWN', error);
        this.#crash(error);
      }
    } else if (result.reason === 'unknown') this.#lose(batch, 'OUTCOME_UNKNOWN', result.cause);
    else this.#lose(batch, 'NOT_COMMITTED', new Error('another writer has moved the stream'));
  }

  #become(batch: readonly Flight<State, C>[], drafts: readonly EventDraft[], landed: Landed): void {
    this.#flights.land();
    this.#head = landed.head;
    for (const { events } of batch) for (const { draft, state } of events) this.#adopt(draft.event, state);
    this.#tell(drafts.map(({ event }) => event));
    for (const flight of batch) this.#answer(flight, landed.durability);
    if (this.#abandoned !== undefined) return;
    this.#snapshots.afterEvents(drafts, this.#durable, landed.head);
    // A listener that was told may have sent already: then the next batch is on its way.
    if (this.#flights.hasOutgoing && !this.#flights.isFlying) this.#append();
  }

  #adopt(event: StoredEvent, state: State): void {
    this.#durable = state;
    if (this.#abandoned === undefined) this.#owner.become(event, state);
  }

  #tell(events: readonly StoredEvent[]): void {
    if (events.length === 0) return;
    this.#progressed ||= events.some((event) => this.#ports.law.isProgress?.(event) ?? true);
    this.#owner.tell(events, this.#durable);
  }

  #answer({ job, answer }: Flight<State, C>, reached: Durability): void {
    if (job === undefined) this.#mailbox.deadlineLanded();
    else if (answer instanceof Error) this.#mailbox.refuse(job, answer);
    else this.#mailbox.answer(job, asReached(answer, reached));
  }

  #fail({ job }: Flight<State, C>, error: Error): void {
    if (job === undefined) this.#mailbox.deadlineLanded();
    else this.#mailbox.refuse(job, error);
  }

  /** The disk failed: nothing that was decided holds any more. What it kept after all is read back. */
  #lose(batch: readonly Flight<State, C>[], code: 'OUTCOME_UNKNOWN' | 'NOT_COMMITTED', cause: Error): void {
    this.#flights.land();
    for (const flight of batch) {
      const known = isWritten(flight) ? code : 'NOT_COMMITTED';
      this.#fail(flight, lost(known, flight.command, this.stream, cause));
    }
    this.#cancelFlights(cause);
    this.#ports.telemetry('entity.rehydrating', { stream: this.stream, problem: cause.message });
    if (this.#abandoned === undefined) this.#hold(this.#rehydrate());
  }

  async #rehydrate(): Promise<void> {
    const { law, journal } = this.#ports;
    const head = await headWhenHealed(journal, this.stream);
    const { events, state } = await readTail(law, this.stream, journal, this.#durable, this.#head, head);
    this.#rebase(state, head);
    for (const read of events) this.#adopt(read.event, read.state);
    this.#tell(events.map(({ event }) => event));
  }

  #rebase(state: State, head: Head | undefined): void {
    this.#head = head;
    this.#decided = state;
    this.#decidedSeq = head?.seq ?? 0;
    this.#recorded = new Recorded(head?.operations ?? 0);
    this.#time.read(head?.updatedAt ?? 0);
  }

  #crash(error: Error): void {
    if (this.#abandoned !== undefined) return;
    this.abandon(error);
    this.#owner.crash(error);
  }

  #cancelFlights(cause: Error): void {
    for (const flight of this.#flights.cancel())
      this.#fail(flight, this.#notCommitted(flight.command, cause));
  }

  #notCommitted(command: string, cause: Error): HoldfastError {
    return lost('NOT_COMMITTED', command, this.stream, cause);
  }
}
