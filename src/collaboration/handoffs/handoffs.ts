// Handoffs as a part of the system: the operations, the list of them, and the process manager that delivers what was accepted.
// Where nobody hands anything over, nothing of it runs.
import type { Exit, SupervisedChild } from '../../actor/child-spec.ts';
import { resting, service } from '../../actor/service.ts';
import type { SupervisionNode } from '../../actor/supervision-tree.ts';
import { Supervisor } from '../../actor/supervisor.ts';
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import { type Handoff, heldHandoffs, noOwnership, sourceOf } from '../../domain/handoff/handoff.ts';
import { isHandoffEvent } from '../../domain/handoff/handoff-events.ts';
import type { Announcement } from '../../entity/announcement.ts';
import { startProcessManager } from '../../entity/damaged-manager.ts';
import { ProcessManager, type ProcessManagerOptions } from '../../entity/process-manager.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { Handlers } from '../../operations/bind.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import { HandoffBoard, isReplacing, type OwnershipAt } from './handoff-board.ts';
import type { HandoffContext } from './handoff-context.ts';
import { deliver, deliverAgain, deliveryManager, giveBack, handoffDelivery } from './handoff-delivery.ts';
import { type HandoffOperation, handoffHandlers } from './handoff-handlers.ts';
import { HandoffNotes, type NoteLevel } from './handoff-notes.ts';
import { deliverRemains, resumeRemains } from './handoff-remains.ts';

export interface HandoffsOptions extends HandoffContext {
  readonly pubsub: PubSub<Announcement>;
  /** Where all that becomes durable is told. */
  readonly topic: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Tells a follower of the feed that there is more. */
  readonly onGrowth: (wake: () => void) => () => void;
}

/** An answer waits no longer for the delivery. */
const longestWaitMs = 5_000;

export class Handoffs {
  readonly handlers: Handlers<HandoffOperation>;
  readonly #options: HandoffsOptions;
  readonly #board: HandoffBoard;
  /** Sessions that ever offered anything. */
  readonly #notes: HandoffNotes;
  #delivery: Promise<Supervisor> | undefined;
  #supervisor: Supervisor | undefined;
  #deafen: (() => void) | undefined;
  #crash: (exit: Exit) => void = () => {};
  #ends = new AbortController();
  #resuming: Promise<void> | undefined;

