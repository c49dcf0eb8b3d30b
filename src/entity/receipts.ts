// Answers that were given before: a repeated command is answered from its record and decides nothing.
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Receipt } from '../journal/journal.ts';
import type { Answer, CommandMeta, CommandSource, OperationRecord, SourceRecord } from './command-meta.ts';

/** Answers are kept at least so long and for at least so many later operations of the stream. */
export interface ReceiptWindow {
  readonly ageMs: number;
  readonly operations: number;
}

export const receiptWindow: ReceiptWindow = { ageMs: 24 * 60 * 60 * 1000, operations: 1_000 };

const operationKey = (operationId: string, keyOf: string | undefined): string =>
  keyOf === undefined ? `op:${operationId}` : `op of ${keyOf}:${operationId}`;
const sourceKey = ({ manager, stream }: CommandSource): string => `from:${manager}:${stream}`;

/** The key under which a command that is still on its way is found; undefined when nothing identifies it. */
export function flightKey({ operationId, keyOf, source }: CommandMeta): string | undefined {
  if (operationId !== undefined) return operationKey(operationId, keyOf);
  return source === undefined ? undefined : `${sourceKey(source)}:${source.seq}:${source.index}`;
}

/** The key under which the answer to a command is kept, if it is one that can be repeated. */
export function receiptKey({ operationId, keyOf, source }: CommandMeta): string | undefined {
  if (operationId !== undefined) return operationKey(operationId, keyOf);
  return source === undefined ? undefined : sourceKey(source);
}

/**
 * The answer that a record holds for a command, or undefined when the record is of an earlier one. Throws
 * `IDEMPOTENCY_KEY_REUSED` for another request under the same key, and `IDEMPOTENCY_KEY_EXPIRED` for one that left
 * the window: it is never run again.
 */
export function answerFromRecord(
  stored: Json,
  meta: CommandMeta,
  now: number,
  operations: number,
  window: ReceiptWindow,
): Answer | undefined {
  if (meta.source === undefined) return answerFrom(stored, meta, now, operations, window);
  const record = stored as unknown as SourceRecord;
  if (isAfter(meta.source, record)) return undefined;
  return { seq: record.answeredAt, durability: 'fsync', repeated: true };
}

function answerFrom(
  stored: Json,
  { operationId, digest }: CommandMeta,
  now: number,
  operations: number,
  window: ReceiptWindow,
): Answer {
  const record = stored as unknown as OperationRecord;
  assertSameRequest(operationId ?? '', record.digest, digest);
  const isOld = now - record.at > window.ageMs && operations - record.ordinal >= window.operations;
  if (isOld) throw new HoldfastError('IDEMPOTENCY_KEY_EXPIRED', { key: operationId });
  return { durability: 'fsync', ...record.reply, seq: record.seq, repeated: true };
}

export function assertSameRequest(
  key: string,
  recorded: string | undefined,
  digest: string | undefined,
): void {
  if (digest !== recorded) throw new HoldfastError('IDEMPOTENCY_KEY_REUSED', { key });
}

export const noReceipts: readonly Receipt[] = [];

const noReply: OperationRecord['reply'] = Object.freeze({});

/** What is written beside the events of a command that can be repeated. That an answer was durable goes without saying. */
export function receiptsFor(
  meta: CommandMeta,
  { seq, durability }: Answer,
  said: Readonly<Record<string, unknown>> | undefined,
  at: number,
  ordinal: number,
): readonly Receipt[] {
  if (meta.operationId !== undefined) {
    const reply = (durability === 'fsync' ? (said ?? noReply) : { ...said, durability }) as typeof noReply;
    const record = { digest: meta.digest ?? '', seq, at, ordinal, reply };
    return [{ key: operationKey(meta.operationId, meta.keyOf), value: record }];
  }
  if (meta.source === undefined) return noReceipts;
  const record = { seq: meta.source.seq, index: meta.source.index, answeredAt: seq };
  return [{ key: sourceKey(meta.source), value: record }];
}

function isAfter(source: CommandSource, record: SourceRecord): boolean {
  return source.seq > record.seq || (source.seq === record.seq && source.index > record.index);
}
