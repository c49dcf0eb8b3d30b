// The agents of one session, each a root of its own under this supervisor. They follow the durable state: a run that is open
// in an active session has an incarnation here, and no other has.
import { agentRestartPolicy, type ChildSpec, isCrash } from '../actor/child-spec.ts';
import { type ChildReport, DynamicSupervisor } from '../actor/dynamic-supervisor.ts';
import type { SupervisionNode } from '../actor/supervision-tree.ts';
import { HoldfastError } from '../base/errors.ts';
import { type AgentRun, openRuns } from '../domain/agent-runs.ts';
import { recordedError } from '../domain/recorded-error.ts';
import type { AgentCommand } from '../domain/session-commands.ts';
import type { SessionEventData } from '../domain/session-events.ts';
import { type SessionState, statusOf } from '../domain/session-state.ts';
import type { StoredEvent } from '../journal/journal.ts';
import type { AgentHost } from './agent-host.ts';
import { AgentIncarnation } from './agent-incarnation.ts';

export interface SessionAgentsOptions extends AgentHost {
  /** An agent failed too often: the session cannot go on with it. */
  readonly escalate: (run: AgentRun, error: Error, restarts: number) => void;
}

export class SessionAgents {
  readonly #options: SessionAgentsOptions;
  readonly #supervisor: DynamicSupervisor<AgentIncarnation>;
  /** The newest incarnation of each run that has not ended. */
  readonly #latest = new Map<string, AgentIncarnation>();

  constructor(options: SessionAgentsOptions) {
    this.#options = options;
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
    for (const { type, data } of events)
      if (ends.has(type)) void this.stop((data as SessionEventData['agent.stopped']).runId);
    if (statusOf(state) !== 'active') {
      void this.stopAll();
      return;
    }
    const fresh = startedBy(events);
    const woken = events.some(({ type }) => type === 'session.statusChanged');
    for (const run of woken ? openRuns(state.agents) : runsOf(fresh, state))
      this.#begin(run, fresh.has(run.runId));
  }

  /** Takes up every open run of an active session once more. */
  resume(state: SessionState): void {
    if (statusOf(state) !== 'active') return;
    for (const run of openRuns(state.agents)) this.#begin(run, false);
  }

  /** Ends the run's incarnation; resolves when it has ended, or was abandoned after its grace. */
  async stop(runId: string): Promise<void> {
    await this.#supervisor.stop(runId);
    if (this.#supervisor.find(runId) === undefined) this.#latest.delete(runId);
  }

  async stopAll(): Promise<void> {
    await this.#supervisor.stopAll();
  }

  /** Ends them at once; what they still do can commit nothing. */
  kill(): void {
    for (const incarnation of this.#latest.values()) incarnation.kill();
    void this.#supervisor.stopAll();
  }

  #begin(run: AgentRun, isNew: boolean): void {
    const { sessionId, agents, telemetry } = this.#options;
    const { runId, agent } = run;
    if (!agents.has(agent)) {
      telemetry('agent.notRegistered', { sessionId, runId, agent });
      return;
    }
    void this.#supervisor.start(this.#childSpec(run, isNew)).catch(() => undefined);
  }

  #childSpec(run: AgentRun, isNew: boolean): ChildSpec<AgentIncarnation> {
    const { restart, runId } = run;
    return {
      id: runId,
      policy: { ...agentRestartPolicy, restart },
      shutdown: this.#options.agents.shutdownMs(run.agent, this.#options.shutdownMs()),
      start: async (nth) => {
        const incarnation = new AgentIncarnation(this.#options, run, reasonOf(nth, isNew, run));
        this.#latest.set(runId, incarnation);
        return incarnation;
      },
    };
  }

  #hear(report: ChildReport): void {
    const { sessionId, telemetry, escalate } = this.#options;
    const incarnation = this.#latest.get(report.id);
    if (incarnation === undefined) return;
    const { run } = incarnation;
    const { runId, agent } = run;
    switch (report.type) {
      case 'child.exited':
        if (!isCrash(report.exit)) break;
        telemetry('agent.crashed', { sessionId, runId, agent, problem: report.exit.error.message });
        this.#recordCrash(incarnation, report.exit.error);
        break;
      case 'child.restarting':
        telemetry('agent.restarting', { sessionId, runId, agent, afterMs: report.afterMs });
        break;
      case 'child.givenUp':
        escalate(run, report.error, report.restarts);
        break;
      default:
        break;
    }
  }

  /** One that is never started again has failed. What was crashed already, or ended meanwhile, stays as it is. */
  #recordCrash({ run, incarnation }: AgentIncarnation, error: Error): void {
    const { record } = this.#options;
    if (incarnation === undefined) return;
    const type = run.restart === 'temporary' ? 'agent.fail' : 'agent.crash';
    const command: AgentCommand = { type, runId: run.runId, incarnation, error: recordedError(error) };
    record(command).catch((thrown: unknown) => this.#notRecorded(run, thrown));
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

/** Why a run is taken up once more; undefined for its very first incarnation. */
function reasonOf(nth: number, isNew: boolean, { restart }: AgentRun): string | undefined {
  if (nth === 1) return isNew ? undefined : 'resumed';
  return restart === 'permanent' ? 'ended' : 'crashed';
}
