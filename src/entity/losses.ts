// What a caller hears of a command that came to nothing, or of which nobody knows.
import { HoldfastError } from '../base/errors.ts';
import { isOutage } from '../journal/outage.ts';

/** `OUTCOME_UNKNOWN` for what was with the disk when it failed, else `NOT_COMMITTED`. */
export function lost(
  code: 'OUTCOME_UNKNOWN' | 'NOT_COMMITTED',
  command: string,
  stream: string,
  cause: Error,
): HoldfastError {
  if (HoldfastError.is(cause) && sizeRefusals.has(cause.code)) return cause;
  if (code === 'NOT_COMMITTED' && isOutage(cause)) return cause;
  return new HoldfastError(code, { command, stream, problem: cause.message }, { cause });
}

/** Refused by the journal before it stored anything: the caller hears which limit it was. */
const sizeRefusals: ReadonlySet<string> = new Set(['VALUE_TOO_LARGE', 'BATCH_TOO_LARGE', 'KEY_TOO_LARGE']);

/** A mailbox is full; what waits in it has left after about two appends. */
export function overloaded(stream: string, size: number, appendMs: number): HoldfastError {
  return new HoldfastError('OVERLOADED', { stream, size, retryAfterMs: 2 * appendMs });
}
