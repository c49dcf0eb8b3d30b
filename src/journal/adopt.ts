// Records that were written elsewhere, as they are: same bytes, same hashes, so that the chain goes on from where it is.
import type { Write } from './commit-loop.ts';
import { encodeHead } from './head/head.ts';
import type { Head, HeadDraft, StoredEvent, Version } from './journal.ts';
import { corrupt } from './journal-errors.ts';
import { keys } from './keys.ts';
import { decodeRecord, genesis } from './record.ts';

export interface Adopted {
  readonly head: Head;
  readonly writes: readonly Write[];
  readonly events: readonly StoredEvent[];
}

/** A record that was written elsewhere. */
export interface AdoptedRecord {
  readonly seq: number;
  readonly value: string;
  /** False behind what was given up where it was written: nothing, or another record, stands before it. */
  readonly follows: boolean;
}

/** The stream after the records, which follow `tail`, or begin it at `firstSeq`. Throws `JOURNAL_CORRUPT` for any that do not. */
export function adoptRecords(
  stream: string,
  tail: Head | undefined,
  records: readonly AdoptedRecord[],
  draft: HeadDraft & { readonly firstSeq: number },
  epoch: number,
): Adopted {
  let seq = tail?.seq ?? draft.firstSeq - 1;
  let chain = tail?.chain ?? (draft.firstSeq === 1 ? genesis : undefined);
  const writes: Write[] = [];
  const events: StoredEvent[] = [];
  for (const { seq: place, value, follows } of records) {
    if (place <= seq || (follows && place !== seq + 1)) throw corrupt(stream, place, 'it has no place there');
    seq = place;
    const { event, prev, hash } = decodeRecord(value, stream, seq);
    if (follows && chain !== undefined && prev !== chain)
      throw corrupt(stream, seq, 'it does not follow the record before it');
    writes.push({ key: keys.event(stream, seq), value });
    events.push(Object.freeze({ ...event, imported: true }));
    chain = hash;
  }
  const { status, dueAt, summary } = draft;
  const head: Head = {
    ...{ stream, version: String(seq) as Version, seq, chain: chain ?? genesis, epoch },
    ...{ status, dueAt, summary, operations: tail?.operations ?? 0 },
    firstSeq: tail?.firstSeq ?? draft.firstSeq,
    updatedAt: events.at(-1)?.at ?? tail?.updatedAt ?? 0,
  };
  return { head, writes: [...writes, encodeHead(head)], events };
}
