// The session manager: finds or wakes the session that a command is for, under supervision, and knows nothing of what the
// command says. Sessions are root actors of their own in its supervisor's care; none can take it down.
import type { Inspect } from '../actor/actor-host.ts';
import { type ChildSpec, type RestartPolicy, sessionRestartPolicy } from '../actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../actor/dynamic-supervisor.ts';
import { Registry } from '../actor/registry.ts';
import { ServiceLifecycle, type ServiceStatus } from '../actor/service-lifecycle.ts';
import type { Clock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { SessionCommand } from '../domain/session-commands.ts';
import type { SessionProfile } from '../domain/session-events.ts';
import { sessionLaw, sessionStream } from '../domain/session-law.ts';
import type { SessionState } from '../domain/session-state.ts';
import { statusOf } from '../domain/session-state.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { Deadlines } from '../entity/deadlines.ts';
import { Entity } from '../entity/entity.ts';
import type { Announcement } from '../entity/event-reader.ts';
import { hydrate } from '../entity/hydrate.ts';
import type { Head, Journal, StoredEvent } from '../journal/journal.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import { Arrivals } from './arrivals.ts';
import { OpenSessions } from './open-sessions.ts';
import { SessionActor, type SessionActorOptions } from './session-actor.ts';
import { supervisionEvent } from './supervision-report.ts';
import { ToldEvents } from './told-events.ts';

export interface SessionManagerOptions {
  readonly journal: Journal;
  readonly pubsub: PubSub<Announcement>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly mailboxSize: number;
  /** Sessions that may be open at once; null for no limit. */
  readonly maxSessions: number | null;
  readonly restart?: RestartPolicy;
  readonly inspect?: Inspect;
  /** Starts one incarnation of a session's actors; replaced where a start is to fail. */
  readonly startActor?: (
    options: SessionActorOptions,
    sessionId: string,
    incarnation: number,
  ) => Promise<SessionActor>;
}

/** The topic that hears of every session. */
export const globalTopic = 'sessions';
export const sessionTopic = (sessionId: string): string => `session:${sessionId}`;

/** Statuses in which a session needs no actors: they go once nothing is under way. */
const resting: ReadonlySet<string> = new Set(['dormant', 'terminated', 'archived', 'deleted']);

/** What fell due and could not be carried out is tried again after so long. */
const ringAgainMs = 1_000;

/** Commands that open a session where there is none. */
const opening: ReadonlySet<string> = new Set(['session.create', 'session.restore']);

const idOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1);

export class SessionManager {
  readonly open: OpenSessions;
  readonly #options: SessionManagerOptions;
  readonly #lifecycle: ServiceLifecycle;
  readonly #supervisor: DynamicSupervisor<SessionActor>;
  readonly #registry = new Registry<SessionActor>();
  readonly #deadlines: Deadlines;
  readonly #actorOptions: SessionActorOptions;
  readonly #arrivals = new Arrivals();
  readonly #told: ToldEvents;
  /** Settles when the expired sessions that were found so far have ended. */
  #expired: Promise<unknown> = Promise.resolve();
  readonly #quarantined = new Map<string, string>();

