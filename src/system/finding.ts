// What an error says of the stream that was being read. A journal that cannot be read at all is no finding: it ends the job.
import { type ErrorCode, HoldfastError, toError } from '../base/errors.ts';

export interface Finding {
  /** `UNKNOWN` for an error of the law itself. */
  readonly code: ErrorCode | 'UNKNOWN';
  readonly seq: number | null;
  readonly problem: string;
}

export function findingOf(thrown: unknown): Finding {
  const error = toError(thrown);
  if (!HoldfastError.is(error)) return { code: 'UNKNOWN', seq: null, problem: error.message };
  const { code, retryable, details, message: problem } = error;
  if (retryable || code === 'JOURNAL_CLOSED' || code === 'JOURNAL_GONE') throw error;
  return { code, seq: typeof details.seq === 'number' ? details.seq : null, problem };
}

export function damagedHead(stream: string): HoldfastError {
  const problem = 'it does not match its checksum';
  return new HoldfastError('JOURNAL_CORRUPT', { stream, seq: 'head', problem });
}
