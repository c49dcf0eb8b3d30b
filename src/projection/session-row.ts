// One line of the session list: made from a head, or from the stream itself, and kept up by the events that follow.

import type { LawEvent } from '../domain/law.ts';
import {
  type SessionSummary,
  statusAt,
  summarizeSession,
  summaryVersion,
} from '../domain/session/session-deadlines.ts';
import type { SessionEvent, SessionProfile, SessionRemains } from '../domain/session/session-events.ts';
import type { SessionStatus } from '../domain/session/session-lifecycle.ts';
import { decodeSession } from '../domain/session/session-text.ts';
import type { Head } from '../journal/journal.ts';
import { readSummaryText } from './summary-text.ts';

export interface SessionRow {
  readonly sessionId: string;
  /** The seq up to which the row is true. */
  readonly seq: number;
  readonly status: SessionStatus;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly activeAt: number;
  readonly idleAfterMs: number | null;
  readonly dormantAfterMs: number | null;
  readonly messages: number;
  /** Open agent runs. */
  readonly agents: number;
  /** Null when the head does not say. */
  readonly entries: number | null;
  readonly name: string | null;
  readonly agent: string | null;
  readonly parentSessionId: string | null;
}

export const sessionPrefix = 'session/';
const never = Number.POSITIVE_INFINITY;

/** The session of a stream, or undefined for a stream of another kind. */
export const sessionOf = (stream: string): string | undefined =>
  stream.startsWith(sessionPrefix) ? stream.slice(sessionPrefix.length) : undefined;

export const rowStatus = (row: SessionRow, now: number): SessionStatus => statusAt(row.status, row, now);

/** When the row shows its next quiet status after `now`; null for never. It may be earlier, never later. */
export function nextEdgeAt(
  { status, activeAt, idleAfterMs, dormantAfterMs, agents }: SessionRow,
  now: number,
): number | null {
  if (status !== 'active' && status !== 'idle') return null;
  if (status === 'active' && agents > 0) return null;
  const idleAt = idleAfterMs === null ? never : activeAt + idleAfterMs;
  const dormantAt = dormantAfterMs === null ? never : activeAt + dormantAfterMs;
  const next = Math.min(idleAt > now ? idleAt : never, dormantAt > now ? dormantAt : never);
  return next === never ? null : next;
}

/** What a head says of its session, which may be less than this version asks for. */
export type Said = Partial<SessionSummary>;

/** The summary is parsed only when its text is of an unusual form. */
export function saidBy(head: Pick<Head, 'summary' | 'summaryText'>): Said {
  const read = head.summaryText === undefined ? undefined : readSummaryText(head.summaryText);
  return read ?? ((head.summary ?? {}) as Said);
}

/** True when the head was written with the summary that this version reads; others lack facts. */
export const isCurrentHead = (head: Head, said = saidBy(head)): boolean =>
  head.status === 'deleted' || said.v === summaryVersion;

type RowHead = Pick<Head, 'stream' | 'seq' | 'status' | 'updatedAt' | 'summary' | 'summaryText'>;

export function rowFromHead(head: RowHead, said = saidBy(head)): SessionRow {
  const { stream, seq, status, updatedAt } = head;
  return {
    sessionId: stream.slice(stream.indexOf('/') + 1),
    seq,
    status: status as SessionStatus,
    createdAt: numberOrNull(said.createdAt) ?? updatedAt,
    updatedAt,
    activeAt: numberOrNull(said.activeAt) ?? updatedAt,
    idleAfterMs: numberOrNull(said.idleAfterMs),
    dormantAfterMs: numberOrNull(said.dormantAfterMs),
    messages: numberOrNull(said.messages) ?? 0,
    agents: numberOrNull(said.agents) ?? 0,
    entries: numberOrNull(said.entries),
    name: textOrNull(said.name),
    agent: textOrNull(said.agent),
    parentSessionId: textOrNull(said.parentSessionId),
  };
}

export function newRow(sessionId: string, at: number): SessionRow {
  return {
    sessionId,
    seq: 0,
    status: 'initializing',
    createdAt: at,
    updatedAt: at,
    activeAt: at,
    idleAfterMs: null,
    dormantAfterMs: null,
    messages: 0,
    agents: 0,
    entries: 0,
    name: null,
    agent: null,
    parentSessionId: null,
  };
}

type Draft = { -readonly [Member in keyof SessionRow]: SessionRow[Member] };

/** Member by member: this runs for every event of every session, and a spread of so many costs ten times as much. */
export function copyOf(row: SessionRow): Draft {
  return {
    sessionId: row.sessionId,
    seq: row.seq,
    status: row.status,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    activeAt: row.activeAt,
    idleAfterMs: row.idleAfterMs,
    dormantAfterMs: row.dormantAfterMs,
    messages: row.messages,
    agents: row.agents,
    entries: row.entries,
    name: row.name,
    agent: row.agent,
    parentSessionId: row.parentSessionId,
  };
}

