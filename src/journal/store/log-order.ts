// In which order the records of a log stand. Each is a batch of writes with the sequence number of its first one; LevelDB ends the
// process where one that it has taken already comes a second time, at every start.

/** Sequence number of the first write, 8 bytes, and how many writes there are, 4 bytes. */
const headerSize = 12;

interface Batch {
  readonly record: Buffer;
  readonly first: bigint;
  /** Behind the last of its writes. */
  readonly end: bigint;
}

/** Which of the records is the first that does not stand behind all those before it, or undefined. */
export function firstOutOfOrder(records: readonly Buffer[]): number | undefined {
  let end = 0n;
  for (const [index, record] of records.entries()) {
    const batch = batchOf(record);
    if (batch === undefined) continue;
    if (batch.first < end) return index;
    end = batch.end;
  }
  return undefined;
}

/** Each write once and in its order: of records that say they are the same writes, the first. */
export function inOrder(records: readonly Buffer[]): readonly Buffer[] {
  if (firstOutOfOrder(records) === undefined) return records;
  const batches = records.map(batchOf).filter((batch) => batch !== undefined);
  batches.sort((a, b) => Number(a.first - b.first));
  const kept: Buffer[] = [];
  let end = 0n;
  for (const batch of batches) {
    if (batch.first < end) continue;
    kept.push(batch.record);
    end = batch.end;
  }
  return kept;
}

function batchOf(record: Buffer): Batch | undefined {
  if (record.length < headerSize) return undefined;
  const first = record.readBigUInt64LE(0);
  return { record, first, end: first + BigInt(record.readUInt32LE(8)) };
}
