// The events of a session and what each carries: the one vocabulary of journal, machine, pub/sub and projections.
import type { Json } from '../../base/json.ts';
import type { Usage } from '../agent/agent-budget.ts';
import type { AgentPlace, AgentStart } from '../agent/agent-runs.ts';
import type { StepEventData } from '../agent/agent-step-events.ts';
import type { ErrorClass, RecordedFailure } from '../error-class.ts';
import type { Ancestor, Branching } from '../fork/branching.ts';
import type { MergedData, MergedOrigin } from '../fork/session-merge-events.ts';
import type { Ownership } from '../handoff/handoff.ts';
import type { HandoffEventData } from '../handoff/handoff-events.ts';
import type { LawEvent } from '../law.ts';
import type { RecordedError } from '../recorded-error.ts';
import type { ChainFacts, RecoveredData } from '../recovery/recovery-vocabulary.ts';
import type { TreeBudget, TreeLink } from '../tree/tree-state.ts';
import type { CheckpointData } from './checkpoints.ts';
import type { SessionConfig } from './session-config.ts';
import type { LifecycleContext, SessionStatus, StatusChange } from './session-lifecycle.ts';

export const messageRoles = ['system', 'user', 'assistant', 'tool'] as const;
export type MessageRole = (typeof messageRoles)[number];

/** A message as it was sent. The empty string and null are content, and differ. */
export interface MessageData {
  readonly role: MessageRole;
  readonly content: string | readonly Json[] | null;
  readonly toolCalls?: readonly Json[];
  readonly toolCallId?: string;
  readonly name?: string;
  readonly metadata?: Json;
  readonly pinned?: boolean;
  /** How long it took to make, as the sender measured it. */
  readonly processingMs?: number;
  /** Its place among the session's context entries: gap-free, from 1. */
  readonly entry: number;
  /** Bytes of its content, as JSON where it is no text, and of its tool calls. */
  readonly size: number;
  /** Set on what was merged: where it was said. */
  readonly origin?: MergedOrigin;
}

/** The place of a session that was opened under another. */
export interface SessionTree {
  /** The session at the top of the tree in which it was opened. */
  readonly rootSessionId: string;
  readonly link: TreeLink;
  /** What it and all below it may spend. */
  readonly budget?: TreeBudget;
}

/** Who the session is: what was given when it was created, and may be configured later. */
export interface SessionProfile {
  readonly name: string | null;
  readonly agent: string | null;
  readonly metadata: Json;
  readonly llmConfig: Json;
  readonly config: SessionConfig;
  readonly parentSessionId: string | null;
  /** What its answers wait for, for good; absent means `fsync`. */
  readonly durability?: 'os' | 'none';
  /** Where it stands among the sessions that were opened under each other. */
  readonly tree?: SessionTree;
}

export interface FileData {
  readonly path: string;
  readonly metadata?: Json;
  readonly entry: number;
  readonly size: number;
  readonly processingMs?: number;
  readonly origin?: MergedOrigin;
}

/** What a restored session brings along beside its conversation, which is told again as messages. */
export interface RestoredData {
  /** The status in which its former life ended. */
  readonly from: SessionStatus;
  readonly savedAt: number;
  readonly savedSeq: number;
  readonly createdAt: number;
  readonly profile: SessionProfile;
  readonly files: readonly (readonly [path: string, addedAt: number])[];
  readonly fileIndex: readonly (readonly [path: string, metadata: Json, lastAccessedAt: number])[];
  readonly memory: readonly (readonly [key: string, value: Json])[];
  /** Where it comes from, when it was exported elsewhere or under another id. */
  readonly origin?: SessionOrigin;
}

/** A session as it was exported: its last event with that record's hash, and the digest of the capsule that holds the records. */
export interface SessionOrigin {
  readonly sessionId: string;
  readonly seq: number;
  readonly chain?: string;
  readonly digest?: string;
}

