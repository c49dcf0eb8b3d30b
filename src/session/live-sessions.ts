// The sessions that have actors: each is started and started again under supervision, told of under its name, and stopped once
// it needs none. What they do is their own business.
import { ActorHost } from '../actor/actor-host.ts';
import { type ChildSpec, isCrash, type RestartPolicy, sessionRestartPolicy } from '../actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../actor/dynamic-supervisor.ts';
import type { SupervisionNode } from '../actor/supervision-tree.ts';
import { sessionLaw } from '../domain/session/session-law.ts';
import { sessionMachine } from '../domain/session/session-lifecycle.ts';
import { type SessionState, statusOf } from '../domain/session/session-state.ts';
import type { Announcement } from '../entity/announcement.ts';
import type { Hydrated } from '../entity/hydrate.ts';
import type { StoredEvent } from '../journal/journal.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import type { SessionRecoveries } from '../recovery/session-recoveries.ts';
import { Residence, type ResidenceLimits } from './residence.ts';
import type { CacheCounts } from './resident-sessions.ts';
import {
  SessionActor,
  type SessionActorOptions,
  type SessionStart,
  type ToldSession,
} from './session-actor.ts';
import type { SessionHealth } from './session-health.ts';
import { supervisionEvent } from './supervision-report.ts';
import { ToldEvents } from './told-events.ts';

interface LiveSessionsLimits extends ResidenceLimits {
  /** How long a session may take to end, its agents included. */
  readonly shutdownMs: number;
  /** How often a session may be started again. */
  readonly sessionRestarts?: RestartPolicy['intensity'] | undefined;
}

export interface LiveSessionsOptions
  extends LiveSessionsLimits,
    Omit<SessionActorOptions, 'law' | 'host' | 'tell' | 'rested' | 'escalate' | 'hydrated' | 'announce'> {
  readonly pubsub: PubSub<Announcement>;
  readonly health: SessionHealth;
  /** Hears of what needed more than a clean replay. */
  readonly recoveries?: SessionRecoveries;
  /** Starts one incarnation; replaced where a start is to fail. */
  readonly startActor?: (options: SessionActorOptions, start: SessionStart) => Promise<SessionActor>;
  /** Throws when nothing may be started any more. */
  readonly assertAlive: () => void;
  /** True while a command is on its way to a session that was started for it. */
  readonly isArriving: (sessionId: string) => boolean;
  /** Events of a session became durable, or it was started: `state` is how it stands now. */
  readonly follow: (sessionId: string, events: readonly StoredEvent[], state: SessionState) => void;
}

/** Both names of a session belong to the one incarnation that lives. */
const namedKinds: ReadonlySet<string> = new Set(['session', 'context']);

/** Statuses in which a session needs no actors: they go once nothing is under way. */
const resting: ReadonlySet<string> = new Set(['dormant', 'terminated', 'archived', 'deleted']);

/** What the specs of all sessions share. */
interface SharedSpec {
  readonly policy: RestartPolicy;
  readonly shutdown: number;
  readonly start: (sessionId: string, incarnation: number) => Promise<SessionActor>;
}

class SessionSpec implements ChildSpec<SessionActor> {
  readonly id: string;
  readonly #shared: SharedSpec;

  constructor(shared: SharedSpec, id: string) {
    this.id = id;
    this.#shared = shared;
  }

  get policy(): RestartPolicy {
    return this.#shared.policy;
  }

  get shutdown(): number {
    return this.#shared.shutdown;
  }

  start(incarnation: number): Promise<SessionActor> {
    return this.#shared.start(this.id, incarnation);
  }
}

