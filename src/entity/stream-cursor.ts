// A place in several streams that are read as one: a seq for each, in the order of the streams, joined by dots.
import { HoldfastError } from '../base/errors.ts';
import type { Head, Journal } from '../journal/journal.ts';

/** The newest seq that was seen of each stream. */
export type Seqs = readonly number[];

export const seqsCursor = (seqs: Seqs): string => seqs.join('.');

/** The seqs of a cursor: no more than there are streams, and at least one. */
export function parseSeqs(cursor: string, streams: number): Seqs {
  const seqs = cursor.split('.');
  if (seqs.length > streams || !seqs.every((seq) => /^\d{1,15}$/.test(seq)))
    throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  return seqs.map(Number);
}

/** The place before the first event that can still be read. */
export const beginningOf = (heads: readonly (Head | undefined)[]): Seqs =>
  heads.map((head) => (head?.firstSeq ?? 1) - 1);

export const endOf = (heads: readonly (Head | undefined)[]): Seqs => heads.map((head) => head?.seq ?? 0);

/** A cursor that names the first streams only: of the others, what is older than the event that it names was seen. */
export async function completeSeqs(
  journal: Pick<Journal, 'readFrom'>,
  given: Seqs,
  heads: readonly (Head | undefined)[],
): Promise<Seqs> {
  if (heads.slice(given.length).every((head) => head === undefined))
    return heads.map((_, i) => given[i] ?? 0);
  const at = await timeOf(journal, given[0] ?? 0, heads[0]);
  return Promise.all(heads.map((head, i) => given[i] ?? lastBefore(journal, head, at)));
}

/** When an event became part of its stream; before all times when it can no longer be read. */
async function timeOf(
  journal: Pick<Journal, 'readFrom'>,
  seq: number,
  head: Head | undefined,
): Promise<number> {
  if (head === undefined || seq < head.firstSeq) return Number.NEGATIVE_INFINITY;
  const { events } = await journal.readFrom(head.stream, seq - 1, { limit: 1 });
  return events[0]?.at ?? Number.NEGATIVE_INFINITY;
}

async function lastBefore(
  journal: Pick<Journal, 'readFrom'>,
  head: Head | undefined,
  at: number,
): Promise<number> {
  if (head === undefined) return 0;
  for (let seq = head.firstSeq - 1; ; ) {
    const { events, end } = await journal.readFrom(head.stream, seq);
    const later = events.find((event) => event.at >= at);
    if (later !== undefined) return later.seq - 1;
    seq = events.at(-1)?.seq ?? seq;
    if (end) return seq;
  }
}

/** Where the streams stand at this very call. Heads are read a moment later, and the feed says what came in between. */
export async function placeNow(
  journal: Pick<Journal, 'head' | 'readAll' | 'feedEnd'>,
  streams: readonly string[],
): Promise<string> {
  let after = journal.feedEnd();
  const heads = await Promise.all(streams.map((stream) => journal.head(stream)));
  const seqs = [...endOf(heads)];
  for (const end = journal.feedEnd(); after !== end; ) {
    const entries = await journal.readAll(after);
    for (const { stream, seq } of entries.flatMap(({ events }) => events)) {
      const lane = streams.indexOf(stream);
      if (lane >= 0) seqs[lane] = Math.min(seqs[lane] ?? 0, seq - 1);
    }
    const hasPassed = entries.length === 0 || entries.some(({ cursor }) => cursor === end);
    after = hasPassed ? end : (entries.at(-1)?.cursor ?? end);
  }
  return seqsCursor(seqs);
}
