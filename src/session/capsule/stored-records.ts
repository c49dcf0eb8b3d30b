// Records as they are stored, each read by itself where not all of them can be proven: whoever takes them out says what is missing.
import { HoldfastError } from '../../base/errors.ts';
import {
  type CapsuleGeneration,
  generationIn,
  generationsErasedIn,
} from '../../journal/capsule-generations.ts';
import type { Head, StoredEvent } from '../../journal/journal.ts';
import { decodeRecord } from '../../journal/record.ts';
import type { HandlerContext } from '../handlers/handler-context.ts';

type Records = Pick<HandlerContext['records'], 'readRecords'>;

export type StoredPlace =
  | { readonly seq: number; readonly value: string; readonly event: StoredEvent }
  | { readonly seq: number; readonly damage: HoldfastError };

/** The records behind `after`, up to `through` or to where a page is full. */
export async function readStored(
  records: Records,
  stream: string,
  after: number,
  through: number,
): Promise<readonly StoredPlace[]> {
  const values = await valuesOf(records, stream, after, through);
  return values.map((value, index) => {
    const seq = after + 1 + index;
    return value instanceof HoldfastError ? { seq, damage: value } : decoded(value, stream, seq);
  });
}

function decoded(value: string, stream: string, seq: number): StoredPlace {
  try {
    return { seq, value, event: decodeRecord(value, stream, seq).event };
  } catch (error) {
    return { seq, damage: corruption(error) };
  }
}

async function valuesOf(
  records: Records,
  stream: string,
  after: number,
  through: number,
): Promise<readonly (string | HoldfastError)[]> {
  try {
    return await records.readRecords(stream, after, through - after);
  } catch (error) {
    corruption(error);
  }
  const values: (string | HoldfastError)[] = [];
  let characters = 0;
  for (let at = after; at < through && characters < pageCharacters; at++) {
    const [value] = await records.readRecords(stream, at, 1).catch((error) => [corruption(error)]);
    if (value === undefined) break;
    values.push(value);
    characters += typeof value === 'string' ? value.length : 0;
  }
  return values;
}

/** The events that began the chain of a session anew, oldest first, as far as they can be read. */
export async function generationsOf(
  records: Records,
  { stream, firstSeq, seq: end }: Pick<Head, 'stream' | 'firstSeq' | 'seq'>,
): Promise<readonly CapsuleGeneration[]> {
  const generations: CapsuleGeneration[] = [];
  for (let after = firstSeq - 1; after < end; ) {
    const values = await valuesOf(records, stream, after, Math.min(after + recordsAtOnce, end));
    if (values.length === 0) break;
    for (const value of values) {
      after += 1;
      // All others are passed over unread: these are few, and a history may be long.
      if (typeof value !== 'string' || !markers.some((marker) => value.includes(marker))) continue;
      const place = decoded(value, stream, after);
      if ('damage' in place) continue;
      const generation = generationIn(place.event);
      generations.push(...(generation === undefined ? generationsErasedIn(place.event) : [generation]));
    }
  }
  return generations.sort((a, b) => a.firstSeq - b.firstSeq);
}

/** Only damage is an answer; anything else is a failure to look. */
function corruption(error: unknown): HoldfastError {
  if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) return error;
  throw error;
}

const markers = ['"type":"session.recovered"', '"type":"payload.erased"'];
const recordsAtOnce = 256;
const pageCharacters = 512 * 1024;

/** True where a record stands, whatever it says. */
export async function isThere(records: Records, stream: string, seq: number): Promise<boolean> {
  const [value] = await valuesOf(records, stream, seq - 1, seq);
  return typeof value === 'string';
}
