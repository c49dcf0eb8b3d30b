// What stands between the records of a stream and whoever folds them: events that are parked, and streams that nobody may fold
// in this process before they were tried elsewhere. Records stay as they are.
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../base/json.ts';

/** What a replay makes of one event: it is left out, or its payload is replaced. */
export interface Parking {
  readonly seq: number;
  /** The hash of the record that was parked: of another record nothing is left out. */
  readonly hash: string;
  readonly action: 'skip' | 'edit';
  /** The payload that stands for the recorded one; of an edit alone. */
  readonly data?: unknown;
}

/** By their seqs, in order. */
export type Parkings = ReadonlyMap<number, Parking>;

export interface ReplayGuard {
  /** What is parked of a stream; undefined for nearly all. Throws when that cannot be read. */
  parked(stream: string): Parkings | undefined;
  /** Before events of a stream are folded; what it answers is called when that is done. Rejects where it may not be. */
  enter(stream: string): (() => void) | Promise<(() => void) | undefined> | undefined;
  /** The law threw while a state was to be made of the stream. Answers with what the reader is to hear. */
  threw(stream: string, error: unknown): unknown;
  /** False for a session that was being folded when the process before was killed, until it was tried elsewhere. */
  mayWake(sessionId: string): boolean;
}

/** The digest of what is parked up to a seq; undefined where nothing is. A state is of use only to who parks the same. */
export function parkedDigest(parked: Parkings | undefined, through: number): string | undefined {
  const before = [...(parked?.values() ?? [])].filter(({ seq }) => seq <= through);
  if (before.length === 0) return undefined;
  return sha256(
    canonicalJson(
      before.map(({ seq, hash, action, data }) => ({
        seq,
        hash,
        action,
        ...(action === 'edit' && { data }),
      })),
    ),
  );
}

/** True when a snapshot was made of a replay that left out the same. */
export const isOfReplay = (
  { seq, parked: digest }: { readonly seq: number; readonly parked?: string },
  parked: Parkings | undefined,
): boolean => digest === parkedDigest(parked, seq);

/** The event as a replay takes it; undefined when it is left out. What was erased is not brought back by an edit. */
export function replayedAs<Event extends { readonly seq: number; readonly data: unknown }>(
  event: Event,
  parked: Parkings | undefined,
): Event | undefined {
  const parking = parked?.get(event.seq);
  if (parking === undefined) return event;
  if (parking.action === 'skip') return undefined;
  return event.data === undefined ? event : { ...event, data: parking.data };
}

/** A guard that holds nobody back. */
export const replayingWith = (parked: ReplayGuard['parked']): ReplayGuard => ({
  parked,
  enter: () => undefined,
  threw: (_, error) => error,
  mayWake: () => true,
});
