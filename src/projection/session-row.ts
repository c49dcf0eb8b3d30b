// One line of the session list: made from a head at boot, and kept up by the events that follow.
import type { LawEvent } from '../domain/law.ts';
import { type SessionSummary, statusAt } from '../domain/session-deadlines.ts';
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
  readonly name: string | null;
  readonly agent: string | null;
  readonly parentSessionId: string | null;
}

export const rowStatus = (row: SessionRow, now: number): SessionStatus => statusAt(row.status, row, now);

export function rowFromHead({ stream, seq, status, updatedAt, summary }: Head): SessionRow {
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
    name: null,
    agent: null,
    parentSessionId: null,
  };
}

/** The row after an event. */
export function foldRow(row: SessionRow, event: LawEvent): SessionRow {
  const next = { ...row, seq: event.seq, updatedAt: event.at };
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
      return { ...newRow(row.sessionId, event.at), ...profileOf(profile), seq: event.seq, createdAt };
    }
    case 'session.terminated':
      return next;
    case 'message.sent':
      return { ...next, messages: row.messages + 1, activeAt: event.at };
    case 'conversation.cleared':
      return { ...next, messages: 0, activeAt: event.at };
    default:
      return { ...next, activeAt: event.at };
  }
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
