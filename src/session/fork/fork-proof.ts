// The proof that a fork follows the record that it says: its own first record names that record's hash, and the ancestor still has it.
import { HoldfastError } from '../../base/errors.ts';
import type { Ancestor } from '../../domain/fork/branching.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Head, Journal } from '../../journal/journal.ts';
import type { AncestorStanding, ForkAnchor } from '../../operations/views/fork-views.ts';
import type { IntegrityProblem } from '../../operations/views/integrity-views.ts';

type Reader = Pick<Journal, 'head' | 'readFrom'>;

/** Whether the record that a fork follows is still what it was. */
export async function standingOf(
  journal: Reader,
  { sessionId, through, chain }: Ancestor,
): Promise<AncestorStanding> {
  const stream = sessionStream(sessionId);
  const head = await journal.head(stream);
  if (head === undefined || head.firstSeq > through) return 'gone';
  if (head.seq < through) return 'differs';
  try {
    return (await journal.readFrom(stream, through - 1, { limit: 1 })).chain === chain ? 'held' : 'differs';
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    return 'differs';
  }
}

/** That an ancestor was deleted is no damage: what the fork is does not depend on it. */
export async function proveAnchor(
  journal: Reader,
  { stream, firstSeq }: Head,
  lineage: readonly Ancestor[],
): Promise<{ readonly anchor?: ForkAnchor; readonly problem?: IntegrityProblem }> {
  const from = lineage.at(-1);
  if (from === undefined) return {};
  const { sessionId, through: seq, chain } = from;
  const standing = await standingOf(journal, from);
  const anchor = { sessionId, seq, chain, standing };
  const wrong = (problem: string) => ({
    anchor,
    problem: { code: 'JOURNAL_CORRUPT' as const, seq: firstSeq, problem },
  });
  if (standing === 'differs')
    return wrong(`${sessionId} has another record at ${seq} than it was forked from`);
  if (firstSeq !== seq + 1 || (await follows(journal, stream, seq, chain))) return { anchor };
  return wrong(`the first record does not follow the one at ${seq} of ${sessionId}`);
}

async function follows(journal: Reader, stream: string, after: number, chain: string): Promise<boolean> {
  try {
    await journal.readFrom(stream, after, { limit: 1, chain });
    return true;
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    return false;
  }
}
