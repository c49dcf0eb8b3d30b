// A damaged list of parked events, as far as it can be read: each record by itself, in their order.
import { type ParkedState, parkedLaw, parkedStream } from '../../domain/recovery/parked-law.ts';
import { readableEvents } from '../../entity/readable-events.ts';
import type { Head, Journal } from '../../journal/journal.ts';

export interface ReadableParkings {
  readonly state: ParkedState;
  readonly head: Head | undefined;
  /** Records that could not be read; null where nobody knows how many there were. */
  readonly unreadable: number | null;
}

/** `isLost`: its end is gone, with nobody knows how many records. */
export async function readParkings(
  journal: Pick<Journal, 'head' | 'readFrom'>,
  sessionId: string,
  isLost: boolean,
): Promise<ReadableParkings> {
  const stream = parkedStream(sessionId);
  const head = await journal.head(stream);
  const initial = parkedLaw.initial(stream);
  if (head === undefined) return { state: initial, head, unreadable: null };
  const after = head.firstSeq - 1;
  const events = await readableEvents(journal, stream, after, head.seq);
  // What cannot be read may have parked what is taken back later: then there is nothing to take back.
  const state = events.reduce((last, event) => parkedLaw.evolve(last, event) ?? last, initial);
  return { state, head, unreadable: isLost ? null : head.seq - after - events.length };
}
