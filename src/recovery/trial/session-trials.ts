// Trials of stored sessions in a process of their own: whether one can be folded with what is parked, and which of its events
// nobody can fold. Nothing is written.

import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { sessionLaw, sessionStream } from '../../domain/session/session-law.ts';
import type { Head, Journal, Snapshot } from '../../journal/journal.ts';
import { isOfReplay, type Parking, type Parkings } from '../../journal/replay-guard.ts';
import { type BisectionResult, bisect } from './bisection.ts';
import { type ProbeHeader, type ProbeLimits, type ProbeVerdict, probe } from './probe.ts';

export interface SessionTrialsOptions {
  readonly journal: Journal;
  /** The records of journaled sessions as they are stored. */
  readonly records: { readRecords(stream: string, after: number, limit: number): Promise<readonly string[]> };
  readonly limits: ProbeLimits;
}

export class SessionTrials {
  readonly #options: SessionTrialsOptions;
  readonly #ending = new AbortController();

  constructor(options: SessionTrialsOptions) {
    this.#options = options;
  }

  /** Folds all of a session with what is to be parked. */
  async try(sessionId: string, parked: Parkings): Promise<ProbeVerdict> {
    const head = await this.#headOf(sessionId);
    if (head === undefined) return { ok: true };
    const start = await this.#startOf(head, parked);
    return this.#attempt(head, start, head.seq, [...parked.values()]);
  }

  /** Finds what keeps a session from being folded. */
  async bisect(sessionId: string, parked: Parkings | undefined): Promise<BisectionResult> {
    const head = await this.#headOf(sessionId);
    if (head === undefined) return { outcome: 'clean' };
    const start = await this.#startOf(head, parked);
    const { journal } = this.#options;
    return bisect({
      from: start.from,
      first: head.firstSeq,
      through: head.seq,
      parked: [...(parked?.values() ?? [])],
      attempt: (through, list) => this.#attempt(head, start, through, list),
      hashOf: async (seq) => (await journal.readFrom(head.stream, seq - 1, { limit: 1 })).chain ?? '',
    });
  }

  /** Ends what is being tried. */
  close(): void {
    this.#ending.abort(new HoldfastError('SYSTEM_NOT_SERVING', { status: 'stopped' }));
  }

  /** Undefined where nothing is stored that could be folded. */
  async #headOf(sessionId: string): Promise<Head | undefined> {
    const head = await this.#options.journal.head(sessionStream(sessionId));
    return head === undefined || head.firstSeq > head.seq ? undefined : head;
  }

  async #startOf(head: Head, parked: Parkings | undefined): Promise<Pick<ProbeHeader, 'from' | 'state'>> {
    for await (const snapshot of this.#options.journal.snapshots(head.stream))
      if (isUsable(snapshot, head, parked)) return { from: snapshot.seq, state: snapshot.state };
    return { from: head.firstSeq - 1 };
  }

  async #attempt(
    { stream, firstSeq }: Head,
    start: Pick<ProbeHeader, 'from' | 'state'>,
    through: number,
    parked: readonly Parking[],
  ): Promise<ProbeVerdict> {
    const { records, limits } = this.#options;
    const { signal } = this.#ending;
    signal.throwIfAborted();
    const header: ProbeHeader = { stream, firstSeq, ...start, parked };
    const read = (after: number, limit: number): Promise<readonly string[]> =>
      records.readRecords(stream, after, limit);
    const verdict = await probe(header, through, read, limits, signal);
    // One that was ended in the middle says nothing of the session.
    signal.throwIfAborted();
    return verdict;
  }
}

/** As hydration takes one. */
function isUsable(snapshot: Snapshot, { seq, firstSeq }: Head, parked: Parkings | undefined): boolean {
  if (snapshot.lawVersion !== sessionLaw.version || !isOfReplay(snapshot, parked)) return false;
  return snapshot.seq <= seq && snapshot.seq >= firstSeq - 1 && sha256(snapshot.state) === snapshot.stateHash;
}
