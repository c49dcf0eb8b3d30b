// A whole system, put together: the only file that knows every room. It reads from top to bottom as the supervision tree,
// and is closed from bottom to top, the journal last.
import type { Inspect } from './actor/actor-host.ts';
import { type Clock, systemClock, wholeClock } from './base/clock.ts';
import { parseConfig, type SystemConfig, type SystemConfigInput } from './base/config.ts';
import { HoldfastError } from './base/errors.ts';
import { type IdSource, randomId } from './base/ids.ts';
import { type Telemetry, type TelemetryEvent, telemetryTo } from './base/telemetry.ts';
import { type Client, createClient } from './client/client.ts';
import { estimateTokens, type TokenCounter } from './domain/built-context.ts';
import { defaultSessionConfig, type SessionConfig, strictSessionConfig } from './domain/session-config.ts';
import type { Announcement } from './entity/event-reader.ts';
import { Follower } from './entity/follower.ts';
import {
  ProcessManager,
  type ProcessManagerDefinition,
  type ProcessManagerOptions,
} from './entity/process-manager.ts';
import type { Cursor, Journal } from './journal/journal.ts';
import { LevelJournal } from './journal/level-journal.ts';
import type { OpenStore } from './journal/level-store.ts';
import { openLevelJournal } from './journal/open-level-journal.ts';
import { bindOperations, type Invoke } from './operations/bind.ts';
import type { EventPort } from './operations/event-port.ts';
import type { Dispatch } from './operations/operation.ts';
import { configChanges } from './operations/session-config-schema.ts';
import { listHandler } from './projection/list-handler.ts';
import { SessionList } from './projection/session-list.ts';
import { LocalPubSub } from './pubsub/local-pubsub.ts';
import { Conditions } from './recovery/conditions.ts';
import { type AgentDefinitions, AgentRegistry } from './session/agent-definitions.ts';
import { SessionEvents } from './session/session-events.ts';
import { sessionHandlers } from './session/session-handlers.ts';
import { globalTopic, SessionManager, sessionTopic } from './session/session-manager.ts';

export type { OutgoingCommand, ProcessManager, ProcessManagerDefinition } from './entity/process-manager.ts';

export interface SystemOptions extends SystemConfigInput {
  /** The numbers of new sessions; see SessionConfig. */
  readonly session?: Partial<SessionConfig>;
  /** The agents that `agents.start` may name: asynchronous functions, or XState actor logic. */
  readonly agents?: AgentDefinitions;
  /** Follow all events and send operations in answer; see ProcessManagerDefinition. */
  readonly processManagers?: readonly ProcessManagerDefinition[];
  /** Hears of crashes, restarts, incidents and recoveries. */
  readonly onTelemetry?: (event: TelemetryEvent) => void;
  /** An XState inspection observer for all actors, as a function or as an object with `next`. One that throws harms nobody. */
  readonly inspect?: Inspect;
  /** Counts the tokens of a text for built contexts; a quarter of the characters by default. */
  readonly countTokens?: TokenCounter;
  readonly clock?: Clock;
  readonly newId?: IdSource;
  /** Opens an abstract-level database in place of a directory, as tests do. */
  readonly store?: OpenStore;
}

export type SystemStatus = 'starting' | 'serving' | 'failed' | 'draining' | 'stopped';

