// A session as the list keeps it: one object for as long as it is listed, changed in place, and never handed out.
import type { SessionStatus } from '../domain/session-lifecycle.ts';
import type { ShownStatus } from '../operations/views.ts';
import type { SessionRow } from './session-row.ts';

export class SessionEntry implements SessionRow {
  readonly sessionId: string;
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

  constructor(sessionId: string, row: SessionRow, shown: ShownStatus) {
    this.sessionId = sessionId;
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
