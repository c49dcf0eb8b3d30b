// A whole system, put together. It reads from top to bottom as the supervision tree, and is closed from bottom to top, the
// journal last. This file and those of `system/` are the only ones that know every room.
import type { ChildReport } from './actor/child-report.ts';
import { isCrash, type SupervisedChild, systemIntensity } from './actor/child-spec.ts';
import { resting, service } from './actor/service.ts';
import type { SupervisionNode } from './actor/supervision-tree.ts';
import { Supervisor } from './actor/supervisor.ts';
import { holdProcess } from './base/clock.ts';
import type { SystemConfig } from './base/config.ts';
import { HoldfastError } from './base/errors.ts';
import { type Client, createClient } from './client/client.ts';
import { SpaceEvents } from './collaboration/spaces/space-events.ts';
import { upcast } from './domain/upcasters.ts';
import { type Announcement, whenDurable } from './entity/announcement.ts';
import { startProcessManager } from './entity/damaged-manager.ts';
import {
  ProcessManager,
  type ProcessManagerDefinition,
  type ProcessManagerOptions,
} from './entity/process-manager.ts';
import type { Backups } from './jobs/backups.ts';
import type { LevelJournal } from './journal/level-journal.ts';
import { RoutedJournal } from './journal/routed-journal.ts';
import { dispatchCoded, eventsCoded, spaceEventsCoded } from './operations/coded-payloads.ts';
import type { EventPort } from './operations/event-port.ts';
import type { Dispatch } from './operations/operation.ts';
import { createLiveCounts } from './projection/live-counts.ts';
import { LocalPubSub } from './pubsub/local-pubsub.ts';
import { OwnedCode } from './session/agents/owned-code.ts';
import { SessionEvents } from './session/session-events.ts';
import { globalTopic } from './session/topics.ts';
import { Boot } from './system/boot.ts';
import { onEmergency } from './system/emergency.ts';
import { makeServices, type Services, tellVia } from './system/services.ts';
import { startBackups, systemBackups } from './system/system-backups.ts';
import { openJournal, type Ports, readOptions, type SystemOptions } from './system/system-options.ts';

export type { SupervisionNode } from './actor/supervision-tree.ts';
export type { WorkerAgent, WorkerLimits } from './base/worker-agent.ts';
export type {
  GateContext,
  GateOutcome,
  TaskAssignment,
  TaskGate,
  TaskOptions,
} from './collaboration/tasks/task-options.ts';
export type { OutgoingCommand, ProcessManager, ProcessManagerDefinition } from './entity/process-manager.ts';
export type { Beat, HeartbeatStore } from './recovery/boot/heartbeat-store.ts';
export type {
  RecoveredState,
  RecoveryOptions,
  RecoveryStrategy,
  RecoveryTask,
} from './recovery/recovery-strategy.ts';
export type {
  AgentContext,
  AgentDefinition,
  AgentDefinitions,
  PolicedAgent,
} from './session/agents/agent-definitions.ts';
export type { AgentPolicy } from './session/agents/agent-policy.ts';
export type { SessionHandle } from './session/agents/session-handle.ts';
export type {
  ChildOptions,
  Slept,
  StepContext,
  StepHandles,
  WaitOptions,
} from './session/agents/step-handles.ts';
export type { StepOptions, UnknownEffect, UnknownVerdict } from './session/agents/step-run.ts';
export type { SummariserDefinition } from './session/handlers/summaries.ts';
export type { AgentPermits, Permit, PermitOptions } from './session/permits/permit-handle.ts';
export type { SystemOptions } from './system/system-options.ts';

export type SystemStatus = 'starting' | 'serving' | 'failed' | 'draining' | 'stopped';

