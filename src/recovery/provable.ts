// How far a session can be proven: from a snapshot that holds, or from its beginning, record by record, until one does not
// follow from those before it.
import { HoldfastError, toError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { sessionLaw } from '../domain/session-law.ts';
import type { SessionState } from '../domain/session-state.ts';
import { type Folded, fold, startOf } from '../entity/state-at.ts';
import type { Head, Journal, Snapshot } from '../journal/journal.ts';
import { isOfReplay } from '../journal/replay-guard.ts';

/** Where a replay begins. */
export type Base = Folded<SessionState>;

export interface Proven {
  readonly state: SessionState;
  readonly through: number;
  readonly from: number;
  /** Why it goes no further; absent when it reaches the head. */
  readonly problem?: string;
}

export interface Bases {
  /** Newest first; the beginning of the stream last, when it can still be read. */
  readonly usable: readonly Base[];
  readonly passedOver: readonly number[];
}

const blockEvents = 256;

/** At most three snapshots are kept, so all of them are looked at. */
export async function findBases(journal: Journal, head: Head): Promise<Bases> {
  const usable: Base[] = [];
  const passedOver: number[] = [];
  const parked = journal.guard?.parked(head.stream);
  for await (const snapshot of journal.snapshots(head.stream, (seq) => passedOver.push(seq))) {
    if (!isOfReplay(snapshot, parked)) continue;
    const base = baseOf(snapshot, head);
    if (base === undefined) passedOver.push(snapshot.seq);
    else usable.push(base);
  }
  // What is left of a stream that was trimmed begins at a snapshot, and nowhere else.
  const isWhole = head.firstSeq === 1 || usable.length === 0;
  if (isWhole) usable.push(startOf(sessionLaw, head));
  return { usable, passedOver };
}

/** A snapshot proves itself: its text by its hash, and its place by the record that follows it. */
function baseOf(snapshot: Snapshot, head: Head): Base | undefined {
  const { seq, state, stateHash, lawVersion, chain } = snapshot;
  if (lawVersion !== sessionLaw.version || seq > head.seq || seq < head.firstSeq - 1) return undefined;
  if (sha256(state) !== stateHash) return undefined;
  try {
    return { seq, state: sessionLaw.decode(state), chain };
  } catch {
    return undefined;
  }
}

/** Folds as far as the records prove themselves and the law takes them. */
export async function foldProvable(
  journal: Journal,
  head: Head,
  base: Base,
  signal?: AbortSignal,
): Promise<Proven> {
  const from = base.seq;
  let at = base;
  for (let limit = blockEvents; at.seq < head.seq; ) {
    try {
      at = await fold({ law: sessionLaw, journal, head, signal }, at, Math.min(head.seq, at.seq + limit));
    } catch (thrown) {
      const error = toError(thrown);
      if (!isFinding(error)) throw error;
      // The block is read again one by one, up to the record that does not hold.
      if (limit === 1) return { state: at.state, through: at.seq, from, problem: error.message };
      limit = 1;
    }
  }
  return { state: at.state, through: at.seq, from };
}

/** What the records themselves say is wrong; anything else is a failure to look. */
const isFinding = (error: Error): boolean =>
  HoldfastError.is(error, 'JOURNAL_CORRUPT') || HoldfastError.is(error, 'HISTORY_TRIMMED');
