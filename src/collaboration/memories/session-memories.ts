// The memories of all sessions: one entity each, hydrated when it is asked for. Commands are taken only of sessions that are there
// and take writes; what has been remembered can be read, forgotten and erased as long as the session is there.
import type { Durability } from '../../base/durability.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { MemoryCommand } from '../../domain/memory/memory-decisions.ts';
import { memoriesStream } from '../../domain/memory/memory-law.ts';
import type { MemoriesState } from '../../domain/memory/memory-state.ts';
import type { SessionStatus } from '../../domain/session/session-lifecycle.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import { receiptKey } from '../../entity/receipts.ts';
import type { Journal } from '../../journal/journal.ts';
import type { EntityHost } from '../entity-host.ts';

/** What is asked of a session before its memories are touched. */
export interface RememberingSession {
  readonly status: SessionStatus;
  readonly durability: Durability;
  /** Set of one that takes no writes at all. */
  readonly refusal: HoldfastError | undefined;
}

export interface SessionMemoriesOptions {
  readonly host: EntityHost<MemoriesState, MemoryCommand>;
  readonly journal: Pick<Journal, 'receipt'>;
  /** Throws `SESSION_NOT_FOUND`. */
  readonly session: (sessionId: string) => Promise<RememberingSession>;
}

const takesAll: ReadonlySet<SessionStatus> = new Set(['active', 'idle', 'dormant']);

/** What a session takes in any status: it only lets go. */
const takenAlways: ReadonlySet<MemoryCommand['type']> = new Set<MemoryCommand['type']>([
  ...(['memory.reject', 'memory.forget', 'memory.unshare'] as const),
]);

export class SessionMemories {
  readonly #options: SessionMemoriesOptions;

  constructor(options: SessionMemoriesOptions) {
    this.#options = options;
  }

  /** Throws what the session refuses with, and what the law does. An answer on record is given whatever became of the session. */
  async send(
    sessionId: string,
    command: (session: RememberingSession) => MemoryCommand,
    meta: CommandMeta,
  ): Promise<Answer> {
    const session = await this.#options.session(sessionId);
    const asked = command(session);
    const refusal = refusalOf(sessionId, session, asked);
    if (refusal !== undefined && !(await this.#isAnswered(sessionId, meta))) throw refusal;
    return this.#options.host.send(sessionId, asked, meta);
  }

  /** The durable state, also of a session that takes no writes. */
  async read(sessionId: string): Promise<MemoriesState> {
    await this.#options.session(sessionId);
    return this.peek(sessionId);
  }

  /** What is stored of a session, without asking whether it is there. */
  async peek(sessionId: string): Promise<MemoriesState> {
    return (await this.#options.host.read(sessionId)).state;
  }

  /** Erasing is taken in every status, but not of a session that takes no writes. */
  async admitErasure(sessionId: string): Promise<void> {
    const { refusal } = await this.#options.session(sessionId);
    if (refusal !== undefined) throw refusal;
  }

  async #isAnswered(sessionId: string, meta: CommandMeta): Promise<boolean> {
    const key = receiptKey(meta);
    if (key === undefined) return false;
    return (await this.#options.journal.receipt(memoriesStream(sessionId), key)) !== undefined;
  }
}

function refusalOf(
  sessionId: string,
  { status, refusal }: RememberingSession,
  { type: command }: MemoryCommand,
): HoldfastError | undefined {
  if (refusal !== undefined) return refusal;
  if (takesAll.has(status) || takenAlways.has(command)) return undefined;
  return new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command });
}