export interface System {
  readonly client: Client;
  readonly status: SystemStatus;
  /** Sessions with actors. */
  readonly activeSessions: number;
  /** Sessions without actors whose state is in memory. */
  readonly residentSessions: number;
  /** A client of its own, whose subscriptions end with it. */
  connect(): Client;
  /** A running process manager. */
  processManager(name: string): ProcessManager | undefined;
  /** The supervision tree as it is now: plain data. */
  tree(): SupervisionNode;
  /** Refuses new calls, answers what runs, keeps snapshots, closes the journal. May be called again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens the store and brings back every session that it holds, under its id.
 *
 * @throws HoldfastError `INVALID_CONFIG`, `JOURNAL_LOCKED`, `JOURNAL_READ_ONLY`, `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`,
 * `UPGRADE_NEEDED`, `PREFLIGHT_FAILED`, `JOURNAL_DAMAGED`, `JOURNAL_OPEN_FAILED`
 */
export async function createSystem(options: SystemOptions): Promise<System> {
  const { config, ports } = readOptions(options);
  const boot = new Boot(config, ports, options);
  const journal = await boot.explained(openJournal(config, ports, options, boot.survey));
  const owned = await OwnedCode.start(config, ports.telemetry);
  const system = new RunningSystem(config, ports, journal, owned, boot);
  try {
    await system.start(options.processManagers ?? []);
    return system;
  } catch (error) {
    await system.close();
    throw error;
  }
}

class RunningSystem implements System {
  readonly client: Client;
  readonly #config: SystemConfig;
  readonly #ports: Ports;
  readonly #level: LevelJournal;
  readonly #journal: RoutedJournal;
  readonly #backups: Backups;
  readonly #pubsub: LocalPubSub<Announcement>;
  readonly #events: EventPort;
  readonly #spaceEvents: SpaceEvents;
  readonly #liveCounts = createLiveCounts();
  readonly #owned: OwnedCode;
  readonly #clients = new Set<Client>();
  /** Agents and callers wait on timers that keep no process alive: an open system does, until it is closed or has failed. */
  readonly #letGo = holdProcess();
  readonly #boot: Boot;
  #endEmergency = (): void => {};
  #services: Services | undefined;
  #supervisor: Supervisor | undefined;
  #processManagers: Supervisor | undefined;
  #failed = false;
  #closing: Promise<void> | undefined;
  #closed = false;

  constructor(config: SystemConfig, ports: Ports, level: LevelJournal, owned: OwnedCode, boot: Boot) {
    this.#boot = boot;
    this.#config = config;
    this.#ports = ports;
    this.#level = level;
    this.#journal = RoutedJournal.over(level, upcast, ports.telemetry);
    this.#backups = systemBackups(config, ports, level);
    this.#pubsub = new LocalPubSub(ports.telemetry);
    const assertOpen = (): void => this.#assertOpen();
    const heard = { ...ports, journal: this.#journal, pubsub: this.#pubsub, assertOpen };
    this.#events = new SessionEvents(heard);
    this.#spaceEvents = new SpaceEvents({ ...heard, admit: (query) => this.#serving().spaces.admit(query) });
    this.#owned = owned;
    this.client = this.connect();
    if (config.emergencySnapshot)
      this.#endEmergency = onEmergency({
        ...ports,
        manager: () => this.#services?.manager,
        boots: () => boot.parts.boots,
      });
    void level.lost.then((error) => this.#fail(error));
  }