/** The row after an event. */
export function foldRow(row: SessionRow, event: LawEvent): SessionRow {
  const next = copyOf(row);
  next.seq = event.seq;
  next.updatedAt = event.at;
  if (foldAgent(next, event)) return next;
  if (event.data === undefined) foldErased(next, event);
  else fold(next, event);
  return next;
}

/** Of agents a row counts those at work: what they said is no part of it, and may be erased. False for other events. */
function foldAgent(next: Draft, { type, at }: LawEvent): boolean {
  switch (type) {
    case 'agent.started':
      next.agents += 1;
      next.activeAt = at;
      return true;
    case 'agent.completed':
    case 'agent.failed':
    case 'agent.stopped':
      next.agents -= 1;
      stayQuiet(next, at);
      return true;
    case 'agent.crashed':
      stayQuiet(next, at);
      return true;
    default:
      return false;
  }
}

/** What still counts of an event without its payload. */
function foldErased(next: Draft, { type, at }: LawEvent): void {
  switch (type) {
    case 'checkpoint.created':
      return;
    case 'session.restored': {
      const { seq, entries } = next;
      Object.assign(next, newRow(next.sessionId, at), { seq, entries });
      return;
    }
    case 'session.forked':
      Object.assign(next, newRow(next.sessionId, at), { seq: next.seq, status: 'active' });
      return;
    case 'message.sent':
    case 'file.added':
    case 'tool.called':
      if (next.entries !== null) next.entries += 1;
      if (type === 'message.sent') next.messages += 1;
  }
  next.activeAt = at;
}

function fold(next: Draft, event: LawEvent): void {
  const { at } = event;
  const known = event as SessionEvent;
  switch (known.type) {
    case 'session.statusChanged': {
      const { to } = known.data;
      next.status = to;
      if (to === 'active' || to === 'paused') next.activeAt = at;
      return;
    }
    case 'session.created':
      takeProfile(next, known.data);
      next.createdAt = next.activeAt = at;
      return;
    case 'session.configured':
      takeProfile(next, known.data);
      next.activeAt = at;
      return;
    case 'session.restored': {
      const { seq, entries } = next;
      Object.assign(next, newRow(next.sessionId, at), { seq, entries, createdAt: known.data.createdAt });
      takeProfile(next, known.data.profile);
      return;
    }
    case 'session.rolledBack': {
      const { lifecycle, profile } = decodeSession(known.data.state);
      next.messages = lifecycle.context.messages;
      next.activeAt = at;
      takeProfile(next, profile);
      break;
    }
    case 'session.recovered': {
      const { to: status, summary } = known.data;
      const { stream, seq } = known;
      Object.assign(next, rowFromHead({ stream, seq, status, updatedAt: at, summary }));
      return;
    }
    case 'session.forked': {
      const { status, summary } = summarizeSession(decodeSession(known.data.state));
      const { stream, seq } = known;
      Object.assign(next, rowFromHead({ stream, seq, status, updatedAt: at, summary }));
      return;
    }
    case 'payload.erased':
      if (known.data.left !== null) takeRemains(next, known.data.left);
      return;
    case 'session.terminated':
    case 'checkpoint.created':
    case 'checkpoint.deleted':
      return;
    case 'message.sent':
      next.messages += 1;
      next.entries = known.data.entry;
      next.activeAt = at;
      return;
    case 'file.added':
      next.entries = known.data.entry;
      next.activeAt = at;
      return;
    case 'conversation.cleared':
      next.messages = 0;
      next.activeAt = at;
      return;
    default:
      next.entries = publishedEntry(event) ?? next.entries;
      next.activeAt = at;
  }
}

/** The end of an agent wakes nobody. */
function stayQuiet(next: Draft, at: number): void {
  if (next.status === 'active') next.activeAt = at;
}

/** Entries are numbered without a gap from 1: the newest number is also how many there are. */
function publishedEntry({ type, data }: LawEvent): number | null {
  return type === 'tool.called' ? numberOrNull((data as { readonly entry?: unknown }).entry) : null;
}

function takeRemains(next: Draft, { status, context, ...profile }: SessionRemains): void {
  const { createdAt, lastActivityAt, messages, entries } = context;
  Object.assign(next, { status, messages, entries, agents: 0, activeAt: lastActivityAt });
  next.createdAt = createdAt ?? next.createdAt;
  takeProfile(next, { ...profile, name: null, agent: null });
}

function takeProfile(next: Draft, { name, agent, parentSessionId, config }: Partial<SessionProfile>): void {
  if (name !== undefined) next.name = name;
  if (agent !== undefined) next.agent = agent;
  if (parentSessionId !== undefined) next.parentSessionId = parentSessionId;
  if (config === undefined) return;
  next.idleAfterMs = config.idleAfterMs;
  next.dormantAfterMs = config.dormantAfterMs;
}

const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
