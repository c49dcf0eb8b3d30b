// The row of one session from its stream: from the head where that says enough, else from the newest snapshot and the
// events behind it. As much is read as lies behind the snapshot, a page at a time.
import { HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { sessionLaw } from '../domain/session/session-law.ts';
import type { Head, Journal, Snapshot, StoredEvent } from '../journal/journal.ts';
import { foldRow, isCurrentHead, newRow, rowFromHead, type SessionRow, sessionOf } from './session-row.ts';

export type RowSource = Pick<Journal, 'head' | 'readFrom' | 'snapshots'>;

/**
 * The row as it is on the disk, or undefined for a stream that does not exist.
 *
 * @throws HoldfastError `JOURNAL_CORRUPT`, or `HISTORY_TRIMMED` when no snapshot reaches as far back as the events.
 */
export async function readRow(journal: RowSource, stream: string): Promise<SessionRow | undefined> {
  const head = await journal.head(stream);
  if (head === undefined || isCurrentHead(head)) return head && rowFromHead(head);
  let row = (await rowFromSnapshot(journal, stream)) ?? beginning(head);
  for (let end = false; !end; ) {
    const page = await journal.readFrom(stream, row.seq);
    if (row.seq === 0 || row.status === 'deleted') assertFirst(head, page.events[0]);
    row = page.events.reduce(foldRow, row);
    end = page.end || page.events.length === 0;
  }
  return row;
}

/** What a removed session was is gone; when it was restored, that event says all that it is now. */
function beginning({ stream, firstSeq, updatedAt }: Head): SessionRow {
  const row = newRow(sessionOf(stream) ?? stream, updatedAt);
  return firstSeq === 1 ? row : { ...row, seq: firstSeq - 1, status: 'deleted' };
}

/** Events that are not the first tell only a part. */
function assertFirst({ stream, firstSeq }: Head, first: StoredEvent | undefined): void {
  if (firstSeq > 1 && first?.type !== 'session.restored' && first?.type !== 'session.forked')
    throw new HoldfastError('HISTORY_TRIMMED', { stream, firstSeq });
}

async function rowFromSnapshot(journal: RowSource, stream: string): Promise<SessionRow | undefined> {
  for await (const snapshot of journal.snapshots(stream)) {
    if (isUsable(snapshot)) return rowFromState(stream, snapshot);
  }
  return undefined;
}

/** A snapshot of another law is not read here: its session says what is to become of it. */
const isUsable = ({ lawVersion, state, stateHash }: Snapshot): boolean =>
  lawVersion === sessionLaw.version && sha256(state) === stateHash;

function rowFromState(stream: string, { seq, state }: Snapshot): SessionRow {
  const decoded = sessionLaw.decode(state);
  const { updatedAt } = decoded.lifecycle.context;
  return rowFromHead({ stream, seq, updatedAt, ...sessionLaw.summarize(decoded) });
}
