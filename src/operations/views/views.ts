// What operations answer with: plain data, times in milliseconds since the epoch.
import type { Durability } from '../../base/durability.ts';
import type { Json } from '../../base/json.ts';
import type { AgentRestart, agentStatuses } from '../../domain/agent/agent-runs.ts';
import type { EventData, EventType } from '../../domain/event-vocabulary.ts';
import type { MergedOrigin } from '../../domain/fork/session-merge-events.ts';
import type { RecordedError } from '../../domain/recorded-error.ts';
import type { ConditionKind } from '../../domain/recovery/condition-law.ts';
import type { SessionConfig } from '../../domain/session/session-config.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';

import type { AgentUsage, BudgetLeft } from './budget-views.ts';

export interface Repeatable {
  /** True when the answer comes from the record of an earlier call with the same idempotency key. */
  readonly repeated?: boolean;
}

/** What every write to a session answers. */
export interface Acknowledged extends Repeatable {
  /** The stream's newest event when the command was decided. All up to it was durable before the answer was given. */
  readonly seq: number;
  /** What all that it tells of had reached when the answer was given: at least the class of the session. */
  readonly durability: Durability;
}

export interface StatusAcknowledged extends Acknowledged {
  readonly status: SessionStatus;
}

/** `recovering` and `quarantined` are conditions that overlay the status of a session that fails. */
export type ShownStatus = SessionStatus | ConditionKind;

export interface SessionInfo {
  readonly sessionId: string;
  readonly status: ShownStatus;
  readonly name: string | null;
  readonly agent: string | null;
  readonly parentSessionId: string | null;
  readonly createdAt: number;
  /** When its last event happened. */
  readonly updatedAt: number;
  /** When it was last used; falling quiet is no use. */
  readonly lastActivityAt: number;
  readonly messages: number;
  /** Open agent runs. */
  readonly agents: number;
  /** Messages, files and tool calls; null until it was read from a session that an older version wrote. */
  readonly entries: number | null;
  readonly seq: number;
}

/** How many sessions show each status. Deleted ones are in no list. */
export type StatusCounts = Readonly<Record<Exclude<ShownStatus, 'deleted'>, number>>;

export interface SessionCounts {
  readonly byStatus: StatusCounts;
  /** Those that a list without a status filter shows: all but terminated and archived ones. */
  readonly open: number;
  readonly total: number;
}

/** How a read model stands. */
export interface ProjectionInfo {
  readonly name: string;
  /** Of the shape of what it reads. */
  readonly version: number;
  readonly rows: number;
  /** Rows that still lack facts because an older version wrote what they were made from. */
  readonly incomplete: number;
  /** How far it has come in the feed; opaque, null before the first event. */
  readonly position: string | null;
  /** Commits of the feed that it has not taken in yet, counted up to 1,000. */
  readonly lag: number;
  /** True after a start until it was loaded: what is asked of it waits, and `rows` says how many it has by now. */
  readonly loading: boolean;
  readonly rebuilding: boolean;
}

export interface SessionDetails extends SessionInfo {
  readonly metadata: Json;
  readonly llmConfig: Json;
  readonly config: SessionConfig;
  /** What its answers wait for: given when it was created, and fixed. */
  readonly durability: Durability;
  readonly entries: number;
  /** The reason of the last change of status. */
  readonly reason: string | null;
  readonly error: string | null;
  readonly seq: number;
  /** What is wrong with it, if anything is. */
  readonly condition: ConditionInfo | null;
}

/** Why a session is recovering or quarantined. */
export interface ConditionInfo {
  readonly sessionId: string;
  readonly condition: ConditionKind;
  readonly reason: string;
  readonly error: RecordedError | null;
  /** How often it was started again before it was given up. */
  readonly restarts: number;
  readonly since: number;
}

/** A run of an agent. */
export interface AgentInfo {
  readonly runId: string;
  /** The name under which the agent is registered. */
  readonly agent: string;
  readonly role: string | null;
  /** The run that started it as its child; null for one that was started with `agents.start`. */
  readonly parentRunId: string | null;
  readonly status: (typeof agentStatuses)[number];
  /** False for an open run that nobody runs just now: it is parked, its session rests, or its agent is not registered. */
  readonly isRunning: boolean;
  readonly restart: AgentRestart;
  readonly timeoutMs: number | null;
  /** Counted from 1 over the whole life of the run. */
  readonly incarnation: number;
  readonly crashes: number;
  readonly startedAt: number;
  readonly endedAt: number | null;
  /** Of one that is `waiting`: until when; null for any other. */
  readonly resumesAt: number | null;
  /** Restarts over its whole life that were charged: after a crash, the death of its process, or a retry of its session. */
  readonly restarts: number;
  readonly usage: AgentUsage;
  readonly budgetLeft: BudgetLeft;
}

export interface AgentDetails extends AgentInfo {
  readonly input: Json;
  /** What it returned; null unless it has completed. */
  readonly result: Json;
  /** Why it has failed. */
  readonly error: RecordedError | null;
  /** Why it was stopped. */
  readonly reason: string | null;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Hand it to the next call; undefined when there is nothing more. */
  readonly cursor?: string;
  readonly total?: number;
}

