// A stretch of the store, read and checked: what looks damaged is asked again, since it may have been written, trimmed or
// removed while it was being read.
import { HoldfastError } from '../../base/errors.ts';
import { decodeHead } from '../head/head.ts';
import type { Head } from '../journal.ts';
import { keys } from '../keys.ts';
import type { Store } from '../level-store.ts';
import { decodeRecord } from '../record.ts';
import { type Damage, look, type Suspicion, type Walk } from './scrub-check.ts';

/** What is read between two pauses. */
export const sliceBytes = 256 * 1024;

export interface Slice {
  readonly walk: Walk;
  readonly streams: number;
  readonly records: number;
  readonly bytes: number;
  readonly damage: readonly (Damage & Pick<Suspicion, 'kind' | 'key'>)[];
  readonly end: boolean;
}

/** From behind the walk on, until about {@link sliceBytes} were read. A large value is a slice of its own. */
export async function scrubSlice(db: Store, from: Walk): Promise<Slice> {
  let walk = from;
  let [streams, records, bytes] = [0, 0, 0];
  const suspicions: Suspicion[] = [];
  const heads: Head[] = [];
  const range = { gt: from.key, highWaterMarkBytes: sliceBytes } as { gt: string };
  for await (const [key, value] of db.iterator(range)) {
    const looked = look(walk, key, value);
    walk = looked.walk;
    suspicions.push(...looked.found);
    if (looked.head !== undefined) heads.push(looked.head);
    if (looked.isNewStream) streams += 1;
    if (key.startsWith('e!')) records += 1;
    bytes += key.length + value.length;
    if (bytes >= sliceBytes) break;
  }
  for (const head of heads) suspicions.push(...(await endsOf(db, head)));
  const damage: Suspicion[] = [];
  for (const suspicion of suspicions) if (await isDamage(db, suspicion)) damage.push(suspicion);
  return { walk, streams, records, bytes, damage, end: bytes < sliceBytes };
}

/** A head must name the newest record, and know of all that are there. */
async function endsOf(db: Store, head: Head): Promise<Suspicion[]> {
  const { stream, seq, firstSeq, chain } = head;
  if (firstSeq > seq) return [];
  const at = (each: number): string => keys.event(stream, each);
  const [first, last, next] = await db.getMany([at(firstSeq), at(seq), at(seq + 1)]);
  const suspect = (of: number, problem: string): Suspicion => ({
    ...{ kind: 'record', key: at(of), stream, seq: of, problem },
  });
  return [
    ...(first === undefined && firstSeq < seq ? [suspect(firstSeq, 'it is missing')] : []),
    ...(last === undefined ? [suspect(seq, 'it is missing')] : []),
    ...(last !== undefined && !last.startsWith(`${chain}\n`)
      ? [suspect(seq, 'it is not the record that the head names')]
      : []),
    ...(next === undefined ? [] : [suspect(seq + 1, 'the head does not know of it')]),
  ];
}

async function isDamage(db: Store, suspicion: Suspicion): Promise<boolean> {
  const { kind, key, stream, seq } = suspicion;
  if (kind === 'record') return isRecordDamaged(db, stream, Number(seq));
  if (kind === 'feed')
    return (await db.get(keys.feed(Number(seq)))) === undefined || !(await holds(db, keys.feed(Number(seq))));
  return !(await holds(db, key));
}

/** What is not there any more was forgotten meanwhile. */
async function holds(db: Store, key: string): Promise<boolean> {
  const value = await db.get(key);
  return value === undefined || look({ key: '', record: null, feed: null }, key, value).found.length === 0;
}

/** Asked of head and records as they are now. */
async function isRecordDamaged(db: Store, stream: string, seq: number): Promise<boolean> {
  const stored = await db.get(keys.head(stream));
  if (stored === undefined) return true;
  try {
    const head = decodeHead(stream, stored);
    if (seq < head.firstSeq) return false;
    const at = (each: number): string => keys.event(stream, each);
    const [before, value] = await db.getMany([at(seq - 1), at(seq)]);
    if (value === undefined || seq > head.seq) return true;
    const record = decodeRecord(value, stream, seq);
    if (seq === head.seq && record.hash !== head.chain) return true;
    return seq > head.firstSeq && before?.startsWith(`${record.prev}\n`) !== true;
  } catch (error) {
    return !HoldfastError.is(error, 'VERSION_TOO_NEW');
  }
}
