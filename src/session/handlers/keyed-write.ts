// Writes that belong to no session's stream, such as saved copies: their answers are kept beside them, under the caller's key.
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { Journal, KeyValue } from '../../journal/journal.ts';
import type { Call } from '../../operations/bind.ts';

export interface PreparedWrite<Answer> {
  readonly answer: Answer;
  readonly writes: Parameters<KeyValue['batch']>[0];
}

interface KeptAnswer {
  readonly digest: string;
  readonly answer: { readonly [key: string]: Json };
}

/** Prepares and writes once per key: a repeat is answered from the record of the first, another request is refused. */
export async function writeOnce<Answer extends object>(
  { kv }: Journal,
  sessionId: string,
  { operationId, digest = '', signal }: Call,
  prepare: () => Promise<PreparedWrite<Answer>>,
): Promise<Answer & { readonly repeated?: boolean }> {
  const key = operationId === undefined ? undefined : `answers/${sessionId}/${operationId}`;
  const kept = key === undefined ? undefined : ((await kv.get(key)) as unknown as KeptAnswer | undefined);
  if (kept !== undefined && kept.digest !== digest)
    throw new HoldfastError('IDEMPOTENCY_KEY_REUSED', { key: operationId });
  if (kept !== undefined) return { ...(kept.answer as unknown as Answer), repeated: true };
  const { answer, writes } = await prepare();
  // No law decides on it: of an incarnation that was revoked meanwhile nothing may be written here either.
  signal?.throwIfAborted();
  const record = key === undefined ? [] : [{ key, value: { digest, answer } as unknown as Json }];
  await kv.batch([...writes, ...record]);
  return answer;
}