export interface System {
  readonly client: Client;
  readonly status: SystemStatus;
  /** Sessions in memory. */
  readonly activeSessions: number;
  /** A client of its own, whose subscriptions end with it. */
  connect(): Client;
  /** A running process manager. */
  processManager(name: string): ProcessManager | undefined;
  /** Refuses new calls, answers what runs, keeps snapshots, closes the journal. May be called again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens the store and brings back every session that it holds, under its id.
 *
 * @throws HoldfastError `INVALID_CONFIG`, `JOURNAL_LOCKED`, `JOURNAL_READ_ONLY`, `JOURNAL_FOREIGN`, `JOURNAL_FORMAT`,
 * `JOURNAL_OPEN_FAILED`
 */
export async function createSystem(options: SystemOptions): Promise<System> {
  const { config, ports } = readOptions(options);
  const journal = await openJournal(config, ports, options.store);
  const system = await orClose(journal, () => startSystem(config, ports, journal));
  await orClose(system, () => system.startProcessManagers(options.processManagers ?? []));
  return system;
}

/** A start that fails leaves nothing open behind it. */
async function orClose<T>(opened: { close(): Promise<void> }, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function startSystem(config: SystemConfig, ports: Ports, journal: Journal): Promise<RunningSystem> {
  const pubsub = new LocalPubSub<Announcement>(ports.telemetry);
  const onGrowth = (wake: () => void): (() => void) => pubsub.subscribe(globalTopic, wake);
  const conditions = await Conditions.load({
    ...ports,
    journal,
    tell: (sessionId, durable) => {
      pubsub.publish(sessionTopic(sessionId), { durable });
      pubsub.publish(globalTopic, { durable });
    },
  });
  const manager = new SessionManager({
    ...config,
    ...ports,
    ...{ journal, pubsub, conditions },
    dispatchAs: (caller) => operations.dispatchAs(caller),
    runOwned: (_, start) => start(),
  });
  const list = new SessionList();
  let position = await loadHeads(journal, manager, list);
  const follower = new Follower({
    ...ports,
    name: 'session-list',
    journal,
    load: () => position,
    handle(entries, to) {
      list.apply(entries);
      position = to;
    },
    onGrowth,
  });
  const operations = bindOperations({
    handlers: {
      ...sessionHandlers({ ...config, ...ports, manager, journal, pubsub, conditions }),
      ...listHandler({
        ...ports,
        list,
        follower,
        quarantine: (sessionId) => manager.health.quarantine(sessionId),
      }),
    },
    clock: ports.clock,
    timeoutMs: config.operationTimeoutMs,
    admit: () => assertServing(system),
  });
  const system = new RunningSystem({
    ...ports,
    ...operations,
    journal,
    pubsub,
    manager,
    conditions,
    follower,
    onGrowth,
  });
  manager.serve();
  return system;
}

interface Ports {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly newId: IdSource;
  readonly countTokens: TokenCounter;
  readonly defaults: SessionConfig;
  readonly agents: AgentRegistry;
  readonly inspect?: Inspect;
}

function readOptions(options: SystemOptions): { config: SystemConfig; ports: Ports } {
  const { config, session } = parseConfig(options, configChanges);
  const { onTelemetry, inspect, countTokens, clock: given, newId, agents } = options;
  const clock = given === undefined ? systemClock : wholeClock(given);
  const preset = config.limits === 'strict' ? strictSessionConfig : defaultSessionConfig;
  const ports: Ports = {
    clock,
    telemetry: telemetryTo(onTelemetry, () => clock.now()),
    newId: newId ?? randomId,
    countTokens: countTokens ?? estimateTokens,
    defaults: Object.freeze({ ...preset, ...session }),
    agents: new AgentRegistry(agents ?? {}),
    ...(inspect && { inspect }),
  };
  return { config, ports };
}

function openJournal(
  { location }: SystemConfig,
  ports: Ports,
  store: OpenStore | undefined,
): Promise<LevelJournal> {
  if (store !== undefined) return LevelJournal.open({ ...ports, open: store });
  return openLevelJournal(location ?? '', ports);
}

/** Boot reads heads and nothing else; the list follows the feed from where it stood before. */
async function loadHeads(journal: Journal, manager: SessionManager, list: SessionList): Promise<Cursor> {
  const from = journal.feedEnd();
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const { heads, next } = await journal.list({ prefix: 'session/', ...(after !== undefined && { after }) });
    manager.adopt(heads);
    list.load(heads);
    after = next;
  }
  list.sort();
  return from;
}

function assertServing({ status }: System): void {
  if (status !== 'serving') throw new HoldfastError('SYSTEM_NOT_SERVING', { status });
}

interface Parts extends Ports {
  readonly dispatch: Dispatch;
  readonly invoke: Invoke;
  readonly journal: Journal;
  readonly pubsub: LocalPubSub<Announcement>;
  readonly manager: SessionManager;
  readonly conditions: Conditions;
  readonly follower: Follower;
  readonly onGrowth: ProcessManagerOptions['onGrowth'];
}

class RunningSystem implements System {
  readonly client: Client;
  readonly #parts: Parts;
  readonly #events: EventPort;
  readonly #clients = new Set<Client>();
  readonly #processManagers = new Map<string, ProcessManager>();
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#events = new SessionEvents(parts);
    this.client = this.connect();
  }

  get status(): SystemStatus {
    const { status } = this.#parts.manager;
    return this.#closing !== undefined && status === 'serving' ? 'draining' : status;
  }

  get activeSessions(): number {
    return this.#parts.manager.activeCount;
  }

  connect(): Client {
    const client = createClient({
      dispatch: this.#parts.dispatch,
      events: this.#events,
      onClose: () => this.#clients.delete(client),
    });
    this.#clients.add(client);
    return client;
  }

  async startProcessManagers(definitions: readonly ProcessManagerDefinition[]): Promise<void> {
    const { invoke } = this.#parts;
    const send: ProcessManagerOptions['send'] = ({ operation, input }, source) =>
      invoke(operation, input, { source });
    for (const definition of definitions) {
      const processManager = await ProcessManager.start({ ...this.#parts, definition, send });
      this.#processManagers.set(definition.name, processManager);
    }
  }

  processManager(name: string): ProcessManager | undefined {
    return this.#processManagers.get(name);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { manager, conditions, follower, pubsub, journal } = this.#parts;
    try {
      await Promise.all([...this.#processManagers.values()].map((processManager) => processManager.stop()));
      await manager.drain();
      await conditions.close();
      await follower.stop();
      await Promise.all([...this.#clients].map((client) => client.close()));
      pubsub.close();
    } finally {
      await journal.close();
    }
  }
}
