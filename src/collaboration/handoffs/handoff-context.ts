// What everything that is about handoffs works with.
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import type { Journal } from '../../journal/journal.ts';

export interface HandoffContext {
  readonly journal: Journal;
  /** Throws what the session refuses with. */
  readonly send: (sessionId: string, command: SessionCommand, meta: CommandMeta) => Promise<Answer>;
  /** The durable state. Throws `SESSION_NOT_FOUND`. */
  readonly read: (sessionId: string) => Promise<{ readonly state: SessionState; readonly seq: number }>;
  /** Ends a session in order; one that has ended is left as it is. */
  readonly end: (sessionId: string, reason: string) => Promise<unknown>;
}
