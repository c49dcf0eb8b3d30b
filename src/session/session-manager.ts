// The session manager: finds or wakes the session that a command is for, under supervision, and knows nothing of what the
// command says. Sessions are root actors of their own in its supervisor's care; none can take it down.
import type { Exit, SupervisedChild } from '../actor/child-spec.ts';
import { ServiceLifecycle, type ServiceStatus } from '../actor/service-lifecycle.ts';
import type { SupervisionNode } from '../actor/supervision-tree.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { SessionCommand } from '../domain/session/session-commands.ts';
import type { SessionProfile } from '../domain/session/session-events.ts';
import { sessionLaw, sessionStream } from '../domain/session/session-law.ts';
import { isAtWork, type SessionState, statusOf } from '../domain/session/session-state.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { type Hydrated, hydrate } from '../entity/hydrate.ts';
import type { Head } from '../journal/journal.ts';
import type { Conditions } from '../recovery/conditions/conditions.ts';
import { type Acceptance, recordRecovered } from './accepted-recovery.ts';
import { answeredBefore } from './answered-before.ts';
import { Arrivals } from './arrivals.ts';
import { recordFailedStart } from './failed-start.ts';
import { LiveSessions, type LiveSessionsOptions } from './live-sessions.ts';
import { OpenSessions } from './open-sessions.ts';
import type { CacheCounts } from './resident-sessions.ts';
import { revive } from './reviving.ts';
import type { SessionActor } from './session-actor.ts';
import { SessionAlarms } from './session-alarms.ts';
import { SessionApart } from './session-apart.ts';
import { SessionHealth } from './session-health.ts';
import { type SessionView, viewOf, viewReadBack } from './session-view.ts';

export interface SessionManagerOptions
  extends Omit<LiveSessionsOptions, 'health' | 'assertAlive' | 'isArriving' | 'follow'> {
  readonly conditions: Conditions;
  /** What is kept of a session beside its own stream: nothing, once it is deleted. */
  readonly beside?: readonly { forget(sessionId: string): Promise<void> }[];
  /** Sessions that may be open at once; null for no limit. */
  readonly maxSessions: number | null;
}

/** Commands that open a session where there is none. */
const opening: ReadonlySet<string> = new Set(['session.create', 'session.restore']);

export class SessionManager implements SupervisedChild {
  /** Settles when it was drained, or has failed: then none of its sessions is alive any more. */
  readonly exited: Promise<Exit>;
  readonly open: OpenSessions;
  readonly health: SessionHealth;
  readonly #options: SessionManagerOptions;
  readonly #lifecycle: ServiceLifecycle;
  readonly #live: LiveSessions;
  readonly #alarms: SessionAlarms;
  readonly #apart: SessionApart;
  readonly #arrivals = new Arrivals();
  #end: (exit: Exit) => void = () => {};
  /** Settles when the expired sessions that were found so far have ended. */
  #expired: Promise<void> = Promise.resolve();

