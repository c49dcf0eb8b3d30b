// The blocks of a table, each with its checksum: LevelDB compares none of them when it compacts, and ends the process when a
// damaged one brings keys out of their order.
import { crc32c, masked } from './crc32c.ts';
import { ByteReader } from './manifest.ts';
import { uncompress } from './snappy.ts';

export const footerSize = 48;
/** Behind each block: how it is compressed, and the checksum of both. */
export const trailerSize = 5;
const magic = Buffer.from('57fb808b247547db', 'hex');

export const compressions = { none: 0, snappy: 1 } as const;

/** Where a block lies, without its trailer. */
export interface Place {
  readonly offset: number;
  readonly size: number;
}

export interface TableEntry {
  /** With the sequence number and the kind of the entry at its end, as LevelDB has it. */
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface Footer {
  readonly metaIndex: Place;
  readonly index: Place;
}

/** Undefined when it is none. Throws a RangeError when its numbers are. */
export function readFooter(footer: Buffer): Footer | undefined {
  if (!footer.subarray(footerSize - magic.length).equals(magic)) return undefined;
  const reader = new ByteReader(footer);
  return { metaIndex: readPlace(reader), index: readPlace(reader) };
}

export function readPlace(reader: ByteReader): Place {
  const offset = reader.varint();
  return { offset, size: reader.varint() };
}

/** True when the checksum at the end of `block`, which has its trailer, holds. */
export function isWhole(block: Buffer, size: number): boolean {
  return masked(crc32c(block, 0, size + 1)) === block.readUInt32LE(size + 1);
}

/** True when the block is there, and its checksum holds. */
export function isWholeAt(table: Buffer, { offset, size }: Place): boolean {
  const end = offset + size + trailerSize;
  return end <= table.length && isWhole(table.subarray(offset, end), size);
}

/** What a block holds, or undefined where it cannot be proven. */
export function blockAt(table: Buffer, place: Place): Buffer | undefined {
  if (!isWholeAt(table, place)) return undefined;
  const end = place.offset + place.size;
  const text = table.subarray(place.offset, end);
  return table[end] === compressions.snappy ? uncompress(text) : text;
}

/** Keys are stored without what they share with the one before. Throws a RangeError for what is no block of entries. */
export function entriesOf(block: Buffer): readonly TableEntry[] {
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 * (restarts + 1);
  if (end < 0) throw new RangeError('it is no block of entries');
  const reader = new ByteReader(block.subarray(0, end));
  const entries: TableEntry[] = [];
  for (let before = Buffer.alloc(0); !reader.isAtEnd; ) {
    const [shared, own, length] = [reader.varint(), reader.varint(), reader.varint()];
    const key = Buffer.concat([before.subarray(0, shared), reader.take(own)]);
    if (key.length !== shared + own) throw new RangeError('it is no block of entries');
    entries.push({ key, value: reader.take(length) });
    before = key;
  }
  return entries;
}

/** Where the blocks with the data lie, by the index; undefined where footer or index cannot be proven. */
export function placesByIndex(table: Buffer): readonly Place[] | undefined {
  try {
    const footer = readFooter(table.subarray(table.length - footerSize));
    const index = footer && blockAt(table, footer.index);
    return index && entriesOf(index).map(({ value }) => readPlace(new ByteReader(value)));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * Where blocks lie without an index: one behind the other from the first byte on, each as long as makes its checksum hold. Ends
 * at the first that has none, or at what is not data.
 */
export function placesByChecksum(table: Buffer): readonly Place[] {
  const places: Place[] = [];
  for (let offset = 0, size = sizeOf(table, 0); size !== undefined; size = sizeOf(table, offset)) {
    places.push({ offset, size });
    offset += size + trailerSize;
  }
  return places;
}

function sizeOf(table: Buffer, offset: number): number | undefined {
  const end = table.length - trailerSize;
  let crc: number | undefined;
  for (let size = 1; offset + size <= end; size++) {
    const at = offset + size;
    crc = crc32c(table, crc === undefined ? offset : at - 1, at, crc);
    const type = table[at] ?? 2;
    if (type > compressions.snappy) continue;
    if (masked(crc32c(table, at, at + 1, crc)) === table.readUInt32LE(at + 1)) return size;
  }
  return undefined;
}
