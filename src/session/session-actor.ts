// A living session: its root actor, the context actor below it, the entity whose durable states the context actor takes on,
// and its agents behind both (rest_for_one). A command goes straight to the entity; the root supervises and relays nothing.
import type { ActorHost, HostedPair, HostOwner, Inspect } from '../actor/actor-host.ts';
import type { Exit, SupervisedChild } from '../actor/child-spec.ts';
import type { SupervisionNode } from '../actor/supervision-tree.ts';
import { delay } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import { type AgentRun, workOf } from '../domain/agent/agent-runs.ts';
import { isStepEvent } from '../domain/agent/agent-step-state.ts';
import type { SessionCommand } from '../domain/session/session-commands.ts';
import type { SessionEventData } from '../domain/session/session-events.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import { isAtWork, type SessionState, statusOf } from '../domain/session/session-state.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { Entity } from '../entity/entity.ts';
import type { EntityOwner, EntityPorts } from '../entity/entity-options.ts';
import type { Hydrated } from '../entity/hydrate.ts';
import type { StoredEvent } from '../journal/journal.ts';
import type { AgentPorts } from './agents/agent-host.ts';
import { SessionAgents } from './agents/session-agents.ts';
import { readEventsAt } from './agents/step-records.ts';

export interface SessionActorOptions extends EntityPorts<SessionState, SessionCommand>, AgentPorts {
  readonly host: ActorHost;
  readonly inspect?: Inspect;
  /** Events of a session became durable; `state` is the state after the last of them. */
  readonly tell: (session: ToldSession, events: readonly StoredEvent[], state: SessionState) => void;
  /** Tells whoever listens now of what is not journaled. */
  readonly announce?: (session: ToldSession, type: string, data: Json) => void;
  /** What a session stands on that is just being started. */
  readonly hydrated?: (start: SessionStart, hydrated: Hydrated<SessionState>) => void;
  /** Its agents have ended, for it does not run any now. */
  readonly rested: (sessionId: string) => void;
  /** One of its agents failed too often: the session is to be quarantined. */
  readonly escalate: (sessionId: string, run: AgentRun, error: Error, restarts: number) => void;
  /** True once all sessions are stopped because the system closes. */
  readonly isClosing?: () => boolean;
}

/** Whose events they are. */
export interface ToldSession {
  readonly sessionId: string;
  readonly stream: string;
}

export interface SessionStart {
  readonly sessionId: string;
  readonly incarnation: number;
  /** Its state, when it was still in memory. */
  readonly resident?: Hydrated<SessionState>;
  /** When the start began; set where that is of interest. */
  readonly beganAt?: number;
}

/** Fewer events than these are read again at the next start sooner than a snapshot of them is written. */
const worthASnapshot = 20;

const longestRetryMs = 5_000;

const shutdownCheckpoint: SessionCommand = {
  ...{ type: 'checkpoint.create', reason: 'shutdown' },
  ...{ name: null, description: null, metadata: Object.freeze({}) },
};

// Made once: an error takes down where it was made, which costs more than all else of a stop, and says nothing here.
const wasStopped = new Error('the session was stopped');
const hasEnded = new Error('its actor has ended');

export class SessionActor implements SupervisedChild, EntityOwner<SessionState>, HostOwner {
  readonly sessionId: string;
  readonly stream: string;
  readonly incarnation: number;
  readonly exited: Promise<Exit>;
  readonly #options: SessionActorOptions;
  readonly #entity: Entity<SessionState, SessionCommand>;
  readonly #pair: HostedPair;
  /** Made when the first agent is. */
  #agents: SessionAgents | undefined;
  #end: (exit: Exit) => void = nothing;
  #ended = false;

  /** Takes up the session from memory or from its journal, and starts its actors; its agents wait for {@link resumeAgents}. */
  static async start(options: SessionActorOptions, start: SessionStart): Promise<SessionActor> {
    const { sessionId, resident } = start;
    const hydrated = await Entity.read(options, sessionStream(sessionId), resident);
    options.hydrated?.(start, hydrated);
    return new SessionActor(options, start, hydrated);
  }

