// What the journal says when it refuses, when the disk fails, and when the disk lies.
import { HoldfastError, toError } from '../base/errors.ts';
import { isOutage } from './outage.ts';

/** `seq` is the record's, or the name of what else was damaged: the head, a receipt, a value. */
export function corrupt(stream: string, seq: number | string, problem: string, cause?: Error): HoldfastError {
  return new HoldfastError('JOURNAL_CORRUPT', { stream, seq, problem }, { cause });
}

/** A journal that is closed, or will not be written for a while, is said so; any other cause means that nothing was written this time. */
export function notCommitted(command: string, stream: string, cause: Error): HoldfastError {
  if (HoldfastError.is(cause, 'JOURNAL_CLOSED') || isOutage(cause)) return cause;
  return new HoldfastError('NOT_COMMITTED', { command, stream, problem: cause.message }, { cause });
}

export function outcomeUnknown(command: string, stream: string, cause: Error): HoldfastError {
  return new HoldfastError('OUTCOME_UNKNOWN', { command, stream }, { cause });
}

/** What LevelDB throws while it reads, in the house's words; anything else is returned as it is. */
export function readFault(thrown: unknown, stream: string, seq: number | string): Error {
  const error = toError(thrown);
  if (!('code' in error) || !String(error.code).startsWith('LEVEL_')) return error;
  if (error.code === 'LEVEL_CORRUPTION') return corrupt(stream, seq, error.message, error);
  return new HoldfastError('JOURNAL_UNAVAILABLE', { problem: error.message }, { cause: error });
}