  constructor(options: SessionManagerOptions) {
    this.#options = options;
    this.open = new OpenSessions(options.maxSessions);
    this.health = new SessionHealth(options.conditions, options.telemetry);
    this.#lifecycle = new ServiceLifecycle('session-manager', options.inspect);
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    void this.#lifecycle.failed.then((error) => this.#close({ reason: 'crash', error }));
    this.#live = new LiveSessions({
      ...options,
      health: this.health,
      assertAlive: () => this.#assertAlive(),
      isArriving: (sessionId) => this.#arrivals.has(sessionId),
      follow: (sessionId, events, state) => {
        this.open.follow(events);
        this.#alarms.follow(sessionId, state);
      },
    });
    this.#apart = new SessionApart({
      ...{ live: this.#live, health: this.health, telemetry: options.telemetry },
      isServing: () => this.status === 'serving',
      read: (sessionId) => this.read(sessionId),
    });
    this.#alarms = new SessionAlarms({
      ...options,
      mayWake: (sessionId) =>
        this.health.quarantine(sessionId) === undefined &&
        options.journal.guard?.mayWake(sessionId) !== false,
      find: (sessionId) => this.#live.find(sessionId),
      start: (sessionId) => this.#live.start(sessionId),
      inTurn: (sessionId, job) => this.#arrivals.arrive(sessionId, job, async () => {}),
      removeStored: (sessionId) => this.removeStored(sessionId),
    });
  }

  get status(): ServiceStatus {
    return this.#lifecycle.status;
  }

  /** Sessions with actors. */
  get activeCount(): number {
    return this.#live.size;
  }

  /** Sessions without actors whose state is in memory. */
  get residentCount(): number {
    return this.#live.residentCount;
  }

  /** How well the memory serves that they have. */
  get cache(): CacheCounts {
    return this.#live.cache;
  }

  /** Takes over the sessions that the journal holds: nothing is read but their heads, and only what is due is woken. */
  adopt(heads: readonly Pick<Head, 'stream' | 'status' | 'dueAt' | 'updatedAt'>[]): void {
    for (const head of heads) {
      this.open.count(head.status, 1);
      this.#alarms.adopt(head);
    }
  }

  /** What is stored of a session has moved on beside its actors, or was made. */
  moved(head: Head, before?: Head): void {
    if (before !== undefined) this.open.count(before.status, -1);
    this.adopt([head]);
  }

  serve(): void {
    this.health.booted();
    void this.health.forgetMissing((sessionId) => this.#isStored(sessionId));
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
        (child) => this.#deliverFirst(child, command, meta),
      );
    } catch (error) {
      if (HoldfastError.is(error, 'SESSION_START_FAILED')) {
        await recordFailedStart(this.#live.actorOptions, sessionId, profile, toError(error.cause));
        this.#live.forget(sessionId);
      }
      throw error;
    } finally {
      this.open.release(sessionId);
    }
  }

  /** Sends a command to its session, which is started when it is not in memory. */
  send(sessionId: string, command: SessionCommand, meta?: CommandMeta): Promise<Answer> {
    const child = this.#arrivals.has(sessionId) ? undefined : this.#live.find(sessionId);
    if (child !== undefined) return this.#deliver(child, command, meta);
    const arrived = this.#arrivals.arrive(
      sessionId,
      () => this.#start(sessionId, command),
      (started) => this.#deliverFirst(started, command, meta),
    );
    return this.#unlessAnswered(sessionId, meta, arrived);
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
    const arrived = this.#arrivals.arrive(sessionId, start, ([child, command]) =>
      this.#deliverFirst(child, command, meta),
    );
    return this.#unlessAnswered(sessionId, meta, arrived);
  }

  /** The durable state of a session and the seq of its last event; of one that is not in memory, read from the journal. */
  async read(sessionId: string): Promise<SessionView> {
    const present =
      this.peek(sessionId) ?? (await viewReadBack(this.#live, this.#options.journal, sessionId));
    if (present !== undefined) return present;
    const resident = this.#live.resident(sessionId);
    const { state, head } = resident ?? (await this.#readStored(sessionId));
    if (head === undefined || statusOf(state) === 'deleted')
      throw this.health.refusalOf(sessionId) ?? new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    if (resident === undefined) this.#live.missed();
    return { state, seq: head.seq };
  }

  /** The same of a session that has actors, at once; not while its state is being read back. */
  peek(sessionId: string): SessionView | undefined {
    const child = this.#live.find(sessionId);
    return child?.isRead ? viewOf(child) : undefined;
  }

  /** The living actor under a name such as `session:<id>` or `context:<id>`. */
  find(name: string): SessionActor | undefined {
    return this.#live.named(name);
  }

  /** The supervisor of all sessions, with each session that has actors. */
  tree(): SupervisionNode {
    return this.#live.tree();
  }

  /** Resolves when the agents of a session have ended, or one of them. */
  async whenAgentsEnded(sessionId: string, runId?: string): Promise<void> {
    await this.#live.find(sessionId)?.endAgents(runId);
  }

  /** True when the run has a living incarnation. */
  readonly isRunning = (sessionId: string, runId: string): boolean =>
    this.#live.find(sessionId)?.isRunning(runId) ?? false;

  /** Restarts of a run within the period of its budget. */
  restartsOf(sessionId: string, runId: string): number {
    return this.#live.find(sessionId)?.restartsOf(runId) ?? 0;
  }

  /**
   * Starts the actors of a quarantined session with a clean account; one that is not quarantined is left alone. Its agents go
   * on, or are stopped, once it `isWell`; when that fails it is left as it was.
   */
  revive(sessionId: string, agents: 'resume' | 'stop', isWell: () => Promise<Answer>): Promise<Answer> {
    return revive(sessionId, agents, isWell, {
      ...{ live: this.#live, health: this.health, arrivals: this.#arrivals },
      isStored: (id) => this.#isStored(id),
      status: () => this.status,
    });
  }

  /**
   * Runs a job on what is stored of a session, in its turn among what is sent: before it and behind it nothing of the session is
   * in memory, and what was sent meanwhile finds what the job has left. A session whose agents are at work keeps them where
   * `preview` throws or has an answer already; otherwise they go on behind the job.
   */
  rewrite(
    sessionId: string,
    job: () => Promise<Answer>,
    preview: (actor: SessionActor) => Promise<Answer | undefined>,
    meta: CommandMeta,
  ): Promise<Answer> {
    const refusal = this.health.refusalOf(sessionId);
    if (refusal !== undefined) return this.#unlessAnswered(sessionId, meta, Promise.reject(refusal));
    const rewritten = async (): Promise<Answer> => {
      const living = this.#live.find(sessionId);
      const known = living !== undefined && isAtWork(living.state) ? await preview(living) : undefined;
      return known ?? this.#apart.run(sessionId, job);
    };
    return this.#arrivals.arrive(sessionId, rewritten, async (done) => done);
  }

  /** Takes a session out of service for what was found outside of it; it stays readable. */
  quarantine(sessionId: string, reason: string, error: Error): void {
    if (this.health.quarantine(sessionId) === undefined) this.#live.quarantine(sessionId, reason, error, 0);
  }

  /** The session goes on from a state that somebody has accepted in place of what is stored; its actors are stopped before. */
  accept(sessionId: string, acceptance: Acceptance, meta: CommandMeta): Promise<Answer> {
    return this.aside(sessionId, () => recordRecovered(this.#live.actorOptions, sessionId, acceptance, meta));
  }

  /** Runs a job in its turn among what is sent to a session, quarantined or not, while nothing of it is in memory. */
  aside<T>(sessionId: string, job: () => Promise<T>): Promise<T> {
    const apart = (): Promise<T> => this.#apart.run(sessionId, job);
    return this.#arrivals.arrive(sessionId, apart, async (done) => done);
  }

  /** A session that cannot be folded, or not all of it: also one that was quarantined for another reason. */
  poisoned(sessionId: string, error: Error): void {
    this.#live.quarantine(sessionId, 'poisoned', error, 0);
  }

  /** What is due of it is woken, now that it may be. */
  ring(sessionId: string): void {
    this.#alarms.ringNow(sessionId);
  }

  /** Keeps a snapshot of every session that has actors: how many were kept, and how many could not be. */
  snapshotAll(): Promise<{ readonly kept: number; readonly failed: number }> {
    return this.#live.snapshotAll();
  }

  /** Deletes what is stored of a session whose status is `deleted`. */
  async removeStored(sessionId: string): Promise<void> {
    await this.#live.leave(sessionId);
    const { journal } = this.#options;
    const head = await journal.head(sessionStream(sessionId));
    if (head?.status === 'deleted' && head.firstSeq <= head.seq)
      await journal.remove(head.stream, head.version);
    await this.health.forget(sessionId);
    for (const kept of this.#options.beside ?? []) await kept.forget(sessionId);
    this.#live.forget(sessionId);
    this.#alarms.clear(sessionId);
  }

  /** Refuses what comes, answers what runs, keeps snapshots, and stops the actors. */
  async stop(): Promise<void> {
    this.#lifecycle.signal('drain');
    this.#alarms.close();
    await this.#live.stop();
    this.#lifecycle.signal('drained');
    this.#end({ reason: 'shutdown' });
  }

  hasProgressed(): boolean {
    return false;
  }

  kill(): void {
    this.#lifecycle.signal('failed');
    this.#close({ reason: 'shutdown' });
  }

  #close(exit: Exit): void {
    this.#alarms.close();
    this.#live.kill();
    this.#end(exit);
  }

  /** A session that exists takes no place: the caller may be asking for the answer of an earlier call. */
  async #startNew(sessionId: string, command: SessionCommand): Promise<SessionActor> {
    const isNew = !(await this.#isStored(sessionId));
    if (isNew && this.open.isFull) await this.#endExpired();
    if (isNew) this.open.take(sessionId);
    return this.#start(sessionId, command);
  }

  /** Sessions whose time is up hold no place, also when their alarm has not rung yet. */
  #endExpired(): Promise<void> {
    // Deadlines are carried out before any command, and this one asks for nothing else.
    const end = (sessionId: string): Promise<Answer> =>
      this.send(sessionId, { type: 'session.finishTermination' });
    const due = this.#alarms.takeDue();
    // Nothing of what became of them is kept, or all that ever expired would hang on the newest.
    if (due.length > 0) this.#expired = Promise.allSettled([this.#expired, ...due.map(end)]).then(() => {});
    return this.#expired;
  }

  async #start(sessionId: string, command: SessionCommand): Promise<SessionActor> {
    const living = this.#live.find(sessionId);
    if (living !== undefined) return living;
    const refusal = this.health.refusalOf(sessionId);
    if (refusal !== undefined) throw refusal;
    if (!opening.has(command.type) && !(await this.#isStored(sessionId)))
      throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    try {
      return await this.#live.start(sessionId);
    } catch (error) {
      throw this.health.startFailure(sessionId, toError(error), this.status);
    }
  }

  #unlessAnswered(
    sessionId: string,
    meta: CommandMeta | undefined,
    arrived: Promise<Answer>,
  ): Promise<Answer> {
    const { journal, clock } = this.#options;
    return arrived.catch((error: unknown) => answeredBefore(journal, clock.now(), sessionId, meta, error));
  }

  #deliverFirst(
    child: SessionActor,
    command: SessionCommand,
    meta: CommandMeta | undefined,
  ): Promise<Answer> {
    queueMicrotask(() => this.#live.settle());
    return this.#deliver(child, command, meta);
  }

  #deliver(child: SessionActor, command: SessionCommand, meta: CommandMeta | undefined): Promise<Answer> {
    const refusal = this.health.refusalOf(child.sessionId);
    if (refusal !== undefined) return Promise.reject(refusal);
    const answer = child.send(command, meta);
    if (this.#live.isResting(child))
      answer.finally(() => this.#live.unload(child.sessionId)).catch(() => undefined);
    return answer;
  }

  #isStored(sessionId: string): Promise<boolean> {
    return this.#options.journal.head(sessionStream(sessionId)).then((head) => head !== undefined);
  }

  #readStored(sessionId: string): Promise<Hydrated<SessionState>> {
    const { journal, telemetry } = this.#options;
    return hydrate(sessionLaw, sessionStream(sessionId), journal, telemetry);
  }

  #assertAlive(): void {
    const { status } = this;
    if (status !== 'starting' && status !== 'serving')
      throw new HoldfastError('SYSTEM_NOT_SERVING', { status });
  }
}