  private constructor(
    options: SessionActorOptions,
    { sessionId, incarnation }: SessionStart,
    hydrated: Hydrated<SessionState>,
  ) {
    this.sessionId = sessionId;
    this.stream = sessionStream(sessionId);
    this.incarnation = incarnation;
    this.#options = options;
    this.#entity = new Entity(options, this, hydrated);
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#pair = options.host.start(`session:${sessionId}`, hydrated.state.lifecycle, this);
  }

  /** The durable state: what everybody but the decisions sees. */
  get state(): SessionState {
    return this.#entity.durable;
  }

  get seq(): number {
    return this.#entity.seq;
  }

  /** False behind a failure of the disk, until its state was read back from there. */
  get isRead(): boolean {
    return this.#entity.isRead;
  }

  whenRead(): Promise<void> {
    return this.#entity.whenRead();
  }

  /** What is left of it in memory when its actors go. */
  get resident(): Hydrated<SessionState> {
    return this.#entity.hydrated;
  }

  /** When it last had something to do. */
  get activeAt(): number {
    return this.#entity.lastAt;
  }

  /** True while no command waits for its answer and no agent runs. */
  get isQuiet(): boolean {
    return this.#entity.isQuiet && !this.hasAgents;
  }

  get hasAgents(): boolean {
    return this.#agents !== undefined && this.#agents.size > 0;
  }

  /** The XState actors, for inspection and tests. */
  get actors(): Pick<HostedPair, 'root' | 'child'> {
    return this.#pair;
  }

  send(command: SessionCommand, meta?: CommandMeta): Promise<Answer> {
    return this.#entity.send(command, meta);
  }

  /** Carries out what is due; its stream is known to have come to `time`. */
  wake(time?: number): void {
    this.#entity.wake(time);
  }

  /** The time of its stream now. */
  get time(): number {
    return this.#entity.time;
  }

  hasProgressed(): boolean {
    return this.#entity.progressed;
  }

  /** Takes up the agent runs that have not ended, each with its next incarnation. */
  resumeAgents(retried = false): void {
    if (isAtWork(this.state)) this.#agentsOf().resume(this.state, retried);
  }

  /** Restarts of a run within the period of its budget, as far as this incarnation of the session knows. */
  restartsOf(runId: string): number {
    return this.#agents?.restartsOf(runId) ?? 0;
  }

  /** True when the run has a living incarnation. */
  isRunning(runId: string): boolean {
    return this.#agents?.isRunning(runId) ?? false;
  }

