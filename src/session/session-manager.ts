// The session manager: finds or wakes the session that a command is for, under supervision, and knows nothing of what the
// command says. Sessions are root actors of their own in its supervisor's care; none can take it down.
import {
  type ChildSpec,
  type Exit,
  isCrash,
  type RestartPolicy,
  type SupervisedChild,
  sessionRestartPolicy,
} from '../actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../actor/dynamic-supervisor.ts';
import { ServiceLifecycle, type ServiceStatus } from '../actor/service-lifecycle.ts';
import type { SupervisionNode } from '../actor/supervision-tree.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { SessionCommand } from '../domain/session-commands.ts';
import type { SessionProfile } from '../domain/session-events.ts';
import { sessionLaw, sessionStream } from '../domain/session-law.ts';
import { type SessionState, statusOf } from '../domain/session-state.ts';
import type { Announcement } from '../entity/announcement.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { type Hydrated, hydrate } from '../entity/hydrate.ts';
import type { Head, StoredEvent } from '../journal/journal.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import type { Conditions } from '../recovery/conditions.ts';
import { Arrivals } from './arrivals.ts';
import { recordFailedStart } from './failed-start.ts';
import { LivingNames } from './living-names.ts';
import { OpenSessions } from './open-sessions.ts';
import { Residence, type ResidenceLimits } from './residence.ts';
import { SessionActor, type SessionActorOptions, type SessionStart } from './session-actor.ts';
import { SessionAlarms } from './session-alarms.ts';
import { SessionHealth } from './session-health.ts';
import { supervisionEvent } from './supervision-report.ts';
import { ToldEvents } from './told-events.ts';

export interface SessionManagerOptions
  extends Omit<SessionActorOptions, 'tell' | 'rested' | 'escalate'>,
    ResidenceLimits {
  readonly pubsub: PubSub<Announcement>;
  readonly conditions: Conditions;
  /** Sessions that may be open at once; null for no limit. */
  readonly maxSessions: number | null;
  /** How long a session may take to end, its agents included. */
  readonly shutdownMs: number;
  readonly restart?: RestartPolicy;
  /** Starts one incarnation; replaced where a start is to fail. */
  readonly startActor?: (options: SessionActorOptions, start: SessionStart) => Promise<SessionActor>;
}

/** Statuses in which a session needs no actors: they go once nothing is under way. */
const resting: ReadonlySet<string> = new Set(['dormant', 'terminated', 'archived', 'deleted']);

/** Commands that open a session where there is none. */
const opening: ReadonlySet<string> = new Set(['session.create', 'session.restore']);

export class SessionManager implements SupervisedChild {
  /** Settles when it was drained, or has failed: then none of its sessions is alive any more. */
  readonly exited: Promise<Exit>;
  #end: (exit: Exit) => void = () => {};
  readonly open: OpenSessions;
  readonly health: SessionHealth;
  readonly #options: SessionManagerOptions;
  readonly #lifecycle: ServiceLifecycle;
  readonly #supervisor: DynamicSupervisor<SessionActor>;
  readonly #names: LivingNames;
  readonly #alarms: SessionAlarms;
  readonly #residence: Residence;
  readonly #actorOptions: SessionActorOptions;
  readonly #arrivals = new Arrivals();
  readonly #told: ToldEvents;
  /** Sessions that are being brought back: their agents wait until that is done. */
  readonly #withoutAgents = new Set<string>();
  /** Settles when the expired sessions that were found so far have ended. */
  #expired: Promise<void> = Promise.resolve();

