// Sessions as they were: read from the journal, whoever is in memory now. The newest few that were asked for are kept, so that
// pages of one version cost one replay.
import { HoldfastError } from '../../base/errors.ts';
import { lineageAt } from '../../domain/fork/branching.ts';
import { inherited } from '../../domain/fork/session-fork.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import { statusOf } from '../../domain/session/session-state.ts';
import { stateAt } from '../../entity/state-at.ts';
import type { Head, Journal } from '../../journal/journal.ts';
import type { OperationName } from '../../operations/registry.ts';
import type { SessionView } from '../session-view.ts';

const kept = 4;

export class PastStates {
  readonly #journal: Journal;
  readonly #views = new Map<string, SessionView>();
  #erasures = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /**
   * @throws HoldfastError `INVALID_INPUT`, of the operation that asks, beyond the newest event; `HISTORY_TRIMMED` below the first
   * that can be read.
   */
  async read(
    sessionId: string,
    at: number,
    operation: OperationName,
    signal?: AbortSignal,
  ): Promise<SessionView> {
    const head = await this.#headOf(sessionId);
    if (at > head.seq) {
      const problem = `at: there is no version ${at}, the newest is ${head.seq}`;
      throw new HoldfastError('INVALID_INPUT', { operation, field: 'at', problem, sessionId });
    }
    if (at < head.firstSeq) return this.#readInherited(sessionId, head, at, operation, signal);
    const view = this.#known(head, at) || (await this.#replay(head, at, signal));
    if (statusOf(view.state) === 'deleted') throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    return view;
  }

  /** Nothing of the session's past is kept: some of it was erased. */
  forget(sessionId: string): void {
    this.#erasures += 1;
    const prefix = keyOf(sessionStream(sessionId), '');
    for (const key of this.#views.keys()) if (key.startsWith(prefix)) this.#views.delete(key);
  }

  /** Before its first record a fork is what its ancestor was; what is older than a trimmed session nobody knows. */
  async #readInherited(
    sessionId: string,
    head: Head,
    at: number,
    operation: OperationName,
    signal: AbortSignal | undefined,
  ): Promise<SessionView> {
    const { state } = await stateAt(sessionLaw, this.#journal, head, head.firstSeq, signal);
    const { lineage } = state.branching;
    const owner = lineage.find(({ through }) => at <= through);
    if (owner === undefined || owner.sessionId === sessionId)
      throw new HoldfastError('HISTORY_TRIMMED', { stream: head.stream, firstSeq: head.firstSeq });
    const held = await this.#journal.head(sessionStream(owner.sessionId));
    if (held === undefined || held.firstSeq > owner.through) {
      const { sessionId: ancestorId, through } = owner;
      throw new HoldfastError('HISTORY_ERASED', { sessionId, ancestorId, through });
    }
    const then = await this.read(owner.sessionId, at, operation, signal);
    const older = lineageAt(state.branching, at);
    return { state: inherited(then.state, sessionId, [...older, owner]), seq: at };
  }

  async #headOf(sessionId: string): Promise<Head> {
    const head = await this.#journal.head(sessionStream(sessionId));
    if (head === undefined || head.firstSeq > head.seq)
      throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    return head;
  }

  #known({ stream }: Head, at: number): SessionView | undefined {
    const key = keyOf(stream, at);
    const known = this.#views.get(key);
    if (known !== undefined && this.#views.delete(key)) this.#views.set(key, known);
    return known;
  }

  async #replay(head: Head, at: number, signal: AbortSignal | undefined): Promise<SessionView> {
    const before = this.#erasures;
    const { state, seq } = await stateAt(sessionLaw, this.#journal, head, at, signal);
    const view = { state, seq };
    // An id that was free again may stand for another session, at the same seq.
    const isOfUse = state.profile.durability !== 'none' && this.#erasures === before;
    if (isOfUse) this.#views.set(keyOf(head.stream, at), view);
    for (const oldest of this.#views.keys()) if (this.#views.size > kept) this.#views.delete(oldest);
    return view;
  }
}

const keyOf = (stream: string, at: number | ''): string => `${stream}@${at}`;
