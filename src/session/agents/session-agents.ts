// The agents of one session, each a root of its own under this supervisor. They follow the durable state: a run that is open
// in an active session has an incarnation here, and no other has.
import { type ChildSpec, type Exit, isCrash } from '../../actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../../actor/dynamic-supervisor.ts';
import type { SupervisionNode } from '../../actor/supervision-tree.ts';
import { HoldfastError } from '../../base/errors.ts';
import { type RestartReason, wholeBudget } from '../../domain/agent/agent-budget.ts';
import { type AgentRun, findRun, openRuns } from '../../domain/agent/agent-runs.ts';
import { isStepEvent } from '../../domain/agent/agent-step-state.ts';
import { seemsToWait } from '../../domain/agent/run-work.ts';
import { recordedError } from '../../domain/recorded-error.ts';
import type { AgentCommand } from '../../domain/session/session-commands.ts';
import type { SessionEventData } from '../../domain/session/session-events.ts';
import { type SessionState, statusOf } from '../../domain/session/session-state.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { AgentHost } from './agent-host.ts';
import { AgentIncarnation, type TakeUp } from './agent-incarnation.ts';
import { type Failure, restartPolicyOf, resumptionOf } from './agent-policy.ts';

export interface SessionAgentsOptions extends Omit<AgentHost, 'exhausted' | 'parked'> {
  /** An agent failed too often: the session cannot go on with it. */
  readonly escalate: (run: AgentRun, error: Error, restarts: number) => void;
}

export class SessionAgents {
  readonly #options: SessionAgentsOptions;
  readonly #host: AgentHost;
  /** How the newest incarnation of each run ended, and until when its run waits. */
  readonly #before = new Map<string, { readonly exit: Exit; readonly notBefore?: number }>();
  readonly #supervisor: DynamicSupervisor<AgentIncarnation>;
  /** The newest incarnation of each run that has not ended. */
  readonly #latest = new Map<string, AgentIncarnation>();

