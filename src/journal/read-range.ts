// Reading a stream back: gap-free, each record verified by itself and against the one before it.
import { HoldfastError } from '../base/errors.ts';
import type { Head, ReadOptions, ReadPage, StoredEvent } from './journal.ts';
import { keys } from './keys.ts';
import { decodeRecord, genesis } from './record.ts';
import type { Store } from './snapshot-store.ts';

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
  if (head === undefined || after >= head.seq) return { events: [], chain, end: true };
  const first = Math.max(after + 1, head.firstSeq);
  const values = await readValues(db, stream, first, Math.min(limit, head.seq - first + 1));
  const events: StoredEvent[] = [];
  let previous = after === 0 && head.firstSeq === 1 ? genesis : chain;
  for (const [offset, value] of values.entries()) {
    const seq = first + offset;
    const record = decodeRecord(value, stream, seq);
    if (previous !== undefined && record.prev !== previous)
      throw broken(stream, seq, 'it does not follow the record before it');
    events.push(record.event);
    previous = record.hash;
  }
  const last = first + events.length - 1;
  if (last === head.seq && previous !== head.chain)
    throw broken(stream, last, 'it is not the record that the head names');
  return { events, chain: previous, end: last >= head.seq };
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
      if (entries.length === 0) throw broken(stream, first + values.length, 'it is missing');
      for (const [key, value] of entries) {
        const expected = first + values.length;
        if (key !== keys.event(stream, expected)) throw broken(stream, expected, 'it is missing');
        values.push(value);
        bytes += value.length;
      }
    }
  } finally {
    await iterator.close();
  }
  return values;
}

function broken(stream: string, seq: number, problem: string): HoldfastError {
  return new HoldfastError('JOURNAL_CORRUPT', { stream, seq, problem });
}
