// What a new generation of a session's chain goes on from: the last good record, by its hash.
import { HoldfastError } from '../../base/errors.ts';
import type { ChainAnchor } from '../../domain/recovery/recovery-vocabulary.ts';
import type { Head, Journal } from '../../journal/journal.ts';

type Source = Pick<Journal, 'readFrom' | 'snapshots'>;

/** By the record itself, and where that is damaged by a snapshot that was made of it; null where there is neither. */
export async function anchorAt(
  journal: Source,
  { stream, firstSeq }: Head,
  seq: number,
): Promise<ChainAnchor | null> {
  if (seq < firstSeq) return null;
  try {
    const { chain } = await journal.readFrom(stream, seq - 1, { limit: 1 });
    if (chain !== undefined) return { seq, chain };
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
  }
  for await (const snapshot of journal.snapshots(stream))
    if (snapshot.seq === seq) return { seq, chain: snapshot.chain };
  return null;
}
