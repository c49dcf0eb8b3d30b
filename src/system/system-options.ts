// What a system is made of: the user's options, checked, and the ports that every room below is given.
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Inspect } from '../actor/actor-host.ts';
import { type Clock, systemClock, wholeClock } from '../base/clock.ts';
import { parseConfig, type SystemConfig, type SystemConfigInput } from '../base/config.ts';
import { assertId, type IdSource, randomId } from '../base/ids.ts';
import { type PayloadCodec, type PayloadCodecs, payloadCodecs } from '../base/payload-codec.ts';
import { type Telemetry, type TelemetryEvent, telemetryTo } from '../base/telemetry.ts';
import type { TaskOptions } from '../collaboration/tasks/task-options.ts';
import { type ConflictPolicy, type ConflictStrategies, conflictPolicy } from '../domain/lock/conflicts.ts';
import type { PromotionPolicy } from '../domain/memory/memory-confidence.ts';
import type { PermitKey } from '../domain/permit-limits.ts';
import { estimateTokens, type TokenCounter } from '../domain/session/built-context.ts';
import {
  defaultSessionConfig,
  type SessionConfig,
  strictSessionConfig,
} from '../domain/session/session-config.ts';
import type { CustomMerge, MergeRegistry } from '../domain/space/merge-policies.ts';
import type { ProcessManagerDefinition } from '../entity/process-manager.ts';
import { LevelJournal, type LevelJournalOptions } from '../journal/level-journal.ts';
import type { OpenStore } from '../journal/level-store.ts';
import { gated, type OpenLevelJournalOptions, openLevelJournal } from '../journal/open-level-journal.ts';
import { assertFiles } from '../journal/store/odd-files.ts';
import { raisedVersions, versionsFrom, versionsKey } from '../journal/store/store-versions.ts';
import type { AtRest, EncryptionKey } from '../journal/store/value-envelope.ts';
import { configChanges } from '../operations/session-config-schema.ts';
import { type HeartbeatStore, heartbeatFiles } from '../recovery/boot/heartbeat-store.ts';
import type { RecoveryOptions } from '../recovery/recovery-strategy.ts';
import { replayNotesFile } from '../recovery/trial/replay-notes.ts';
import { type AgentDefinitions, AgentRegistry } from '../session/agents/agent-definitions.ts';
import type { SummariserDefinition } from '../session/handlers/summaries.ts';
import { Permits } from '../session/permits/permits.ts';
import { ownVersions } from './store-laws.ts';

export interface SystemOptions extends SystemConfigInput {
  /** The numbers of new sessions; see SessionConfig. */
  readonly session?: Partial<SessionConfig>;
  /** The agents that `agents.start` may name: asynchronous functions, XState actor logic, or modules for threads. */
  readonly agents?: AgentDefinitions;
  /** Follow all events and send operations in answer; see ProcessManagerDefinition. */
  readonly processManagers?: readonly ProcessManagerDefinition[];
  /** Gates and roles of tasks, and how many run at once; see TaskOptions. */
  readonly tasks?: TaskOptions;
  /** Hears of crashes, restarts, incidents and recoveries. */
  readonly onTelemetry?: (event: TelemetryEvent) => void;
  /** An XState inspection observer for all actors, as a function or as an object with `next`. One that throws harms nobody. */
  readonly inspect?: Inspect;
  /** Counts the tokens of a text for built contexts; a quarter of the characters by default. */
  readonly countTokens?: TokenCounter;
  /**
   * Codecs for payloads that are not JSON: metadata, contents, values, event data, inputs and results of agents. None by default: what JSON would
   * alter is then refused with `NOT_JSON`. `richCodecs` knows what JavaScript has. Codecs under which something was written stay in the list.
   */
  readonly codecs?: readonly PayloadCodec[];
  /**
   * Encrypts what is written to the disk, by AES-256-GCM: the first key writes, all of them read. Keys stay in the list until `rekeyStore` has written
   * everything anew. Ids of sessions and idempotency keys are not encrypted.
   */
  readonly encryptionKeys?: readonly EncryptionKey[];
  /** The user's own merge policies for shared context, by the name that `custom:` stands before; see docs/guides/shared-context.md. */
  readonly mergePolicies?: Readonly<Record<string, CustomMerge>>;
  /** When memories are promoted, and how many wait and are kept; see docs/guides/memory.md. */
  readonly memories?: Partial<PromotionPolicy>;
  /** By name, what makes summaries of sessions: functions, or agents that run in them; see docs/guides/memory.md. */
  readonly summarisers?: Readonly<Record<string, SummariserDefinition>>;
  /** By key, what agents of all sessions may use of what they share, such as a model; see docs/guides/permits.md. */
  readonly permits?: Readonly<Record<string, PermitKey>>;
  /** What is done about conflicts between sessions, by their kind; see docs/guides/roster-and-locks.md. */
  readonly conflicts?: ConflictStrategies;
  readonly clock?: Clock;
  readonly newId?: IdSource;
  /** Where the process notes that it lives; a file of the store's directory by default. */
  readonly heartbeats?: HeartbeatStore;
  /** How failures of sessions are answered; see RecoveryOptions. */
  readonly recovery?: RecoveryOptions;
  /** Opens an abstract-level database in place of a directory, as tests do. */
  readonly store?: OpenStore;
}