  constructor(options: SessionManagerOptions) {
    const { journal, clock, inspect } = options;
    this.#options = options;
    this.open = new OpenSessions(options.maxSessions);
    this.health = new SessionHealth(options.conditions, options.telemetry);
    this.#names = new LivingNames(clock);
    this.#told = new ToldEvents(journal, options.pubsub);
    this.#lifecycle = new ServiceLifecycle('session-manager', inspect);
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    void this.#lifecycle.failed.then((error) => this.#close({ reason: 'crash', error }));
    this.#supervisor = new DynamicSupervisor(clock, (report) => this.#hear(report), { id: 'sessions' });
    this.#residence = new Residence({
      ...options,
      supervisor: this.#supervisor,
      findSettled: (sessionId) => this.#findSettled(sessionId),
    });
    this.#alarms = new SessionAlarms({
      ...options,
      mayWake: (sessionId) => this.health.quarantine(sessionId) === undefined,
      find: (sessionId) => this.#supervisor.find(sessionId),
      start: (sessionId) => this.#startActor(sessionId),
      removeStored: (sessionId) => this.removeStored(sessionId),
    });
    this.#actorOptions = {
      ...options,
      tell: (sessionId, events, state) => this.#tell(sessionId, events, state),
      rested: (sessionId) => this.#unload(sessionId),
      escalate: (sessionId, { runId, agent }, error, restarts) =>
        this.#quarantine(sessionId, `the agent ${agent} of run ${runId} keeps failing`, error, restarts),
    };
  }

  get status(): ServiceStatus {
    return this.#lifecycle.status;
  }

  get activeCount(): number {
    return this.#supervisor.size;
  }

  get residentCount(): number {
    return this.#residence.residentCount;
  }

  /** Takes over the sessions that the journal holds: nothing is read but their heads, and only what is due is woken. */
  adopt(heads: readonly Head[]): void {
    for (const head of heads) {
      this.open.count(head.status, 1);
      this.#alarms.adopt(head);
    }
  }

  serve(): void {
    this.health.booted();
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
        await recordFailedStart(this.#actorOptions, sessionId, profile, toError(error.cause));
        this.#told.forget(sessionId);
      }
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
      (started) => this.#deliverFirst(started, command, meta),
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
    return this.#arrivals.arrive(sessionId, start, ([child, command]) =>
      this.#deliverFirst(child, command, meta),
    );
  }

  /** The durable state of a session and the seq of its last event; of one that is not in memory, read from the journal. */
  async read(sessionId: string): Promise<{ readonly state: SessionState; readonly seq: number }> {
    const child = this.#supervisor.find(sessionId);
    if (child !== undefined && child.seq > 0 && statusOf(child.state) !== 'deleted')
      return { state: child.state, seq: child.seq };
    const { state, head } = this.#residence.find(sessionId) ?? (await this.#readStored(sessionId));
    if (head === undefined || statusOf(state) === 'deleted')
      throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    return { state, seq: head.seq };
  }

  /** The living actor under a name such as `session:<id>` or `context:<id>`. */
  find(name: string): SessionActor | undefined {
    return this.#names.find(name);
  }

  /** The supervisor of all sessions, with each session that has actors. */
  tree(): SupervisionNode {
    return this.#supervisor.tree();
  }

  /** Resolves when the agents of a session have ended, or one of them. */
  async whenAgentsEnded(sessionId: string, runId?: string): Promise<void> {
    await this.#supervisor.find(sessionId)?.endAgents(runId);
  }

  /** True when the run has a living incarnation. */
  readonly isRunning = (sessionId: string, runId: string): boolean =>
    this.#supervisor.find(sessionId)?.isRunning(runId) ?? false;

  /**
   * Starts the actors of a quarantined session with a clean account; one that is not quarantined is left alone. Its agents go
   * on, or are stopped, once it `isWell`; when that fails it is left as it was.
   */
  async revive(sessionId: string, agents: 'resume' | 'stop', isWell: () => Promise<Answer>): Promise<Answer> {
    if (!(await this.#isStored(sessionId))) throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    if (this.health.quarantine(sessionId) === undefined) return isWell();
    this.#withoutAgents.add(sessionId);
    const start = (): Promise<SessionActor> => this.#startActor(sessionId);
    try {
      const actor = await this.#arrivals.arrive(sessionId, start, async (started) => started);
      if (agents === 'stop') await actor.send({ type: 'agent.stopAll', reason: 'retried without agents' });
      return await isWell();
    } catch (error) {
      if (this.health.quarantine(sessionId) !== undefined) await this.#residence.leave(sessionId);
      throw this.health.startFailure(sessionId, toError(error), this.status);
    } finally {
      this.#withoutAgents.delete(sessionId);
      this.#supervisor.find(sessionId)?.resumeAgents();
    }
  }

  /** Deletes what is stored of a session whose status is `deleted`. */
  async removeStored(sessionId: string): Promise<void> {
    await this.#residence.leave(sessionId);
    const { journal } = this.#options;
    const head = await journal.head(sessionStream(sessionId));
    if (head?.status === 'deleted' && head.firstSeq <= head.seq)
      await journal.remove(head.stream, head.version);
    await this.health.forget(sessionId);
    this.#residence.take(sessionId);
    this.#alarms.clear(sessionId);
    this.#told.forget(sessionId);
  }

  /** Refuses what comes, answers what runs, keeps snapshots, and stops the actors. */
  async stop(): Promise<void> {
    this.#lifecycle.signal('drain');
    this.#alarms.close();
    this.#residence.close();
    await this.#supervisor.stopAll();
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
    this.#residence.close();
    this.#supervisor.killAll();
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

  /** A session that has got what it was started for can be asked for its place. */
  #deliverFirst(
    child: SessionActor,
    command: SessionCommand,
    meta: CommandMeta | undefined,
  ): Promise<Answer> {
    queueMicrotask(() => this.#residence.settle());
    return this.#deliver(child, command, meta);
  }

  #deliver(child: SessionActor, command: SessionCommand, meta: CommandMeta | undefined): Promise<Answer> {
    this.health.assertNotQuarantined(child.sessionId);
    const answer = child.send(command, meta);
    if (child.seq === 0 || resting.has(statusOf(child.state)))
      answer.finally(() => this.#unload(child.sessionId)).catch(() => undefined);
    return answer;
  }

  async #start(sessionId: string, command: SessionCommand): Promise<SessionActor> {
    const living = this.#supervisor.find(sessionId);
    if (living !== undefined) return living;
    this.health.assertNotQuarantined(sessionId);
    if (!opening.has(command.type) && !(await this.#isStored(sessionId)))
      throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    try {
      return await this.#startActor(sessionId);
    } catch (error) {
      throw this.health.startFailure(sessionId, toError(error), this.status);
    }
  }

  async #startActor(sessionId: string): Promise<SessionActor> {
    return this.#residence.enter(sessionId, () => this.#supervisor.start(this.#childSpec(sessionId)));
  }

  async #isStored(sessionId: string): Promise<boolean> {
    return (await this.#options.journal.head(sessionStream(sessionId))) !== undefined;
  }

  #readStored(sessionId: string): Promise<Hydrated<SessionState>> {
    const { journal, telemetry } = this.#options;
    return hydrate(sessionLaw, sessionStream(sessionId), journal, telemetry);
  }

  /** Asked when its turn to start has come: whoever waited for that long must not outlive the manager. */
  #assertAlive(): void {
    const { status } = this;
    if (status !== 'starting' && status !== 'serving')
      throw new HoldfastError('SYSTEM_NOT_SERVING', { status });
  }

  #childSpec(sessionId: string): ChildSpec<SessionActor> {
    const { restart = sessionRestartPolicy, startActor = SessionActor.start, shutdownMs } = this.#options;
    return {
      id: sessionId,
      policy: restart,
      shutdown: shutdownMs,
      start: async (incarnation) => {
        this.#assertAlive();
        const resident = this.#residence.take(sessionId);
        const actor = await startActor(this.#actorOptions, {
          sessionId,
          incarnation,
          ...(resident && { resident }),
        });
        const untold = await this.#told.untold(sessionId, actor.seq);
        if (untold.length > 0) this.#tell(sessionId, untold, actor.state);
        this.#told.note(sessionId, actor.seq);
        this.#names.register(actor, incarnation);
        this.#alarms.follow(sessionId, actor.state);
        if (!this.#withoutAgents.has(sessionId)) actor.resumeAgents();
        return actor;
      },
    };
  }

  #tell(sessionId: string, events: readonly StoredEvent[], state: SessionState): void {
    this.open.follow(events);
    this.#told.tell(sessionId, events);
    this.#alarms.follow(sessionId, state);
    if (resting.has(statusOf(state))) queueMicrotask(() => this.#unload(sessionId));
  }

  /** Stops the actors of a session that rests, unless somebody has asked something of it meanwhile. */
  #unload(sessionId: string): void {
    const child = this.#findSettled(sessionId);
    if (child === undefined || !child.isQuiet) return;
    if (resting.has(statusOf(child.state)) || child.seq === 0) void this.#residence.leave(sessionId);
  }

  /** Not one that was started for a command which it does not have yet: it seems quiet, and would be stopped under it. */
  #findSettled(sessionId: string): SessionActor | undefined {
    return this.#arrivals.has(sessionId) ? undefined : this.#supervisor.find(sessionId);
  }

  #quarantine(sessionId: string, reason: string, error: Error, restarts: number): void {
    this.health.givenUp(sessionId, reason, error, restarts);
    void this.#residence.leave(sessionId);
  }

  #hear(report: ChildReport): void {
    const { id: sessionId } = report;
    const event = supervisionEvent(report);
    if (event !== undefined) this.#options.telemetry(...event);
    switch (report.type) {
      case 'child.exited':
        if (isCrash(report.exit)) this.health.crashed(sessionId, report.exit.error);
        else this.#told.forget(sessionId);
        return;
      case 'child.started':
        if (report.incarnation > 1) this.health.restarted(sessionId);
        this.#residence.settle();
        return;
      case 'child.givenUp':
        this.#quarantine(sessionId, 'it keeps failing', report.error, report.restarts);
    }
  }
}
