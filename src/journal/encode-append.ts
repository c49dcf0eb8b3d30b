// An append as writes: one per event, one head, one per receipt. What does not fit is refused here, by name.
import { HoldfastError } from '../base/errors.ts';
import type { Write } from './commit-loop.ts';
import type { AppendOptions, EventDraft, Head, JournalLimits, Version } from './journal.ts';
import { keys } from './keys.ts';
import { encodeRecord, genesis } from './record.ts';

export interface EncodedAppend {
  readonly head: Head;
  readonly writes: readonly Write[];
  readonly bytes: number;
}

export function encodeAppend(
  stream: string,
  tail: Head | undefined,
  events: readonly EventDraft[],
  { head: draft, epoch = 0, receipts = [] }: AppendOptions,
  limits: JournalLimits,
): EncodedAppend {
  const writes: Write[] = [];
  let seq = tail?.seq ?? 0;
  let chain = tail?.chain ?? genesis;
  let updatedAt = tail?.updatedAt ?? 0;
  for (const event of events) {
    seq += 1;
    if (event.event.seq !== seq)
      throw new RangeError(`${stream}: event ${event.event.seq} cannot follow ${seq - 1}`);
    const { value, hash } = encodeRecord(event, chain);
    writes.push({ key: keys.event(stream, seq), value });
    chain = hash;
    updatedAt = event.event.at;
  }
  for (const { key, value } of receipts) {
    writes.push({ key: keys.receipt(stream, key), value: JSON.stringify(value) });
  }
  const head: Head = {
    stream,
    version: String(seq) as Version,
    seq,
    firstSeq: tail?.firstSeq ?? 1,
    chain,
    epoch,
    status: draft.status,
    updatedAt,
    dueAt: draft.dueAt,
    operations: (tail?.operations ?? 0) + receipts.length,
    summary: draft.summary,
  };
  writes.push(encodeHead(head));
  return { head, writes, bytes: measure(stream, writes, limits) };
}

export function encodeHead(head: Head): Write {
  return { key: keys.head(head.stream), value: JSON.stringify(head) };
}

/** What stays of a removed stream: its id is taken for ever, and its seq goes on should it be restored. */
export function tombstoneOf(head: Head): Head {
  return { ...head, firstSeq: head.seq + 1, status: 'deleted', dueAt: null, operations: 0, summary: null };
}

/** The bytes of an append, estimated from above by its characters unless that would refuse it. */
function measure(stream: string, writes: readonly Write[], limits: JournalLimits): number {
  let total = 0;
  for (const { key, value = '' } of writes) {
    const keySize = key.length > limits.keyBytes / 3 ? Buffer.byteLength(key) : key.length;
    if (keySize > limits.keyBytes) throw tooLarge('KEY_TOO_LARGE', stream, keySize, limits.keyBytes);
    const size = value.length > limits.valueBytes / 3 ? Buffer.byteLength(value) : value.length;
    if (size > limits.valueBytes) throw tooLarge('VALUE_TOO_LARGE', stream, size, limits.valueBytes);
    total += keySize + size;
  }
  if (total > limits.batchBytes) throw tooLarge('BATCH_TOO_LARGE', stream, total, limits.batchBytes);
  return total;
}

function tooLarge(
  code: 'KEY_TOO_LARGE' | 'VALUE_TOO_LARGE' | 'BATCH_TOO_LARGE',
  stream: string,
  size: number,
  limit: number,
): HoldfastError {
  return new HoldfastError(code, { stream, size, limit });
}