  constructor(options: SessionManagerOptions) {
    const { journal, clock, telemetry, mailboxSize, inspect } = options;
    this.#options = options;
    this.open = new OpenSessions(options.maxSessions);
    this.#told = new ToldEvents(journal);
    this.#lifecycle = new ServiceLifecycle('session-manager', inspect);
    this.#supervisor = new DynamicSupervisor(clock, (report) => this.#hear(report));
    this.#deadlines = new Deadlines(clock, (stream) => void this.#ring(stream));
    this.#actorOptions = {
      journal,
      clock,
      telemetry,
      mailboxSize,
      ...(inspect && { inspect }),
      tell: (sessionId, events, state) => this.#tell(sessionId, events, state),
    };
  }

  get status(): ServiceStatus {
    return this.#lifecycle.status;
  }

  /** Living sessions. */
  get activeCount(): number {
    return this.#supervisor.size;
  }

  /** Takes over the sessions that the journal holds: nothing is read but their heads, and only what is due is woken. */
  adopt(heads: readonly Head[]): void {
    for (const { stream, status, dueAt } of heads) {
      this.open.count(status, 1);
      if (dueAt !== null) this.#deadlines.schedule(stream, dueAt);
    }
  }

  serve(): void {
    this.#lifecycle.signal('started');
  }

  /**
   * Opens a session. When its actors cannot be started the session is told so: it goes from `initializing` straight to
   * `terminated`, with the error, and nothing of it stays in memory.
   */
  async create(sessionId: string, profile: SessionProfile, meta: CommandMeta): Promise<Answer> {
    const command = { type: 'session.create', profile } as const;
    try {
      return await this.#arrivals.arrive(
        sessionId,
        () => this.#startNew(sessionId, command),
        (child) => this.#deliver(child, command, meta),
      );
    } catch (error) {
      if (HoldfastError.is(error, 'SESSION_START_FAILED'))
        await this.#recordFailedStart(sessionId, profile, toError(error.cause));
      throw error;
    } finally {
      this.open.release(sessionId);
    }
  }

  /** Sends a command to its session, which is started when it is not in memory. */
  async send(sessionId: string, command: SessionCommand, meta?: CommandMeta): Promise<Answer> {
    const child = this.#arrivals.has(sessionId) ? undefined : this.#supervisor.find(sessionId);
    if (child !== undefined) return this.#deliver(child, command, meta);
    return this.#arrivals.arrive(
      sessionId,
      () => this.#start(sessionId, command),
      (started) => this.#deliver(started, command, meta),
    );
  }

  /** Like {@link send}, for a command that is known only later: what is sent meanwhile stays behind it. */
  async sendLater(
    sessionId: string,
    prepare: () => Promise<SessionCommand>,
    meta: CommandMeta,
  ): Promise<Answer> {
    const start = async (): Promise<[SessionActor, SessionCommand]> => {
      const command = await prepare();
      return [await this.#start(sessionId, command), command];
    };
    return this.#arrivals.arrive(sessionId, start, ([child, command]) => this.#deliver(child, command, meta));
  }

  /** The durable state of a session and the seq of its last event; of one that is not in memory, read from the journal. */
  async read(sessionId: string): Promise<{ readonly state: SessionState; readonly seq: number }> {
    const child = this.#supervisor.find(sessionId);
    if (child !== undefined && child.seq > 0 && statusOf(child.state) !== 'deleted')
      return { state: child.state, seq: child.seq };
    const stream = sessionStream(sessionId);
    const { state, head } = await hydrate(sessionLaw, stream, this.#options.journal, this.#options.telemetry);
    if (head === undefined || statusOf(state) === 'deleted')
      throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    return { state, seq: head.seq };
  }

  /** Why a session is quarantined, or undefined. */
  quarantine(sessionId: string): string | undefined {
    return this.#quarantined.get(sessionId);
  }

  /** The living actor under a name such as `session:<id>` or `context:<id>`. */
  find(name: string): SessionActor | undefined {
    return this.#registry.find(name);
  }

  /** Deletes what is stored of a session whose status is `deleted`. */
  async removeStored(sessionId: string): Promise<void> {
    await this.#supervisor.stop(sessionId);
    const { journal } = this.#options;
    const head = await journal.head(sessionStream(sessionId));
    if (head?.status === 'deleted' && head.firstSeq <= head.seq)
      await journal.remove(head.stream, head.version);
    this.#deadlines.schedule(sessionStream(sessionId), null);
  }

  /** Refuses what comes, answers what runs, keeps snapshots, and stops the actors. */
  async drain(): Promise<void> {
    this.#lifecycle.signal('drain');
    this.#deadlines.close();
    await this.#supervisor.stopAll();
    this.#lifecycle.signal('drained');
  }

  /** A session that exists takes no place: the caller may be asking for the answer of an earlier call. */
  async #startNew(sessionId: string, command: SessionCommand): Promise<SessionActor> {
    const known = await this.#options.journal.head(sessionStream(sessionId));
    if (known === undefined && this.open.isFull) await this.#endExpired();
    if (known === undefined) this.open.take(sessionId);
    return this.#start(sessionId, command);
  }

  /** Sessions whose time is up hold no place, also when their alarm has not rung yet. */
  #endExpired(): Promise<unknown> {
    // Deadlines are carried out before any command, and this one asks for nothing else.
    const end = (stream: string): Promise<Answer> =>
      this.send(idOf(stream), { type: 'session.finishTermination' });
    const due = this.#deadlines.takeDue();
    if (due.length > 0) this.#expired = Promise.allSettled([this.#expired, ...due.map(end)]);
    return this.#expired;
  }

  #deliver(child: SessionActor, command: SessionCommand, meta: CommandMeta | undefined): Promise<Answer> {
    const answer = child.send(command, meta);
    if (child.seq === 0 || resting.has(statusOf(child.state)))
      answer.finally(() => this.#unload(child.sessionId)).catch(() => undefined);
    return answer;
  }

  async #start(sessionId: string, command: SessionCommand): Promise<SessionActor> {
    const living = this.#supervisor.find(sessionId);
    if (living !== undefined) return living;
    const problem = this.#quarantined.get(sessionId);
    if (problem !== undefined) throw new HoldfastError('SESSION_QUARANTINED', { sessionId, problem });
    if (!opening.has(command.type)) await this.#assertStored(sessionId);
    try {
      return await this.#startActor(sessionId);
    } catch (error) {
      throw this.#startFailure(sessionId, toError(error));
    }
  }

  async #startActor(sessionId: string): Promise<SessionActor> {
    const { status } = this;
    if (status === 'draining' || status === 'stopped')
      throw new HoldfastError('SYSTEM_NOT_SERVING', { status });
    return this.#supervisor.start(this.#childSpec(sessionId));
  }

  /** Who waited for an actor hears what became of it, in the words of the house. */
  #startFailure(sessionId: string, cause: Error): HoldfastError {
    const { status } = this;
    const problem = this.#quarantined.get(sessionId);
    if (problem !== undefined)
      return new HoldfastError('SESSION_QUARANTINED', { sessionId, problem }, { cause });
    if (HoldfastError.is(cause)) return cause;
    if (status !== 'serving') return new HoldfastError('SYSTEM_NOT_SERVING', { status }, { cause });
    return new HoldfastError('SESSION_START_FAILED', { sessionId, problem: cause.message }, { cause });
  }

  /** Decided without actors, for these are what failed. */
  async #recordFailedStart(sessionId: string, profile: SessionProfile, error: Error): Promise<void> {
    const entity = await Entity.hydrate<SessionState, SessionCommand>({
      ...this.#actorOptions,
      law: sessionLaw,
      stream: sessionStream(sessionId),
      incarnation: 0,
      become: () => {},
      tell: (events, state) => this.#tell(sessionId, events, state),
      crash: () => {},
    });
    if (entity.seq > 0) return;
    await entity.send({ type: 'session.create', profile, startError: error.message });
    this.#told.forget(sessionId);
    this.#options.telemetry('session.startFailed', { sessionId, problem: error.message });
  }

  async #assertStored(sessionId: string): Promise<void> {
    const head = await this.#options.journal.head(sessionStream(sessionId));
    if (head === undefined) throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  }

  #childSpec(sessionId: string): ChildSpec<SessionActor> {
    const { restart = sessionRestartPolicy, startActor = SessionActor.start } = this.#options;
    return {
      id: sessionId,
      policy: restart,
      start: async (incarnation) => {
        const actor = await startActor(this.#actorOptions, sessionId, incarnation);
        const untold = await this.#told.untold(sessionId, actor.seq);
        if (untold.length > 0) this.#tell(sessionId, untold, actor.state);
        this.#told.note(sessionId, actor.seq);
        this.#register(actor, incarnation);
        return actor;
      },
    };
  }

  #register(actor: SessionActor, incarnation: number): void {
    const { sessionId } = actor;
    const entry = { ref: actor, incarnation, registeredAt: this.#options.clock.now() };
    const names = [`session:${sessionId}`, `context:${sessionId}`];
    if (!names.every((name) => this.#registry.register(name, entry)))
      throw new Error(`${sessionId} is registered twice`);
    void actor.exited.then(() => {
      for (const name of names) this.#registry.unregister(name, incarnation);
    });
    this.#deadlines.schedule(sessionStream(sessionId), sessionLaw.nextDeadline(actor.state));
  }

  #tell(sessionId: string, events: readonly StoredEvent[], state: SessionState): void {
    const announcement: Announcement = { durable: events };
    this.#told.note(sessionId, events.at(-1)?.seq ?? 0);
    this.open.follow(events);
    this.#options.pubsub.publish(sessionTopic(sessionId), announcement);
    this.#options.pubsub.publish(globalTopic, announcement);
    this.#deadlines.schedule(sessionStream(sessionId), sessionLaw.nextDeadline(state));
    if (resting.has(statusOf(state))) queueMicrotask(() => this.#unload(sessionId));
  }

  /** Stops the actors of a session that rests, unless somebody has asked something of it meanwhile. */
  #unload(sessionId: string): void {
    const child = this.#supervisor.find(sessionId);
    if (child === undefined || !child.isQuiet) return;
    if (resting.has(statusOf(child.state)) || child.seq === 0) void this.#supervisor.stop(sessionId);
  }

  /** A deadline has passed: the session decides what that means, whether it is in memory or not. */
  async #ring(stream: string): Promise<void> {
    const sessionId = idOf(stream);
    if (this.#quarantined.has(sessionId)) return;
    try {
      const living = this.#supervisor.find(sessionId);
      if (living !== undefined) this.#wake(living);
      else await this.#ringStored(sessionId, stream);
    } catch (error) {
      this.#options.telemetry('session.wakeFailed', { sessionId, problem: toError(error).message });
      this.#deadlines.schedule(stream, this.#options.clock.now() + ringAgainMs);
    }
  }

  async #ringStored(sessionId: string, stream: string): Promise<void> {
    const { journal, clock } = this.#options;
    const head = await journal.head(stream);
    if (head === undefined || head.dueAt === null) return;
    if (head.dueAt > clock.now()) this.#deadlines.schedule(stream, head.dueAt);
    else if (head.status === 'deleted') await this.removeStored(sessionId);
    else this.#wake(await this.#startActor(sessionId));
  }

  /** Until what fell due is durable it may still be lost, so the alarm is set once more. */
  #wake(actor: SessionActor): void {
    actor.wake();
    const now = this.#options.clock.now();
    const next = sessionLaw.nextDeadline(actor.state);
    if (next !== null)
      this.#deadlines.schedule(sessionStream(actor.sessionId), next > now ? next : now + ringAgainMs);
  }

  #hear(report: ChildReport): void {
    if (report.type === 'child.givenUp') this.#quarantined.set(report.id, report.error.message);
    if (report.type === 'child.exited' && report.exit.reason !== 'crash') this.#told.forget(report.id);
    const event = supervisionEvent(report);
    if (event !== undefined) this.#options.telemetry(...event);
  }
}