export interface MessageInfo {
  readonly seq: number;
  readonly at: number;
  /** Its place among the entries; null, like its role and content, once it was erased. */
  readonly entry: number | null;
  readonly role: 'system' | 'user' | 'assistant' | 'tool' | null;
  readonly content: string | readonly Json[] | null;
  readonly toolCalls?: readonly Json[];
  readonly toolCallId?: string;
  readonly name?: string;
  readonly metadata?: Json;
  readonly processingMs?: number;
  /** Set on a message that was merged: where it was first said, and when. */
  readonly origin?: MergedOrigin;
  readonly pinned: boolean;
  /** Set on a message that was erased: all that is known is that there was one. */
  readonly erased?: true;
}

/** One thing that became part of what the session knows. */
export interface ContextEntry {
  /** Gap-free, from 1; null for one that was erased, which has its place all the same. */
  readonly entry: number | null;
  readonly type: 'message' | 'file' | 'tool_call' | 'system';
  readonly seq: number;
  readonly at: number;
  readonly size: number;
  readonly processingMs?: number;
  readonly erased?: true;
}

export interface FileInfo {
  readonly path: string;
  readonly addedAt: number;
}

export interface IndexedFileInfo {
  readonly path: string;
  readonly metadata: Json;
  readonly lastAccessedAt: number;
}

export interface SavedInfo {
  readonly sessionId: string;
  readonly savedAt: number;
  readonly seq: number;
  readonly messages: number;
}

/** An event as subscribers and readers receive it: `type` says what `data` is. Frozen, and the same for all who hear it. */
export type DeliveredEvent<Type extends EventType = EventType> = { [T in Type]: Delivered<T> }[Type];

interface Delivered<Type extends EventType> {
  readonly sessionId: string;
  /**
   * The stream that `seq` counts, such as `condition/<id>`, when it is not the session's own. Absent for all events of the
   * session itself.
   */
  readonly stream?: string;
  /** Dense within the stream; absent for transient events, which are not journaled. */
  readonly seq?: number;
  readonly at: number;
  readonly type: Type;
  /** Undefined, whatever its type says, once it was erased. */
  readonly data: EventData<Type>;
  /** Set on an event whose data was erased. */
  readonly erased?: true;
  /** Hand it to `events.stream` to go on after this event. Absent for callbacks and transient events. */
  readonly cursor?: string;
}

/** How the storage is. */
export interface StorageStatus {
  /**
   * `healthy`. `degraded`: it is read, and ordinary writes are refused until the disk takes them again. `reopening`: it is closed
   * and opened again after a fault. `quarantined`: it takes no writes any more, until the process is started again.
   */
  readonly health: 'healthy' | 'degraded' | 'reopening' | 'quarantined';
  /** In milliseconds since the epoch. */
  readonly since: number;
  /** What is wrong, in words; null while it is healthy. */
  readonly problem: string | null;
  /** `urgent`: only what ends something or frees space. */
  readonly writes: 'all' | 'urgent' | 'none';
  /** On the disk; null where nobody knows, as for a store in memory. */
  readonly freeBytes: number | null;
  /** With fewer no new session is taken; 0 for no such mark. */
  readonly minFreeBytes: number;
  /** What waits for the disk. */
  readonly backlogBytes: number;
  /** How often the store was opened. */
  readonly epoch: number;
  /** The last scrub that ended. */
  readonly lastScrub: { readonly at: number; readonly records: number; readonly damaged: number } | null;
}

/** What a scrub has read and found. */
export interface StorageScrub {
  readonly streams: number;
  readonly records: number;
  readonly bytes: number;
  /** How many places were damaged. */
  readonly damaged: number;
  /** The first hundred of them: `seq` is the record's, or the name of what else it is. */
  readonly findings: readonly {
    readonly stream: string;
    readonly seq: number | string;
    readonly problem: string;
  }[];
  readonly tookMs: number;
}

/** A copy of the whole store, as it was at one group commit. */
export interface BackupInfo {
  readonly backupId: string;
  /** Its folder, on the machine of the system. */
  readonly path: string;
  readonly createdAt: number;
  /** Who asked for it; retention decides only on those of the schedule. */
  readonly cause: 'manual' | 'schedule' | 'restore';
  readonly note: string | null;
  /** `verified`: it was restored to a scratch place, and every stream read from there. `damaged`: it did not hold, and is kept aside. */
  readonly status: 'verified' | 'unverified' | 'damaged';
  readonly verified: boolean;
  readonly verifiedAt: number | null;
  /** The last group commit that it holds. */
  readonly feedPosition: number;
  readonly epoch: number;
  readonly streams: number;
  readonly events: number;
  readonly records: number;
  /** Of keys and values, before they were compressed. */
  readonly bytes: number;
  /** On the disk. */
  readonly storedBytes: number;
  /** Streams that cannot be proven in the store itself; it holds them as they are there. */
  readonly damaged: readonly { readonly stream: string; readonly problem: string }[];
  /** Why it is damaged. */
  readonly problem: string | null;
}

/** A page of an exported session: whole lines, to be put one behind the other. */
export interface ExportPage {
  readonly text: string;
  /** Hand it to the next call, with the same redaction; undefined at the end. */
  readonly cursor?: string;
}

/** What became of an import. */
export interface Imported extends Repeatable {
  readonly sessionId: string;
  /** The session's newest event. */
  readonly seq: number;
  /** `records`: the original events, byte for byte. `restored`: a new life that begins with all that it held. */
  readonly as: 'records' | 'restored';
  /** Of its newest record, when it has the original ones. */
  readonly chain: string | null;
}