  constructor(options: HandoffsOptions) {
    this.#options = options;
    this.#board = new HandoffBoard({
      read: (sessionId) => this.#read(sessionId),
      isRead: (sessionId) => this.#notes.consider(sessionId),
    });
    const levelOf = (sessionId: string): NoteLevel | undefined => this.#board.levelOf(sessionId);
    this.#notes = new HandoffNotes({ kv: options.journal.kv, levelOf });
    this.handlers = handoffHandlers({
      ...options,
      board: this.#board,
      takingPart: (...part) => this.#takingPart(...part),
      delivered: () => this.#delivered(),
    });
  }

  /** Goes on with what was accepted before. */
  async start(): Promise<SupervisedChild> {
    await this.#notes.load();
    for (const [sessionId, level] of this.#notes) this.#note(sessionId, level);
    const child = resting('handoffs', () => this.#stop());
    const crashed = new Promise<Exit>((resolve) => {
      this.#crash = resolve;
    });
    if (this.#notes.size > 0) await this.#deliver(false);
    this.#ends = new AbortController();
    this.#resuming = this.#resume(this.#ends.signal).catch(() => undefined);
    return { ...child, exited: Promise.race([child.exited, crashed]), tree: () => this.#tree(child) };
  }

  /** A session was brought in, with what was on offer where it comes from. What was accepted there is delivered there. */
  async takeIn(sessionId: string): Promise<void> {
    const { ownership = noOwnership } = (await this.#options.read(sessionId)).state;
    const handoffs = heldHandoffs(ownership);
    const isUnderWay = ({ handoffId, status, deliveredAt }: Handoff): boolean =>
      sourceOf(handoffId) === sessionId && status === 'accepted' && deliveredAt === null;
    for (const { handoffId } of handoffs.filter(isUnderWay))
      await giveBack(this.#options, handoffId, 'imported');
    if (handoffs.length > 0) await this.#takingPart(sessionId, 'accepted', async () => {});
  }

  /** Of a session that is deleted nothing is kept. */
  async forget(sessionId: string): Promise<void> {
    this.#board.forget(sessionId);
    await this.#notes.forget(sessionId);
  }

  #tree(child: SupervisedChild): SupervisionNode {
    const own = { ...child.tree?.(), id: 'handoffs' } as SupervisionNode;
    const delivery = this.#supervisor?.tree();
    return delivery === undefined ? own : { ...own, children: delivery.children ?? [] };
  }

  /** Behind all that the delivery has still to do: what is left then was refused before. */
  async #resume(signal: AbortSignal): Promise<void> {
    await (await this.#manager())?.catchUp();
    const accepted = [...this.#notes].flatMap(([sessionId, level]) =>
      level === 'accepted' ? sessionId : [],
    );
    await resumeRemains(this.#options, accepted, signal);
    if (!signal.aborted) await this.#board.learn(accepted);
  }

  async #stop(): Promise<void> {
    this.#deafen?.();
    this.#deafen = undefined;
    this.#ends.abort();
    const delivery = this.#delivery;
    this.#delivery = undefined;
    await (await delivery?.catch(() => undefined))?.stop();
    await this.#resuming;
    await this.#notes.flush();
  }

  async #takingPart<T>(sessionId: string, level: NoteLevel, job: () => Promise<T>): Promise<T> {
    const isFirst = this.#notes.size === 0;
    return this.#notes.during(sessionId, level, async () => {
      this.#note(sessionId, level);
      await this.#deliver(isFirst);
      return job();
    });
  }

  #note(sessionId: string, level: NoteLevel): void {
    this.#board.note(sessionId, level);
    this.#deafen ??= this.#options.pubsub.subscribe(this.#options.topic, (announcement) => {
      if ('durable' in announcement) this.#hear(announcement.durable);
    });
  }

  /** What came before the first offer of all is none of its business: it begins at the end of the feed. */
  async #deliver(isFirst: boolean): Promise<void> {
    const { journal } = this.#options;
    this.#delivery ??= this.#startDelivery(isFirst ? journal.feedEnd() : undefined);
    try {
      this.#supervisor = await this.#delivery;
    } catch (error) {
      this.#delivery = undefined;
      throw error;
    }
  }

  async #startDelivery(
    startAt: ReturnType<HandoffContext['journal']['feedEnd']> | undefined,
  ): Promise<Supervisor> {
    const { journal, clock, telemetry, onGrowth } = this.#options;
    const options: ProcessManagerOptions = {
      ...{ journal, clock, telemetry, onGrowth, definition: handoffDelivery },
      send: ({ operation, input }, source) =>
        operation === deliverAgain
          ? deliverRemains(this.#options, input.sessionId)
          : deliver(this.#options, String(input.handoffId), source),
    };
    const starts = [startAt === undefined ? options : { ...options, startAt }];
    const supervisor = await Supervisor.start({
      ...{ id: 'handoffs', clock },
      children: [service(deliveryManager, () => startProcessManager(starts.pop() ?? options))],
    });
    void supervisor.exited.then((exit) => exit.reason === 'crash' && this.#fail(exit));
    return supervisor;
  }

  #fail(exit: Exit): void {
    this.#delivery = undefined;
    this.#crash(exit);
  }

  /** The wait ends, and the delivery goes on, where something keeps it up. */
  async #delivered(): Promise<void> {
    const manager = await this.#manager();
    if (manager === undefined) return;
    const { clock } = this.#options;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.schedule(longestWaitMs, resolve);
    });
    await Promise.race([manager.catchUp(), late]).finally(cancel);
  }

  async #manager(): Promise<ProcessManager | undefined> {
    const found = (await this.#delivery)?.find(deliveryManager);
    return found instanceof ProcessManager ? found : undefined;
  }

  async #read(sessionId: string): Promise<OwnershipAt | undefined> {
    try {
      const { state, seq } = await this.#options.read(sessionId);
      return { ownership: state.ownership ?? noOwnership, seq };
    } catch (error) {
      if (HoldfastError.is(error, 'SESSION_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  #hear(events: readonly StoredEvent[]): void {
    for (const event of events) {
      const slash = event.stream.indexOf('/');
      const sessionId = event.stream.slice(slash + 1);
      if (!this.#notes.has(sessionId) || event.stream.slice(0, slash) !== 'session') continue;
      this.#board.apply(sessionId, event);
      if (isHandoffEvent(event)) this.#notes.consider(sessionId);
      if (isReplacing(event)) void this.#takingPart(sessionId, 'accepted', async () => {}).catch(() => {});
      if (isHandoffEvent(event) && event.data !== undefined) void this.#report(event.data.handoffId);
    }
  }

  /** As it is by now: of two events that come together the last is told. */
  async #report(handoffId: string): Promise<void> {
    const handoff = await this.#board.find(handoffId).catch(() => undefined);
    if (handoff === undefined) return;
    const { telemetry } = this.#options;
    const { kind, status, route, bytes } = handoff;
    const who = { handoffId, kind, ...route };
    if (status === 'pending') telemetry('handoff.offered', { ...who, contextBytes: bytes });
    else telemetry('handoff.settled', { ...who, status, contextBytes: bytes, ...reportOf(handoff) });
  }
}

const reportOf = ({ offeredAt, settledAt, deliveredAt, endedAt, outcome, reason }: Handoff) => ({
  durationMs: (endedAt ?? deliveredAt ?? settledAt ?? offeredAt) - offeredAt,
  delivered: deliveredAt !== null,
  ...{ outcome, reason },
});
