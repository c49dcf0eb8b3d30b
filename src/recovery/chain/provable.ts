// How far a session can be proven: from a snapshot that holds, or from its beginning, record by record, until one does not
// follow from those before it.
import { HoldfastError, toError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import { sessionLaw } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import { type Fold, type Folded, fold, startOf } from '../../entity/state-at.ts';
import type { Head, Journal, Snapshot } from '../../journal/journal.ts';
import { isOfReplay } from '../../journal/replay-guard.ts';
import type { IntegrityProblem } from '../../operations/views/integrity-views.ts';

/** Where a replay begins. */
export type Base = Folded<SessionState>;

export interface Proven {
  readonly state: SessionState;
  readonly through: number;
  /** The hash of the record at `through`, where one was read. */
  readonly chain: string | undefined;
  readonly from: number;
  /** Why it goes no further, at the record behind `through`; absent when it reaches the head. */
  readonly broken?: IntegrityProblem;
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
  { signal, visit }: Pick<Fold<SessionState, SessionCommand>, 'signal' | 'visit'> = {},
): Promise<Proven> {
  const from = base.seq;
  const seen = visit && once(visit, from);
  const options = { law: sessionLaw, journal, head, signal, ...(seen && { visit: seen }) };
  let at = base;
  for (let limit = blockEvents; at.seq < head.seq; ) {
    try {
      at = await fold(options, at, Math.min(head.seq, at.seq + limit));
    } catch (thrown) {
      const error = toError(thrown);
      if (!isFinding(error)) throw error;
      // The block is read again one by one, up to the record that does not hold.
      if (limit === 1) return { ...placeOf(at), from, broken: brokenBy(error, at.seq + 1) };
      limit = 1;
    }
  }
  return { ...placeOf(at), from };
}

const brokenBy = ({ code, message }: HoldfastError, seq: number): IntegrityProblem => ({
  ...{ code, seq },
  problem: message,
});

const placeOf = ({ state, seq, chain }: Base) => ({ state, through: seq, chain });

type Visit = NonNullable<Fold<SessionState, SessionCommand>['visit']>;

/** An event that is read again is not shown again. */
function once(visit: Visit, from: number): Visit {
  let through = from;
  return (event, before, after) => {
    if (event.seq <= through) return;
    through = event.seq;
    visit(event, before, after);
  };
}

/** What the records themselves say is wrong; anything else is a failure to look. */
const isFinding = (error: Error): error is HoldfastError =>
  HoldfastError.is(error, 'JOURNAL_CORRUPT') || HoldfastError.is(error, 'HISTORY_TRIMMED');
