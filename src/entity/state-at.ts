// A state as it was at an earlier version: the nearest snapshot below it that holds, and the events up to it, verified link by
// link. Nothing is kept but the state, however long the way.
import { HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Head, Journal, Snapshot, StoredEvent } from '../journal/journal.ts';
import { isOfReplay, type Parkings } from '../journal/replay-guard.ts';
import { assertSameRecord, endBefore, evolveStored, stepThrough } from './parked-replay.ts';
import { newestBase } from './rebase.ts';

/** A state, and the place in its stream that it is the state of. */
export interface Folded<State> {
  readonly state: State;
  readonly seq: number;
  /** The hash of the record at `seq`, where it was read. */
  readonly chain: string | undefined;
}

type Source = Pick<Journal, 'readFrom' | 'snapshots' | 'guard'>;

/**
 * @throws HoldfastError `HISTORY_TRIMMED` when no snapshot reaches as far back as the events, `JOURNAL_CORRUPT` when one of
 * them cannot be proven.
 */
export async function stateAt<State, C extends Command>(
  law: Law<State, C>,
  journal: Source,
  head: Head,
  seq: number,
  signal?: AbortSignal,
): Promise<Folded<State>> {
  const { stream, firstSeq } = head;
  if (seq < firstSeq) throw new HoldfastError('HISTORY_TRIMMED', { stream, firstSeq });
  const snapshot = await snapshotBelow(law, journal, head, seq);
  const start = snapshot === undefined ? startOf(law, head) : foldedOf(law, snapshot);
  return foldAround({ law, journal, head, signal }, start, seq);
}

/** The state before the first event that can be read: that of nothing, or of a tombstone. */
export function startOf<State, C extends Command>(
  law: Law<State, C>,
  { stream, firstSeq }: Head,
): Folded<State> {
  const state = firstSeq === 1 ? law.initial(stream) : law.tombstone(stream);
  return { state, seq: firstSeq - 1, chain: undefined };
}

async function snapshotBelow<State, C extends Command>(
  law: Law<State, C>,
  journal: Source,
  { stream, firstSeq }: Head,
  seq: number,
): Promise<Snapshot | undefined> {
  const parked = journal.guard?.parked(stream);
  for await (const snapshot of journal.snapshots(stream)) {
    const isUsable =
      snapshot.lawVersion === law.version && snapshot.seq <= seq && snapshot.seq >= firstSeq - 1;
    if (isUsable && isOfReplay(snapshot, parked) && sha256(snapshot.state) === snapshot.stateHash)
      return snapshot;
  }
  return undefined;
}

const foldedOf = <State, C extends Command>(
  law: Law<State, C>,
  { state, seq, chain }: Snapshot,
): Folded<State> => ({ state: law.decode(state), seq, chain });

export interface Fold<State, C extends Command> {
  readonly law: Law<State, C>;
  readonly journal: Pick<Journal, 'readFrom' | 'guard'>;
  readonly head: Head;
  readonly signal?: AbortSignal | undefined;
  /** Sees each event with the states before and after it. */
  readonly visit?: (event: StoredEvent, before: State, after: State) => void;
  /** Hears what the law threw, and answers with what is thrown for it. */
  readonly faulted?: ((error: unknown) => unknown) | undefined;
}

/** Goes on from a state through the events up to `through`, a page at a time: others have their turn between pages. */
export async function fold<State, C extends Command>(
  options: Fold<State, C>,
  start: Folded<State>,
  through: number,
): Promise<Folded<State>> {
  const { journal, head } = options;
  const { guard } = journal;
  if (guard === undefined || start.seq >= through) return foldPages(options, start, through);
  const leave = await guard.enter(head.stream);
  try {
    return await foldPages(options, start, through, guard.parked(head.stream));
  } finally {
    leave?.();
  }
}

/** A page ends with a parked event, so that its hash is at hand. */
async function foldPages<State, C extends Command>(
  { law, journal, head, signal, visit, faulted }: Fold<State, C>,
  start: Folded<State>,
  through: number,
  parked?: Parkings,
): Promise<Folded<State>> {
  const step = parked === undefined ? evolveStored : stepThrough(parked);
  let { state, seq, chain } = start;
  while (seq < through) {
    signal?.throwIfAborted();
    const end = parked === undefined ? through : endBefore(parked, seq, through);
    const limit = Math.min(pageEvents, end - seq);
    const page = await journal.readFrom(head.stream, seq, chain === undefined ? { limit } : { limit, chain });
    if (parked !== undefined) assertSameRecord(parked, head.stream, page);
    try {
      for (const event of page.events) {
        const next = step(law, state, event, head);
        visit?.(event, state, next);
        state = next;
      }
    } catch (error) {
      // What is coded says what it is; anything else was thrown by the law.
      throw HoldfastError.is(error) || faulted === undefined ? error : faulted(error);
    }
    seq = page.events.at(-1)?.seq ?? through;
    chain = page.chain;
  }
  return { state, seq, chain };
}

const pageEvents = 256;

/** Like `fold`; behind damage it goes on from the newest event that carries the state, `base`, when there is one. */
export async function foldAround<State, C extends Command>(
  options: Fold<State, C>,
  start: Folded<State>,
  through: number,
): Promise<Folded<State> & { readonly base?: number }> {
  const { law, journal, head } = options;
  try {
    return await fold(options, start, through);
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    const carried = await newestBase(law, journal, { ...head, seq: through });
    if (carried === undefined) throw error;
    const base = carried.seq;
    const from = { state: law.initial(head.stream), seq: base - 1, chain: undefined };
    return { ...(await fold(options, from, through)), base };
  }
}
