// A repeated call to a session that takes no writes any more: what was answered once is answered again from the record.
import { HoldfastError } from '../base/errors.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import type { Answer, CommandMeta } from '../entity/command-meta.ts';
import { answerFromRecord, receiptKey, receiptWindow } from '../entity/receipts.ts';
import type { Journal } from '../journal/journal.ts';

/** The answer to the same call, where the session is quarantined and had answered it; else throws `refusal`. */
export async function answeredBefore(
  journal: Journal,
  now: number,
  sessionId: string,
  meta: CommandMeta | undefined,
  refusal: unknown,
): Promise<Answer> {
  const key = meta && receiptKey(meta);
  if (key === undefined || !HoldfastError.is(refusal, 'SESSION_QUARANTINED')) throw refusal;
  const stream = sessionStream(sessionId);
  const stored = await journal.receipt(stream, key);
  const operations = (await journal.head(stream))?.operations ?? 0;
  const answer = stored && answerFromRecord(stored, meta ?? {}, now, operations, receiptWindow);
  if (answer === undefined || answer === null) throw refusal;
  return answer as Answer;
}
