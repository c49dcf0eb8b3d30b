// One line of the session list: made from a head, or from the stream itself, and kept up by the events that follow.
import type { LawEvent } from '../domain/law.ts';
import { type SessionSummary, statusAt, summaryVersion } from '../domain/session-deadlines.ts';
import type { SessionEvent, SessionProfile } from '../domain/session-events.ts';
import type { SessionStatus } from '../domain/session-lifecycle.ts';
import type { Head } from '../journal/journal.ts';

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

const sessionPrefix = 'session/';

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
  let next: number | null = null;
  for (const ms of [idleAfterMs, dormantAfterMs]) {
    const at = ms === null ? null : activeAt + ms;
    if (at !== null && at > now && (next === null || at < next)) next = at;
  }
  return next;
}

/** True when the head was written with the summary that this version reads; others lack facts. */
export const isCurrentHead = ({ status, summary }: Head): boolean =>
  status === 'deleted' || (summary as Partial<SessionSummary> | null)?.v === summaryVersion;

export function rowFromHead({
  stream,
  seq,
  status,
  updatedAt,
  summary,
}: Pick<Head, 'stream' | 'seq' | 'status' | 'updatedAt' | 'summary'>): SessionRow {
  const said = (summary ?? {}) as Partial<SessionSummary>;
  return {
    sessionId: stream.slice(stream.indexOf('/') + 1),
    seq,
    status: status as SessionStatus,
    createdAt: Number(said.createdAt ?? updatedAt),
    updatedAt,
    activeAt: Number(said.activeAt ?? updatedAt),
    idleAfterMs: numberOrNull(said.idleAfterMs),
    dormantAfterMs: numberOrNull(said.dormantAfterMs),
    messages: Number(said.messages ?? 0),
    agents: Number(said.agents ?? 0),
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

/** The row after an event. One whose payload was erased says when something happened, and no more. */
export function foldRow(row: SessionRow, event: LawEvent): SessionRow {
  const next = { ...row, seq: event.seq, updatedAt: event.at };
  if (event.data === undefined) return { ...next, activeAt: event.at };
  const known = event as SessionEvent;
  switch (known.type) {
    case 'session.statusChanged': {
      const { to } = known.data;
      return { ...next, status: to, activeAt: to === 'active' || to === 'paused' ? event.at : row.activeAt };
    }
    case 'session.created':
      return { ...next, ...profileOf(known.data), createdAt: event.at, activeAt: event.at };
    case 'session.configured':
      return { ...next, ...profileOf(known.data), activeAt: event.at };
    case 'session.restored': {
      const { createdAt, profile } = known.data;
      const fresh = newRow(row.sessionId, event.at);
      return { ...fresh, ...profileOf(profile), seq: event.seq, createdAt, entries: row.entries };
    }
    case 'session.terminated':
      return next;
    case 'message.sent':
      return { ...next, messages: row.messages + 1, entries: known.data.entry, activeAt: event.at };
    case 'file.added':
      return { ...next, entries: known.data.entry, activeAt: event.at };
    case 'conversation.cleared':
      return { ...next, messages: 0, activeAt: event.at };
    case 'agent.started':
      return { ...next, agents: row.agents + 1, activeAt: event.at };
    case 'agent.crashed':
      return { ...next, activeAt: activeAfter(row, event) };
    case 'agent.completed':
    case 'agent.failed':
    case 'agent.stopped':
      return { ...next, agents: row.agents - 1, activeAt: activeAfter(row, event) };
    default:
      return { ...next, entries: publishedEntry(event) ?? row.entries, activeAt: event.at };
  }
}

/** The end of an agent wakes nobody. */
const activeAfter = ({ status, activeAt }: SessionRow, { at }: LawEvent): number =>
  status === 'active' ? at : activeAt;

/** Entries are numbered without a gap from 1: the newest number is also how many there are. */
function publishedEntry({ type, data }: LawEvent): number | null {
  return type === 'tool.called' ? numberOrNull((data as { readonly entry?: unknown }).entry) : null;
}

function profileOf({ name, agent, parentSessionId, config }: Partial<SessionProfile>): Partial<SessionRow> {
  return {
    ...(name !== undefined && { name }),
    ...(agent !== undefined && { agent }),
    ...(parentSessionId !== undefined && { parentSessionId }),
    ...(config !== undefined && { idleAfterMs: config.idleAfterMs, dormantAfterMs: config.dormantAfterMs }),
  };
}

const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