  constructor(options: SessionAgentsOptions) {
    this.#options = options;
    this.#host = {
      ...options,
      exhausted: (run, error) => this.#exhausted(run, error),
      parked: ({ runId }) => void this.#parked(runId),
    };
    this.#supervisor = new DynamicSupervisor(options.clock, (report) => this.#hear(report));
  }

  /** How many runs have an incarnation here, or are about to. */
  get size(): number {
    return this.#supervisor.size;
  }

  /** True when the run has a living incarnation here. */
  isRunning(runId: string): boolean {
    return this.#supervisor.find(runId) !== undefined;
  }

  tree(): readonly SupervisionNode[] {
    return (this.#supervisor.tree().children ?? []).map((node) => {
      const incarnation = this.#latest.get(node.id);
      if (incarnation === undefined) return node;
      const { agent, role } = incarnation.run;
      const { worker } = incarnation;
      return { ...node, details: { agent, role, ...(worker !== undefined && { worker }) } };
    });
  }

  /** Events became durable, and `state` is the state after the last of them. */
  follow(events: readonly StoredEvent[], state: SessionState): void {
    for (const event of events) this.#hearEvent(event, state);
    if (statusOf(state) !== 'active') {
      void this.stopAll();
      return;
    }
    const fresh = startedBy(events);
    const woken = events.some(({ type }) => type === 'session.statusChanged');
    for (const run of woken ? openRuns(state.agents) : runsOf(fresh, state))
      this.#begin(run, fresh.has(run.runId) ? undefined : takenUp(run, 'resumed'));
    if (!woken) for (const run of wokenBy(events, state)) this.#begin(run, takenUp(run, 'resumed'));
  }

  /** Takes up every open run of an active session once more; `retried` with a fresh account. */
  resume(state: SessionState, retried = false): void {
    if (statusOf(state) !== 'active') return;
    for (const run of openRuns(state.agents))
      this.#begin(run, retried ? { reason: 'retried' } : takenUp(run, this.#causeOf(run)));
  }

  /** Why a run that was at work is taken up once more: what only waited when its process died did not end it. */
  #causeOf({ runId }: AgentRun): RestartReason {
    const { agents, sessionId, findWork } = this.#options;
    if (!agents.ends.diedWith(sessionId, runId)) return 'resumed';
    return seemsToWait(findWork(runId)) ? 'interrupted' : 'process';
  }

  /** Restarts within the period of its budget. */
  restartsOf(runId: string): number {
    return this.#supervisor.restartsOf(runId);
  }

  /** Ends the run's incarnation; resolves when it has ended, or was abandoned after its grace. */
  async stop(runId: string): Promise<void> {
    const incarnation = this.#latest.get(runId);
    await this.#supervisor.stop(runId);
    if (this.#supervisor.find(runId) !== undefined || this.#latest.get(runId) !== incarnation) return;
    this.#latest.delete(runId);
    this.#before.delete(runId);
  }

  async stopAll(): Promise<void> {
    await this.#supervisor.stopAll();
  }

  /** Ends them at once; what they still do can commit nothing. */
  kill(): void {
    for (const incarnation of this.#latest.values()) incarnation.kill();
    void this.#supervisor.stopAll();
  }

  /** What has become durable reaches the run that it is about, and the one that waits for it. */
  #hearEvent(event: StoredEvent, { agents }: SessionState): void {
    const { runId, parentRunId } = (event.data ?? {}) as {
      readonly runId?: string;
      readonly parentRunId?: string;
    };
    if (runId === undefined) return;
    if (!ends.has(event.type)) {
      this.#latest.get(parentRunId ?? runId)?.hear(event);
      return;
    }
    const parent = findRun(agents, runId)?.parentRunId;
    if (parent !== undefined) this.#latest.get(parent)?.hear(event);
    this.#over(runId);
  }

  /** What it waited for may have come while it ended. */
  async #parked(runId: string): Promise<void> {
    const { findRun: find } = this.#options;
    await this.stop(runId);
    const run = find(runId);
    if (run?.woken === true) this.#begin(run, takenUp(run, 'woken'));
  }

  #over(runId: string): void {
    const { agents, sessionId } = this.#options;
    agents.ends.over(sessionId, runId);
    void this.stop(runId);
  }

  /** `takeUp` is undefined for a run that is new. */
  #begin(run: AgentRun, takeUp: TakeUp | undefined): void {
    const { sessionId, agents, telemetry } = this.#options;
    const { runId, agent } = run;
    if (run.status === 'parked') return;
    if (!agents.has(agent)) {
      telemetry('agent.notRegistered', { sessionId, runId, agent });
      return;
    }
    void this.#supervisor.start(this.#childSpec(run, takeUp)).catch(() => undefined);
  }

  #childSpec(run: AgentRun, takeUp: TakeUp | undefined): ChildSpec<AgentIncarnation> {
    const { runId } = run;
    return {
      id: runId,
      policy: restartPolicyOf(run),
      shutdown: this.#options.agents.shutdownMs(run.agent, this.#options.shutdownMs()),
      start: async (nth) => {
        const again = nth === 1 ? takeUp : this.#nextOf(run);
        const incarnation = new AgentIncarnation(this.#host, run, again);
        this.#latest.set(runId, incarnation);
        return incarnation;
      },
    };
  }

  #nextOf({ runId }: AgentRun): TakeUp {
    const { exit, notBefore } = this.#before.get(runId) ?? { exit: { reason: 'normal' } };
    if (notBefore !== undefined) return { reason: 'waited', notBefore };
    return { reason: exit.reason === 'crash' ? 'crashed' : 'ended' };
  }

  #hear(report: ChildReport): void {
    const { sessionId, telemetry } = this.#options;
    const incarnation = this.#latest.get(report.id);
    if (incarnation === undefined) return;
    const { run } = incarnation;
    const { runId, agent } = run;
    switch (report.type) {
      case 'child.exited':
        this.#before.set(runId, { exit: report.exit });
        if (isCrash(report.exit)) this.#failed(incarnation, report.exit.error);
        break;
      case 'child.restarting':
        telemetry('agent.restarting', { sessionId, runId, agent, afterMs: report.afterMs });
        break;
      case 'child.givenUp':
        this.#givenUp(run, report.error, report.restarts);
        break;
      default:
        break;
    }
  }

  #failed({ run, incarnation, failure }: AgentIncarnation, error: Error): void {
    const { sessionId, telemetry } = this.#options;
    const { runId, agent } = run;
    if (failure?.again === 'free') this.#recordWait(run, incarnation ?? 1, failure);
    else {
      const errorClass = failure?.errorClass ?? 'unknown';
      telemetry('agent.crashed', { sessionId, runId, agent, errorClass, problem: error.message });
      if (incarnation !== undefined) this.#recordCrash(run, incarnation, error, failure);
    }
  }

  #recordWait(run: AgentRun, incarnation: number, failure: Failure): void {
    const { sessionId, telemetry, clock, findRun } = this.#options;
    const { runId, agent } = run;
    const now = clock.now();
    const resumesAt = resumptionOf(failure, findRun(runId) ?? run, incarnation, now);
    this.#before.set(runId, { exit: { reason: 'normal' }, notBefore: resumesAt });
    telemetry('agent.rateLimited', { sessionId, runId, agent, waitMs: resumesAt - now });
    this.#record(run, { type: 'agent.wait', runId, incarnation, error: failure.recorded, resumesAt });
  }

  /** One that is never started again has failed. What was crashed already, or ended meanwhile, stays as it is. */
  #recordCrash(run: AgentRun, incarnation: number, thrown: Error, failure: Failure | undefined): void {
    const { runId } = run;
    const error = failure?.recorded ?? recordedError(thrown);
    const isLast = run.restart === 'temporary' || failure?.again === 'never';
    const crash = { type: 'agent.crash', runId, incarnation, error } as const;
    if (isLast) this.#record(run, { type: 'agent.fail', runId, incarnation, error });
    else this.#record(run, failure === undefined ? crash : { ...crash, errorClass: failure.errorClass });
  }

  /** One restart too many in its period. */
  #givenUp(run: AgentRun, error: Error, restarts: number): void {
    const { sessionId, escalate } = this.#options;
    const { runId, agent } = run;
    const { onExhausted, maxRestarts: limit } = wholeBudget(run.budget);
    const exhausted = { sessionId, runId, agent, what: 'maxRestarts', spent: restarts, limit };
    if (onExhausted === 'quarantine') escalate(run, error, restarts);
    else this.#failRun(run, new HoldfastError('BUDGET_EXHAUSTED', exhausted, { cause: error }));
  }

  /** The journal says that its budget is used up. */
  #exhausted(run: AgentRun, error: HoldfastError): void {
    const { escalate, findRun } = this.#options;
    const { restarts } = findRun(run.runId)?.account ?? { restarts: 0 };
    void this.stop(run.runId);
    if (wholeBudget(run.budget).onExhausted === 'fail') this.#failRun(run, error);
    else {
      this.#tellExhausted(error);
      escalate(run, error, restarts);
    }
  }

  #failRun(run: AgentRun, error: HoldfastError): void {
    this.#tellExhausted(error);
    this.#record(run, { type: 'agent.exhaust', runId: run.runId, error: recordedError(error) });
  }

  #tellExhausted({ details, message: problem }: HoldfastError): void {
    this.#options.telemetry('agent.budgetExhausted', { ...details, problem });
  }

  #record(run: AgentRun, command: AgentCommand): void {
    this.#options.record(command).catch((thrown: unknown) => this.#notRecorded(run, thrown));
  }

  #notRecorded({ runId, agent }: AgentRun, thrown: unknown): void {
    if (HoldfastError.is(thrown, 'STALE_INCARNATION')) return;
    const { sessionId, telemetry } = this.#options;
    telemetry('agent.crashNotRecorded', { sessionId, runId, agent, problem: recordedError(thrown).message });
  }
}

const ends: ReadonlySet<string> = new Set(['agent.completed', 'agent.failed', 'agent.stopped']);

function startedBy(events: readonly StoredEvent[]): ReadonlySet<string> {
  const started = events.filter(({ type }) => type === 'agent.started');
  return new Set(started.map(({ data }) => (data as SessionEventData['agent.started']).runId));
}

function runsOf(runIds: ReadonlySet<string>, { agents }: SessionState): AgentRun[] {
  return [...runIds].map((runId) => agents.open.get(runId)).filter((run) => run !== undefined);
}

/** Parked runs for which something has come. */
function wokenBy(events: readonly StoredEvent[], { agents }: SessionState): AgentRun[] {
  if (!events.some((event) => isStepEvent(event) || ends.has(event.type))) return [];
  return openRuns(agents).filter(({ woken }) => woken === true);
}

/** Why an open run is taken up once more: what it owes comes before what became of its session. */
function takenUp({ status, resumesAt, woken }: AgentRun, otherwise: RestartReason): TakeUp {
  if (woken === true) return { reason: 'woken' };
  if (status === 'waiting') return { reason: 'waited', notBefore: resumesAt };
  return { reason: status === 'crashed' ? 'crashed' : otherwise };
}