  /** The supervision tree, in the order of its start (rest_for_one): what fails takes along what was started after it. */
  async start(definitions: readonly ProcessManagerDefinition[]): Promise<void> {
    const { clock } = this.#ports;
    await this.#boot.open(this.#journal, this.#level, tellVia(this.#pubsub));
    this.#supervisor = await Supervisor.start({
      id: 'system',
      clock,
      strategy: 'rest_for_one',
      intensity: systemIntensity,
      report: (report) => this.#hear(report),
      children: [
        service('backups', () => startBackups(this.#backups)),
        service('permits', () => this.#ports.agents.permits.start(this.#journal)),
        service('sessions', () => this.#startSessions()),
        service('tasks', () => this.#serving().tasks.start()),
        service('memories', () => this.#serving().memories.start()),
        service('spaces', async () => this.#serving().spaces.begin()),
        service('links', () => this.#serving().links.start()),
        service('handoffs', () => this.#serving().handoffs.start()),
        service('coordination', () => this.#serving().coordination.begin()),
        service('storage', () => this.#serving().storage.start()),
        service('projections', () => this.#startProjections()),
        service('process-managers', () => this.#startProcessManagers(definitions)),
      ],
    });
    void this.#supervisor.exited.then((exit) => exit.reason === 'crash' && this.#fail(exit.error));
    await this.#boot.record(this.#level, this.#serving());
  }

  get status(): SystemStatus {
    const status = this.#services?.manager.status ?? 'starting';
    if (this.#closing !== undefined) return this.#closed ? 'stopped' : 'draining';
    if (this.#failed) return 'failed';
    // Sessions that have failed are being started again.
    return status === 'failed' ? 'starting' : status;
  }

  get activeSessions(): number {
    return this.#services?.manager.activeCount ?? 0;
  }

  get residentSessions(): number {
    return this.#services?.manager.residentCount ?? 0;
  }

  connect(): Client {
    const { codecs } = this.#ports;
    const dispatch: Dispatch = (name, input, options) =>
      this.#serving().operations.dispatch(name, input, options);
    const client = createClient({
      dispatch: codecs === undefined ? dispatch : dispatchCoded(codecs, dispatch),
      events: codecs === undefined ? this.#events : eventsCoded(codecs, this.#events),
      spaceEvents: codecs === undefined ? this.#spaceEvents : spaceEventsCoded(codecs, this.#spaceEvents),
      clock: this.#ports.clock,
      onClose: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
    return client;
  }

  processManager(name: string): ProcessManager | undefined {
    const found = this.#processManagers?.find(name);
    return found instanceof ProcessManager ? found : undefined;
  }

  tree(): SupervisionNode {
    const standing = { kind: 'worker', status: 'running', incarnation: 1, restarts: 0 } as const;
    const { epoch, backlogBytes } = this.#journal;
    const { health } = this.#level.health;
    const journal = { ...standing, id: 'journal', details: { epoch, backlogBytes, health } };
    const node = this.#supervisor?.tree() ?? { ...standing, id: 'system' };
    return { ...node, children: [journal, { ...standing, id: 'pubsub' }, ...(node.children ?? [])] };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whoever was here before is gone, with all its sessions; subscriptions outlive it. */
  async #startSessions(): Promise<SupervisedChild> {
    await this.#services?.projections.stop();
    await this.#services?.conditions.close();
    const services = await makeServices({
      config: this.#config,
      ports: this.#ports,
      journal: this.#journal,
      level: this.#level,
      backups: this.#backups,
      pubsub: this.#pubsub,
      liveCounts: this.#liveCounts,
      owned: this.#owned,
      recovery: this.#boot.parts,
      census: this.#boot.takeCensus(),
      onGrowth: this.#onGrowth,
      admit: () => this.#assertServing(),
    });
    this.#services = services;
    services.manager.serve();
    return services.manager;
  }

  /** They load behind all that has to be there before the system serves: what they read would keep it waiting. */
  async #startProjections(): Promise<SupervisedChild> {
    const { projections } = this.#serving();
    projections.begin();
    return resting('projections', () => projections.stop());
  }

  async #startProcessManagers(definitions: readonly ProcessManagerDefinition[]): Promise<SupervisedChild> {
    const shared = { ...this.#ports, journal: this.#journal, onGrowth: this.#onGrowth };
    const send: ProcessManagerOptions['send'] = ({ operation, input }, source) =>
      this.#serving().operations.invoke(operation, input, { source });
    this.#processManagers = await Supervisor.start({
      id: 'process-managers',
      clock: this.#ports.clock,
      report: (report) => this.#hear(report),
      children: definitions.map((definition) =>
        service(definition.name, () => startProcessManager({ ...shared, definition, send })),
      ),
    });
    return this.#processManagers;
  }

  readonly #onGrowth = (wake: () => void) => this.#pubsub.subscribe(globalTopic, whenDurable(wake));

  #serving(): Services {
    if (this.#services === undefined) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: this.status });
    return this.#services;
  }

  #assertServing(): void {
    const { status } = this;
    if (status !== 'serving') throw new HoldfastError('SYSTEM_NOT_SERVING', { status });
  }

  /** Listeners outlive the services: only whoever closes the system ends them. */
  #assertOpen(): void {
    if (this.#closing !== undefined) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: this.status });
  }

  #hear(report: ChildReport): void {
    const { type, id: name } = report;
    const { telemetry } = this.#ports;
    if (type === 'child.exited' && isCrash(report.exit))
      telemetry('service.crashed', { name, problem: report.exit.error.message });
    if (type === 'child.restarting')
      telemetry('service.restarting', { name, incarnation: report.incarnation });
    if (type === 'child.killed') telemetry('service.killed', { name, abandoned: report.abandoned });
  }

  /** Nothing is served any more; what is in memory stays until the system is closed. */
  #fail(error: Error): void {
    if (this.#closing !== undefined) return;
    this.#failed = true;
    this.#letGo();
    this.#ports.telemetry('system.failed', { problem: error.message });
  }

  async #close(): Promise<void> {
    try {
      await this.#supervisor?.stop();
      await this.#services?.conditions.close();
      await this.#boot.settle();
      await Promise.all([...this.#clients].map((client) => client.close()));
      this.#pubsub.close();
    } finally {
      await this.#ports.agents.ended(this.#ports.clock, this.#journal);
      await this.#owned.close();
      this.#endEmergency();
      await this.#journal.close().finally(() => {
        this.#closed = true;
        this.#letGo();
      });
      await this.#boot.ended();
    }
  }
}
