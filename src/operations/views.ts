// What operations answer with: plain data, times in milliseconds since the epoch.
import type { Json } from '../base/json.ts';
import type { SessionConfig } from '../domain/session-config.ts';
import type { SessionStatus } from '../domain/session-lifecycle.ts';

export interface Repeatable {
  /** True when the answer comes from the record of an earlier call with the same idempotency key. */
  readonly repeated?: boolean;
}

/** What every write to a session answers. */
export interface Acknowledged extends Repeatable {
  /** The stream's newest event when the command was decided. All up to it was durable before the answer was given. */
  readonly seq: number;
}

export interface StatusAcknowledged extends Acknowledged {
  readonly status: SessionStatus;
}

/** `quarantined` is a condition that overlays the status of a session that keeps failing. */
export type ShownStatus = SessionStatus | 'quarantined';

export interface SessionInfo {
  readonly sessionId: string;
  readonly status: ShownStatus;
  readonly name: string | null;
  readonly agent: string | null;
  readonly parentSessionId: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly messages: number;
}

export interface SessionDetails extends SessionInfo {
  readonly lastActivityAt: number;
  readonly metadata: Json;
  readonly llmConfig: Json;
  readonly config: SessionConfig;
  readonly entries: number;
  /** The reason of the last change of status. */
  readonly reason: string | null;
  readonly error: string | null;
  readonly seq: number;
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
  readonly entry: number;
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string | readonly Json[] | null;
  readonly toolCalls?: readonly Json[];
  readonly toolCallId?: string;
  readonly name?: string;
  readonly metadata?: Json;
  readonly processingMs?: number;
  readonly pinned: boolean;
}

/** One thing that became part of what the session knows. */
export interface ContextEntry {
  /** Gap-free, from 1. */
  readonly entry: number;
  readonly type: 'message' | 'file' | 'tool_call' | 'system';
  readonly seq: number;
  readonly at: number;
  readonly size: number;
  readonly processingMs?: number;
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

/** An event as subscribers and readers receive it. */
export interface DeliveredEvent {
  readonly sessionId: string;
  /** Dense within the session; absent for transient events, which are not journaled. */
  readonly seq?: number;
  readonly at: number;
  readonly type: string;
  readonly data: unknown;
  /** Hand it to `events.stream` to go on after this event. Absent for callbacks and transient events. */
  readonly cursor?: string;
}
