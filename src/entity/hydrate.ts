// A state from the disk: the newest snapshot that holds, and every event after it, verified link by link.
import { HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Head, Journal, Snapshot, StoredEvent } from '../journal/journal.ts';
import { isOfReplay } from '../journal/replay-guard.ts';
import { MissingPayloads } from './missing-payloads.ts';
import type { Recorded } from './recorded.ts';
import { foldAround, startOf } from './state-at.ts';

export interface Hydrated<State> {
  readonly state: State;
  readonly head: Head | undefined;
  /** The time of the newest event. */
  readonly lastAt: number;
  readonly snapshotSeq: number;
  readonly snapshotBytes: number;
  /** What the incarnation before knew of the answers on record. */
  readonly recorded?: Recorded;
  /** How it was read; absent when it was in memory. */
  readonly provenance?: Provenance;
}

/** What a state was made from. */
interface Provenance {
  /** Events that were folded. */
  readonly replayed: number;
  /** Snapshots that could not be used, newest first. */
  readonly passedOver: readonly number[];
  /** The event that it begins from, when what was before it is damaged. */
  readonly base?: number;
}

/** All of a journal that a state is made from. */
export type HydrationSource = Pick<Journal, 'head' | 'snapshots' | 'readFrom' | 'guard'>;

export async function hydrate<State, C extends Command>(
  law: Law<State, C>,
  stream: string,
  journal: HydrationSource,
  telemetry: Telemetry,
): Promise<Hydrated<State>> {
  const head = await journal.head(stream);
  if (head === undefined) {
    return { state: law.initial(stream), head, lastAt: 0, snapshotSeq: 0, snapshotBytes: 0 };
  }
  if (head.firstSeq > head.seq) {
    return {
      state: law.tombstone(stream),
      head,
      lastAt: head.updatedAt,
      snapshotSeq: head.seq,
      snapshotBytes: 0,
    };
  }
  const passedOver: number[] = [];
  const snapshot = await newestSnapshot(law, stream, journal, head, telemetry, passedOver);
  const start =
    snapshot === undefined ? startOf(law, head) : { ...snapshot, state: law.decode(snapshot.state) };
  const missing = new MissingPayloads();
  const { guard } = journal;
  const faulted = guard && ((error: unknown): unknown => guard.threw(stream, error));
  const folding = { law, journal, head, visit: missing.see, faulted };
  const { state, base } = await foldAround(folding, start, head.seq);
  missing.assertErased(stream);
  const found = { state, head, lastAt: head.updatedAt, snapshotSeq: start.seq };
  if (base === undefined) {
    const provenance = { replayed: head.seq - start.seq, passedOver };
    return { ...found, snapshotBytes: snapshot?.state.length ?? 0, provenance };
  }
  return { ...found, snapshotBytes: 0, provenance: { replayed: head.seq - base + 1, passedOver, base } };
}

async function newestSnapshot<State, C extends Command>(
  law: Law<State, C>,
  stream: string,
  journal: HydrationSource,
  head: Head,
  telemetry: Telemetry,
  passedOver: number[],
): Promise<Snapshot | undefined> {
  const parked = journal.guard?.parked(stream);
  for await (const snapshot of journal.snapshots(stream, (seq) => passedOver.push(seq))) {
    if (snapshot.lawVersion > law.version) {
      throw new HoldfastError('LAW_CHANGED', { stream, found: snapshot.lawVersion, supported: law.version });
    }
    const usable =
      snapshot.lawVersion === law.version && snapshot.seq <= head.seq && snapshot.seq >= head.firstSeq - 1;
    // One of a replay that left out something else is as good as any, but of another state.
    if (usable && !isOfReplay(snapshot, parked)) continue;
    if (usable && sha256(snapshot.state) === snapshot.stateHash) return snapshot;
    passedOver.push(snapshot.seq);
    telemetry('snapshot.skipped', { stream, seq: snapshot.seq });
  }
  return undefined;
}

export interface Tail<State> {
  readonly events: readonly { readonly event: StoredEvent; readonly state: State }[];
  readonly state: State;
}

/** Folds the events after `from` up to `head`, and keeps them for a caller who tells of them. */
export async function readTail<State, C extends Command>(
  law: Law<State, C>,
  stream: string,
  journal: Journal,
  start: State,
  from: { readonly seq: number; readonly chain: string | undefined } | undefined,
  head: Head | undefined,
): Promise<Tail<State>> {
  const events: { event: StoredEvent; state: State }[] = [];
  let state = start;
  let after = from?.seq ?? 0;
  let chain = from?.chain;
  while (head !== undefined && after < head.seq) {
    const page = await journal.readFrom(stream, after, chain === undefined ? {} : { chain });
    for (const event of page.events) {
      state = evolve(law, state, event);
      events.push({ event, state });
    }
    after = page.events.at(-1)?.seq ?? head.seq;
    chain = page.chain;
  }
  return { events, state };
}

/** What was lawful once is lawful for ever: an event that the law does not take now means that the law has changed. */
function evolve<State, C extends Command>(law: Law<State, C>, state: State, event: StoredEvent): State {
  const next = law.evolve(state, event);
  if (next !== undefined) return next;
  const { stream, seq, type } = event;
  throw new HoldfastError('JOURNAL_CORRUPT', {
    stream,
    seq,
    problem: `${type} is not lawful after the records before it`,
  });
}
