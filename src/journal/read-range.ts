// Reading a stream back: gap-free, each record verified by itself and against the one before it.
import { HoldfastError } from '../base/errors.ts';
import type { Head, ReadOptions, ReadPage, StoredEvent } from './journal.ts';
import { corrupt } from './journal-errors.ts';
import { keys } from './keys.ts';
import type { Store } from './level-store.ts';
import { decodeRecord, genesis } from './record.ts';

const pageEvents = 256;
const pageBytes = 4 * 1024 * 1024;

/** `head` is the durable head at the time of the call: a page must reach it or be full. A short read is an error. */
export async function readRange(
  db: Store,
  stream: string,
  after: number,
  head: Head | undefined,
  { limit = pageEvents, chain }: ReadOptions,
): Promise<ReadPage> {
  if (head === undefined) return { events: [], chain, end: true };
  const first = after + 1;
  if (first < head.firstSeq) throw new HoldfastError('HISTORY_TRIMMED', { stream, firstSeq: head.firstSeq });
  if (after >= head.seq) {
    assertEndsAt(head, after, chain);
    return { events: [], chain, end: true };
  }
  const values = await readValues(db, stream, first, Math.min(limit, head.seq - after));
  return pageOf(head, first, values, chain);
}

/** The records from `first` on as a page, each verified; `chain` is the hash of the one before, where that is known. */
export function pageOf(
  head: Head,
  first: number,
  values: readonly string[],
  chain: string | undefined,
): ReadPage {
  const { stream } = head;
  const events: StoredEvent[] = [];
  let previous = first === 1 ? genesis : chain;
  for (const [offset, value] of values.entries()) {
    const seq = first + offset;
    const record = decodeRecord(value, stream, seq);
    if (previous !== undefined && record.prev !== previous)
      throw corrupt(stream, seq, 'it does not follow the record before it');
    events.push(record.event);
    previous = record.hash;
  }
  const last = first + events.length - 1;
  if (last === head.seq) assertEndsAt(head, last, previous);
  return { events, chain: previous, end: last === head.seq };
}

/** Records as they are stored, unread: whoever takes them decodes them. */
export async function readStored(
  db: Store,
  stream: string,
  after: number,
  head: Head | undefined,
  limit: number,
): Promise<readonly string[]> {
  if (head === undefined || after >= head.seq) return [];
  if (after + 1 < head.firstSeq)
    throw new HoldfastError('HISTORY_TRIMMED', { stream, firstSeq: head.firstSeq });
  return readValues(db, stream, after + 1, Math.min(limit, head.seq - after));
}

/** Who names a hash has read that record, so that a head which ends before it, or at another, has lost history. */
function assertEndsAt({ stream, seq, chain }: Head, after: number, known: string | undefined): void {
  if (known === undefined) return;
  if (after > seq) throw corrupt(stream, seq + 1, 'it was read before and is missing now');
  if (known !== chain) throw corrupt(stream, seq, 'it is not the record that the head names');
}

/** Consecutive records from `first`: `count` of them, or fewer when the page is full in bytes. A gap throws. */
async function readValues(db: Store, stream: string, first: number, count: number): Promise<string[]> {
  const range = { gte: keys.event(stream, first), lte: keys.event(stream, first + count - 1) };
  const iterator = db.iterator({ ...range, highWaterMarkBytes: pageBytes } as typeof range);
  const values: string[] = [];
  let bytes = 0;
  try {
    while (values.length < count && bytes < pageBytes) {
      const entries = await iterator.nextv(Math.min(count - values.length, 1000));
      if (entries.length === 0) throw corrupt(stream, first + values.length, 'it is missing');
      for (const [key, value] of entries) {
        const expected = first + values.length;
        if (key !== keys.event(stream, expected)) throw corrupt(stream, expected, 'it is missing');
        values.push(value);
        bytes += value.length;
      }
    }
  } finally {
    await iterator.close();
  }
  return values;
}