export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #actorOptions: SessionActorOptions;
  readonly #host: ActorHost;
  readonly #supervisor: DynamicSupervisor<SessionActor>;
  readonly #residence: Residence;
  readonly #told: ToldEvents;
  readonly #specs: SharedSpec;
  /** Sessions that are being brought back: their agents wait until that is done. */
  readonly #withoutAgents = new Set<string>();
  #isClosing = false;

  constructor(options: LiveSessionsOptions) {
    const { clock, journal, pubsub } = options;
    this.#options = options;
    this.#told = new ToldEvents(journal, pubsub);
    const { sessionRestarts: intensity = sessionRestartPolicy.intensity, shutdownMs: shutdown } = options;
    const policy = { ...sessionRestartPolicy, intensity };
    this.#specs = { policy, shutdown, start: (id, incarnation) => this.#incarnate(id, incarnation) };
    this.#supervisor = new DynamicSupervisor(clock, (report) => this.#hear(report), { id: 'sessions' });
    this.#residence = new Residence({
      ...options,
      supervisor: this.#supervisor,
      findSettled: (sessionId) => this.#findSettled(sessionId),
    });
    const { inspect, recoveries } = options;
    this.#host = new ActorHost({
      ...{ id: 'sessions', childId: 'context', machine: sessionMachine },
      ...(inspect && { inspect }),
    });
    this.#actorOptions = {
      ...options,
      law: sessionLaw,
      host: this.#host,
      tell: (session, events, state) => this.#tell(session, events, state),
      announce: (session, type, data) => this.#told.announce(session, clock.now(), type, data),
      rested: (sessionId) => this.unload(sessionId),
      isClosing: () => this.#isClosing,
      ...(recoveries && {
        hydrated: (start, hydrated) =>
          recoveries.started({ ...start, beganAt: start.beganAt ?? clock.now() }, hydrated),
      }),
      escalate: (sessionId, { runId, agent }, error, restarts) =>
        this.quarantine(sessionId, `the agent ${agent} of run ${runId} keeps failing`, error, restarts),
    };
  }

  get size(): number {
    return this.#supervisor.size;
  }

  get residentCount(): number {
    return this.#residence.residentCount;
  }

  get cache(): CacheCounts {
    return this.#residence.cache;
  }

  /** What a session's actor is given; for what is decided without one. */
  get actorOptions(): SessionActorOptions {
    return this.#actorOptions;
  }

  find(sessionId: string): SessionActor | undefined {
    return this.#supervisor.find(sessionId);
  }

  /** The living actor under a name, `session:<id>` or `context:<id>`; its own until it has ended. */
  named(name: string): SessionActor | undefined {
    const [kind = '', sessionId = '', ...more] = name.split(':');
    return namedKinds.has(kind) && more.length === 0 ? this.#supervisor.findAlive(sessionId) : undefined;
  }

  /** The state of a session without actors, when it is in memory. */
  resident(sessionId: string): Hydrated<SessionState> | undefined {
    return this.#residence.find(sessionId);
  }

  /** One of which no state is in memory was read from the journal. */
  missed(): void {
    this.#residence.missed();
  }

  tree(): SupervisionNode {
    return this.#supervisor.tree();
  }

  /** The actor of a session: the one that lives, or a new one, once there is a place for it. */
  start(sessionId: string): Promise<SessionActor> {
    const spec = new SessionSpec(this.#specs, sessionId);
    return this.#residence.enter(sessionId, () => this.#supervisor.start(spec));
  }

  /** As {@link start}; its agents wait until `job` is done, whatever becomes of it. */
  async startWithoutAgents<T>(sessionId: string, job: () => Promise<T>): Promise<T> {
    this.#withoutAgents.add(sessionId);
    try {
      return await job();
    } finally {
      this.#withoutAgents.delete(sessionId);
      this.find(sessionId)?.resumeAgents(true);
    }
  }

  /** A session has got what it was started for, and can be asked for its place. */
  settle(): void {
    this.#residence.settle();
  }

  /** Stops the actors of a session; resolves when they have ended. */
  leave(sessionId: string): Promise<void> {
    return this.#residence.leave(sessionId);
  }

  /** Of a session that is gone nothing is kept. */
  forget(sessionId: string): void {
    this.#residence.forget(sessionId);
    this.#told.forget(sessionId);
  }

  /** True when a session with an actor needs none, as soon as what was sent to it is answered. */
  isResting({ seq, state }: SessionActor): boolean {
    return seq === 0 || resting.has(statusOf(state));
  }

  /** Stops the actors of a session that rests, unless somebody has asked something of it meanwhile. */
  unload(sessionId: string): void {
    const child = this.#findSettled(sessionId);
    if (child?.isQuiet === true && this.isResting(child)) void this.leave(sessionId);
  }

  async snapshotAll(): Promise<{ readonly kept: number; readonly failed: number }> {
    const children = [...this.#supervisor.ids()].flatMap((id) => this.find(id) ?? []);
    const outcomes = await Promise.all(children.map((child) => child.snapshot()));
    const kept = outcomes.filter((wasKept) => wasKept).length;
    return { kept, failed: outcomes.length - kept };
  }

  async stop(): Promise<void> {
    this.#isClosing = true;
    this.#residence.close();
    await this.#supervisor.stopAll();
    this.#host.close();
  }

  kill(): void {
    this.#residence.close();
    this.#supervisor.killAll();
    this.#host.close();
  }

  /** Whoever waited for its turn until now must not outlive the manager. */
  async #incarnate(sessionId: string, incarnation: number): Promise<SessionActor> {
    const { startActor = SessionActor.start, assertAlive, follow, clock } = this.#options;
    assertAlive();
    const resident = this.#residence.take(sessionId);
    const beganAt = incarnation > 1 ? clock.now() : undefined;
    const start = { sessionId, incarnation, ...(resident && { resident }), ...(beganAt && { beganAt }) };
    const actor = await startActor(this.#actorOptions, start);
    if (resident === undefined && incarnation === 1 && actor.seq > 0) this.missed();
    if (this.#told.isBehind(sessionId, actor.seq))
      this.#tell(actor, await this.#told.untold(sessionId, actor.seq), actor.state);
    this.#told.note(sessionId, actor.seq);
    follow(sessionId, [], actor.state);
    if (!this.#withoutAgents.has(sessionId)) actor.resumeAgents();
    return actor;
  }

  #tell(session: ToldSession, events: readonly StoredEvent[], state: SessionState): void {
    const { sessionId } = session;
    this.#options.follow(sessionId, events, state);
    this.#told.tell(session, events, state.profile.durability !== 'none');
    if (resting.has(statusOf(state))) queueMicrotask(() => this.unload(sessionId));
  }

  /** Not one that was started for a command which it does not have yet: it seems quiet, and would be stopped under it. */
  #findSettled(sessionId: string): SessionActor | undefined {
    return this.#options.isArriving(sessionId) ? undefined : this.find(sessionId);
  }

  /** Also one whose actors were stopped by somebody else: it holds no place any more. */
  #left(sessionId: string): void {
    this.#told.forget(sessionId);
    queueMicrotask(() => {
      if (!this.#supervisor.has(sessionId)) void this.leave(sessionId);
    });
  }

  quarantine(sessionId: string, reason: string, error: Error, restarts: number): void {
    this.#options.health.givenUp(sessionId, reason, error, restarts);
    this.#options.recoveries?.givenUp(sessionId, error);
    void this.leave(sessionId);
  }

  #hear(report: ChildReport): void {
    const { id: sessionId } = report;
    const { health, telemetry } = this.#options;
    const event = supervisionEvent(report);
    if (event !== undefined) telemetry(...event);
    switch (report.type) {
      case 'child.exited':
        if (isCrash(report.exit)) {
          health.crashed(sessionId, report.exit.error);
          this.#options.recoveries?.crashed(sessionId, report.exit.error);
        } else this.#left(sessionId);
        return;
      case 'child.started':
        if (report.incarnation > 1) health.restarted(sessionId);
        this.settle();
        return;
      case 'child.givenUp':
        this.quarantine(sessionId, 'it keeps failing', report.error, report.restarts);
    }
  }
}