/** What a fork is when it begins. */
export interface ForkedData {
  /** What it was forked from, and where. */
  readonly from: Ancestor;
  /** Runs of agents that were open there: they stay there. */
  readonly runs: number;
  /** The state as text, and its SHA-256. */
  readonly state: string;
  readonly stateHash: string;
  /** Of the law that encoded it. */
  readonly lawVersion: number;
}

/** What a session is again: the state of a version of its own, as it was then. */
export interface RolledBackData {
  /** The version. */
  readonly to: number;
  /** The checkpoint that named it, if one did. */
  readonly checkpointId: string | null;
  readonly reason: string;
  /** The state as text, and its SHA-256. */
  readonly state: string;
  readonly stateHash: string;
  /** Of the law that encoded it. */
  readonly lawVersion: number;
  /** Set when the state is not the one that the checkpoint was made of, and that was accepted. */
  readonly ignoredMismatch: { readonly expected: string; readonly found: string } | null;
}

/** That payloads were erased: of which events, why, and who asked for it. */
export interface ErasedData {
  readonly seqs: readonly number[];
  readonly reason: string;
  readonly by: string | null;
  /** Set when the whole session was erased: all that its state still is. */
  readonly left: SessionRemains | null;
  /** Set where events were erased that had begun the chain anew: what they said of it stays. */
  readonly generations?: readonly ChainFacts[];
}

/** A session without anything that was said in it. */
export interface SessionRemains {
  readonly status: SessionStatus;
  readonly context: Omit<LifecycleContext, 'reason' | 'error'>;
  readonly config: SessionConfig;
  readonly parentSessionId: string | null;
  readonly durability?: 'os' | 'none';
  readonly clearedThrough: number;
  readonly hidden: readonly (readonly [after: number, through: number])[];
  /** What was merged, so that it is not merged again; absent where nothing was. */
  readonly branching?: Branching;
  /** Who owns it, without a word of what was handed over. */
  readonly ownership?: Ownership;
}

export interface SessionEventData extends StepEventData, HandoffEventData {
  'session.statusChanged': StatusChange;
  'session.created': SessionProfile;
  'session.configured': Partial<SessionProfile>;
  'session.terminated': { readonly reason: string; readonly error?: string };
  'session.restored': RestoredData;
  'session.rolledBack': RolledBackData;
  'checkpoint.created': CheckpointData;
  'checkpoint.deleted': { readonly checkpointId: string };
  'session.recovered': RecoveredData;
  'session.forked': ForkedData;
  'session.merged': MergedData;
  'message.sent': MessageData;
  'message.pinned': { readonly seq: number };
  'message.unpinned': { readonly seq: number };
  'conversation.cleared': { readonly messages: number };
  'file.added': FileData;
  'file.removed': { readonly path: string; readonly origin?: MergedOrigin };
  'file.indexed': { readonly path: string; readonly metadata: Json; readonly origin?: MergedOrigin };
  'memory.updated': { readonly key: string; readonly value: Json; readonly origin?: MergedOrigin };
  'memory.deleted': { readonly key: string; readonly origin?: MergedOrigin };
  'agent.started': AgentStart;
  /** `charged`: it counts against the budget of the run. */
  'agent.restarted': AgentPlace & { readonly reason: string; readonly charged?: true };
  'agent.crashed': AgentPlace & { readonly error: RecordedFailure; readonly errorClass?: ErrorClass };
  'agent.rateLimited': AgentPlace & { readonly error: RecordedFailure; readonly resumesAt: number };
  'agent.usageReported': AgentPlace & Usage;
  'agent.settled': AgentPlace;
  'agent.completed': AgentPlace & { readonly result: Json };
  'agent.failed': AgentPlace & { readonly error: RecordedError };
  'agent.stopped': AgentPlace & { readonly reason: string };
  'payload.erased': ErasedData;
}

export type SessionEventType = keyof SessionEventData;

/** Any event of a session that its state depends on. */
export type SessionEvent = { [T in SessionEventType]: LawEvent<T, SessionEventData[T]> }[SessionEventType];

export type MessageEvent = LawEvent<'message.sent', MessageData>;

/** Written version per type where it is not 1. */
export const sessionEventVersions: Readonly<Record<string, number>> = {};
