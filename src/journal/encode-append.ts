// An append as writes: one per event, one head, one per receipt. What does not fit is refused here, by name.
import { HoldfastError } from '../base/errors.ts';
import type { Write } from './commit-loop.ts';
import { encodeHead } from './head/head.ts';
import type {
  AppendOptions,
  EventDraft,
  Head,
  JournalLimits,
  Receipt,
  StoredEvent,
  Version,
} from './journal.ts';
import { assertText, keys } from './keys.ts';
import { encodeRecord, genesis } from './record.ts';
import { seal } from './sealed.ts';

export interface EncodedAppend {
  readonly head: Head;
  readonly writes: readonly Write[];
  readonly bytes: number;
}

const noReceipts: readonly Receipt[] = [];

export function encodeAppend(
  stream: string,
  tail: Head | undefined,
  events: readonly EventDraft[],
  { head: draft, receipts = noReceipts, summaryText = JSON.stringify }: AppendOptions,
  epoch: number,
  limits: JournalLimits,
): EncodedAppend {
  const writes: Write[] = [];
  let seq = tail?.seq ?? 0;
  let chain = tail?.chain ?? genesis;
  for (const event of events) {
    seq += 1;
    assertFollows(event.event, stream, seq);
    const { value, hash } = encodeRecord(event, chain);
    writes.push({ key: keys.event(stream, seq), value });
    chain = hash;
  }
  for (const receipt of receipts) writes.push(encodeReceipt(stream, receipt));
  const head: Head = {
    stream,
    version: String(seq) as Version,
    seq,
    firstSeq: tail?.firstSeq ?? 1,
    chain,
    epoch,
    status: draft.status,
    updatedAt: events.at(-1)?.event.at ?? tail?.updatedAt ?? 0,
    dueAt: draft.dueAt,
    operations: (tail?.operations ?? 0) + receipts.length,
    summary: draft.summary,
  };
  writes.push(encodeHead(head, summaryText(head.summary)));
  return { head, writes, bytes: measure(stream, writes, limits) };
}

/** A record that cannot be read back as what it is must never become durable. */
export function assertFollows(event: StoredEvent, stream: string, seq: number): void {
  if (event.stream !== stream || event.seq !== seq)
    throw new RangeError(`${stream}: event ${event.seq} of ${event.stream} cannot follow ${seq - 1}`);
  if (!Number.isSafeInteger(event.at) || !Number.isSafeInteger(event.typeVersion))
    throw new RangeError(`${stream}: event ${seq} needs whole numbers in at and typeVersion`);
}

function encodeReceipt(stream: string, receipt: Receipt): Write {
  assertText(receipt.key);
  const key = keys.receipt(stream, receipt.key);
  return { key, value: seal(key, JSON.stringify(receipt.value)) };
}

/** The size of a batch; one that is over a limit is refused. Bytes are counted only when characters do not show that they fit. */
export function measure(stream: string, writes: readonly Write[], limits: JournalLimits): number {
  let total = 0;
  for (const { key, value = '' } of writes) {
    const keySize = sizeOf(key, limits.keyBytes);
    if (keySize > limits.keyBytes) throw tooLarge('KEY_TOO_LARGE', stream, keySize, limits.keyBytes);
    const size = sizeOf(value, limits.valueBytes);
    if (size > limits.valueBytes) throw tooLarge('VALUE_TOO_LARGE', stream, size, limits.valueBytes);
    total += keySize + size;
  }
  if (total > limits.batchBytes / 3) total = bytesOf(writes);
  if (total > limits.batchBytes) throw tooLarge('BATCH_TOO_LARGE', stream, total, limits.batchBytes);
  return total;
}

/** A character has at most three bytes in UTF-8. */
function sizeOf(text: string, limit: number): number {
  return text.length > limit / 3 ? Buffer.byteLength(text) : text.length;
}

function bytesOf(writes: readonly Write[]): number {
  return writes.reduce(
    (sum, { key, value = '' }) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
}

function tooLarge(
  code: 'KEY_TOO_LARGE' | 'VALUE_TOO_LARGE' | 'BATCH_TOO_LARGE',
  stream: string,
  size: number,
  limit: number,
): HoldfastError {
  return new HoldfastError(code, { stream, size, limit });
}