export interface Ports {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly newId: IdSource;
  readonly countTokens: TokenCounter;
  readonly defaults: SessionConfig;
  readonly agents: AgentRegistry;
  readonly tasks: TaskOptions;
  readonly merges: MergeRegistry;
  readonly memories: Partial<PromotionPolicy>;
  readonly summarisers: Readonly<Record<string, SummariserDefinition>>;
  readonly conflicts: ConflictPolicy;
  readonly inspect?: Inspect;
  /** Undefined where payloads are plain JSON. */
  readonly codecs?: PayloadCodecs;
}

export function readOptions(options: SystemOptions): { config: SystemConfig; ports: Ports } {
  const { config, session } = parseConfig(options, configChanges);
  const { onTelemetry, inspect, countTokens, clock: given, newId, agents, codecs } = options;
  const { tasks = {}, mergePolicies = {}, memories = {}, summarisers = {}, permits: keys = {} } = options;
  const { conflicts = {} } = options;
  const clock = given === undefined ? systemClock : wholeClock(given);
  const preset = config.limits === 'strict' ? strictSessionConfig : defaultSessionConfig;
  const telemetry = telemetryTo(onTelemetry, () => clock.now());
  const permits = new Permits({ keys, clock, telemetry, longestWaitMs: config.operationTimeoutMs });
  const ports: Ports = {
    clock,
    telemetry,
    newId: newId === undefined ? randomId : () => assertId(newId()),
    countTokens: countTokens ?? estimateTokens,
    defaults: Object.freeze({ ...preset, ...session }),
    agents: new AgentRegistry(agents ?? {}, config.maxWorkers, permits),
    tasks,
    memories,
    summarisers,
    merges: new Map(Object.entries(mergePolicies)),
    conflicts: conflictPolicy(conflicts),
    ...(inspect && { inspect }),
    ...(codecs && { codecs: payloadCodecs(codecs) }),
  };
  return { config, ports };
}

/** Opens the store, looks through it first where that is asked for, and raises what it says of its versions. */
export async function openJournal(
  config: SystemConfig,
  ports: Ports,
  options: Pick<SystemOptions, 'store' | 'encryptionKeys'>,
  survey: NonNullable<OpenLevelJournalOptions['survey']>,
): Promise<LevelJournal> {
  const journal = await openStore(config, ports, options, survey);
  try {
    if (config.preflight !== 'off') await preflight(config.preflight, journal, ports);
    await raiseVersions(journal);
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

async function openStore(
  { location = 'The store', repair, reserveBytes, compressAbove, upgrade }: SystemConfig,
  ports: Ports,
  { store: open, encryptionKeys = [] }: Pick<SystemOptions, 'store' | 'encryptionKeys'>,
  survey: OpenLevelJournalOptions['survey'],
): Promise<LevelJournal> {
  const gate = { supported: ownVersions, upgrade };
  if (open !== undefined)
    return LevelJournal.open(gated<LevelJournalOptions>(location, { ...ports, open }, gate));
  await assertFiles(
    location,
    [...heartbeatFiles, replayNotesFile].map((name) => join(location, name)),
  );
  const atRest: AtRest = { encryptionKeys, compressAbove };
  return openLevelJournal(location, { ...ports, repair, reserveBytes, gate, atRest, survey });
}

async function raiseVersions(journal: LevelJournal): Promise<void> {
  const found = versionsFrom(await journal.kv.get(versionsKey).catch(() => undefined));
  const raised = raisedVersions(found, ownVersions);
  if (!isDeepStrictEqual(found, raised)) await journal.raise(raised);
}

async function preflight(
  mode: 'report' | 'refuse',
  journal: LevelJournal,
  { agents, telemetry }: Ports,
): Promise<void> {
  const { runPreflight } = await import('./preflight.ts');
  await runPreflight(mode, journal, (agent) => agents.has(agent), telemetry);
}
