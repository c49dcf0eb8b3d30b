// A session as the list keeps it: one object for as long as it is listed, changed in place, and never handed out.
import type { SessionStatus } from '../domain/session/session-lifecycle.ts';
import type { ShownStatus } from '../operations/views/views.ts';
import { type SessionRow, sessionPrefix } from './session-row.ts';

export class SessionEntry implements SessionRow {
  /** Flat, and the key under which it is found: an event names it without a slice and a hash of its own. */
  readonly stream: string;
  seq: number;
  status: SessionStatus;
  createdAt: number;
  updatedAt: number;
  activeAt: number;
  idleAfterMs: number | null;
  dormantAfterMs: number | null;
  messages: number;
  agents: number;
  entries: number | null;
  name: string | null;
  agent: string | null;
  parentSessionId: string | null;
  shown: ShownStatus;
  /** Where it waits for the clock; -1 while it does not. */
  edge = -1;

  constructor(stream: string, row: SessionRow, shown: ShownStatus) {
    this.stream = stream;
    this.seq = row.seq;
    this.status = row.status;
    this.createdAt = row.createdAt;
    this.updatedAt = row.updatedAt;
    this.activeAt = row.activeAt;
    this.idleAfterMs = row.idleAfterMs;
    this.dormantAfterMs = row.dormantAfterMs;
    this.messages = row.messages;
    this.agents = row.agents;
    this.entries = row.entries;
    this.name = row.name;
    this.agent = row.agent;
    this.parentSessionId = row.parentSessionId;
    this.shown = shown;
  }

  get sessionId(): string {
    return this.stream.slice(sessionPrefix.length);
  }

  /** Becomes what the row says. Whoever sorts by it has taken it out before. */
  become(row: SessionRow, shown: ShownStatus): void {
    this.seq = row.seq;
    this.status = row.status;
    this.createdAt = row.createdAt;
    this.updatedAt = row.updatedAt;
    this.activeAt = row.activeAt;
    this.idleAfterMs = row.idleAfterMs;
    this.dormantAfterMs = row.dormantAfterMs;
    this.messages = row.messages;
    this.agents = row.agents;
    this.entries = row.entries;
    this.name = row.name;
    this.agent = row.agent;
    this.parentSessionId = row.parentSessionId;
    this.shown = shown;
  }
}