  /** Resolves when this run, or every one, has ended within its grace or was abandoned. */
  async endAgents(runId?: string): Promise<void> {
    await (runId === undefined ? this.#agents?.stopAll() : this.#agents?.stop(runId));
  }

  /** Ends its agents, answers what was sent, keeps a snapshot where that is worth it, then stops the actors. */
  async stop(): Promise<void> {
    await this.endAgents();
    if (this.#options.isClosing?.() === true) await this.#checkpoint();
    await this.#entity.settle();
    this.#entity.abandon(wasStopped);
    await this.#entity.snapshot(worthASnapshot);
    this.#pair.stop();
    await this.exited;
  }

  /** Keeps a snapshot of what is durable, where the newest does not cover it; false when that failed. */
  async snapshot(): Promise<boolean> {
    await this.#entity.snapshot();
    return this.#entity.hydrated.snapshotSeq === this.seq;
  }

  /** At once: what is with the disk is still answered truthfully, everything else was not committed. */
  kill(): void {
    this.#close(new Error('the session was stopped by force'), { reason: 'shutdown' });
  }

  tree(): SupervisionNode {
    const { status: actorStatus } = this.#pair.child.getSnapshot();
    const node = { kind: 'worker', incarnation: 1, restarts: 0, status: 'running' } as const;
    const context = { ...node, id: 'context', details: { actor: actorStatus, seq: this.seq } };
    const agents = this.#agents?.tree() ?? [];
    return {
      ...node,
      id: this.sessionId,
      kind: 'supervisor',
      strategy: 'rest_for_one',
      details: { status: statusOf(this.state) },
      children: [context, ...agents],
    };
  }

  become(event: StoredEvent, state: SessionState): void {
    this.#pair.adopt(event, state.lifecycle);
  }

  tell(events: readonly StoredEvent[], state: SessionState): void {
    this.#options.tell(this, events, state);
    if (this.#ended || !concernAgents(events, state)) return;
    this.#agentsOf().follow(events, state);
    if (statusOf(state) !== 'active') void this.#rest();
  }

  /** Ends this incarnation; its supervisor decides about the next. */
  crash(error: Error): void {
    // A journal that is gone is nobody's crash: no restart would help, and none is charged.
    const ofJournal = HoldfastError.is(error, 'JOURNAL_UNAVAILABLE');
    this.#close(error, ofJournal ? { reason: 'shutdown' } : { reason: 'crash', error });
  }

  /** Its actors have. */
  ended(exit: Exit): void {
    this.#close(exit.reason === 'crash' ? exit.error : hasEnded, exit);
  }

  /** The agents first: nothing of them is committed on behalf of a context that is gone. */
  #close(error: Error, exit: Exit): void {
    this.#ended = true;
    this.#agents?.kill();
    this.#entity.abandon(error);
    this.#pair.stop();
    this.#end(exit);
  }

  /** The law says whether there is anything new to keep. */
  async #checkpoint(): Promise<void> {
    const { sessionId, state } = this;
    if (!state.profile.config.checkpointOn.includes('shutdown')) return;
    try {
      await this.send(shutdownCheckpoint);
    } catch (error) {
      this.#options.telemetry('checkpoint.failed', { sessionId, problem: toError(error).message });
    }
  }

  /** An ending is finished as soon as the agents have ended: whoever asked for it may have died. */
  async #rest(): Promise<void> {
    await this.endAgents();
    if (this.#ended) return;
    if (statusOf(this.state) === 'terminating')
      await this.send({ type: 'session.finishTermination' }).catch(() => undefined);
    this.#options.rested(this.sessionId);
  }

  #agentsOf(): SessionAgents {
    const { clock, telemetry, agents, dispatchAs, runOwned, goesOn, inspect, escalate, codecs } =
      this.#options;
    this.#agents ??= new SessionAgents({
      sessionId: this.sessionId,
      ...{ clock, telemetry, agents, dispatchAs, runOwned, goesOn },
      ...(inspect && { inspect }),
      ...(codecs && { codecs }),
      findRun: (runId) => this.state.agents.open.get(runId),
      readInput: (run) => this.#readInput(run),
      record: (command, signal, meta) => this.#record(command, signal, meta),
      announce: (type, data) => this.#options.announce?.(this, type, data),
      findWork: (runId) => workOf(this.state.agents, runId),
      readEvents: (seqs) => readEventsAt(this.#options.journal, this.stream, seqs),
      shutdownMs: () => this.state.profile.config.agentShutdownMs,
      escalate: (run, error, restarts) => escalate(this.sessionId, run, error, restarts),
    });
    return this.#agents;
  }

  async #readInput({ seq, runId }: AgentRun): Promise<Json> {
    const { stream } = this;
    const { events } = await this.#options.journal.readFrom(stream, seq - 1, { limit: 1 });
    const [started] = events as readonly StoredEvent<string, SessionEventData['agent.started']>[];
    if (started?.data?.runId === runId) return started.data.input;
    throw new HoldfastError('JOURNAL_CORRUPT', {
      stream,
      seq,
      problem: `it does not start the run ${runId}`,
    });
  }

  /** What became of an agent must not be lost to a disk that fails for a while. */
  async #record(command: SessionCommand, signal?: AbortSignal, meta?: CommandMeta): Promise<Answer> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.send(command, meta);
      } catch (thrown) {
        const error = toError(thrown);
        if (!HoldfastError.is(error) || !error.retryable) throw error;
        await Promise.race([
          delay(this.#options.clock, Math.min(10 * 2 ** failures, longestRetryMs)),
          this.exited,
        ]);
        if (this.#ended || signal?.aborted) throw error;
      }
    }
  }
}

function nothing(): void {}

/** Most events are none of the agents' business, and most sessions have none. */
function concernAgents(events: readonly StoredEvent[], { agents }: SessionState): boolean {
  const hasOpen = agents.open.size > 0;
  return events.some(
    (event) =>
      event.type.startsWith('agent.') ||
      (hasOpen && (event.type === 'session.statusChanged' || isStepEvent(event))),
  );
}
