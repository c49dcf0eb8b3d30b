// The head of a stream as bytes: a few facts under a checksum, since a flipped one would lose history without a sound.
import type { Json } from '../../base/json.ts';
import type { Write } from '../commit-loop.ts';
import type { Head, Version } from '../journal.ts';
import { corrupt } from '../journal-errors.ts';
import { keys } from '../keys.ts';
import { seal, unseal } from '../sealed.ts';

/** A list without names: it is written with every append, and read by nobody else. New members go to its end. */
type StoredHead = readonly [
  version: Version,
  seq: number,
  firstSeq: number,
  chain: string,
  epoch: number,
  status: string,
  updatedAt: number,
  dueAt: number | null,
  operations: number,
  summary: Json,
];

/** `summaryText` is the summary as JSON. */
export function encodeHead(head: Head, summaryText: string = JSON.stringify(head.summary)): Write {
  const { version, seq, firstSeq, chain, epoch, status, updatedAt, dueAt, operations } = head;
  // Put together by hand: only what somebody else named may need escaping.
  const text =
    `["${version}",${seq},${firstSeq},"${chain}",${epoch},${JSON.stringify(status)},` +
    `${updatedAt},${dueAt},${operations},${summaryText}]`;
  const key = keys.head(head.stream);
  return { key, value: seal(key, text) };
}

export function headFrom(stream: string, text: string): Head {
  const stored = JSON.parse(text) as StoredHead;
  const [version, seq, firstSeq, chain, epoch, status, updatedAt, dueAt, operations, summary] = stored;
  return { stream, version, seq, firstSeq, chain, epoch, status, updatedAt, dueAt, operations, summary };
}

export function decodeHead(stream: string, stored: string): Head {
  const text = unseal(keys.head(stream), stored);
  if (text === undefined) throw corrupt(stream, 'head', 'it does not match its checksum');
  return headFrom(stream, text);
}

/**
 * What stays of a removed stream: its id is taken for ever, and its seq goes on should it be restored.
 * Its version is a new one, so that an append which was decided before the removal is a conflict after it.
 */
export function tombstoneOf(head: Head): Head {
  const version = `${head.seq}-removed` as Version;
  return {
    ...head,
    version,
    firstSeq: head.seq + 1,
    status: 'deleted',
    dueAt: null,
    operations: 0,
    summary: null,
  };
}
