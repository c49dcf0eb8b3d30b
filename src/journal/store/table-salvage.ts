// What is left of a damaged table, as a log that LevelDB's repair makes a table of: LevelDB would copy a damaged block
// unseen, or end the process over it.
import {
  blockAt,
  entriesOf,
  isWholeAt,
  type Place,
  placesByChecksum,
  placesByIndex,
  type TableEntry,
} from './table-blocks.ts';

/** What stands behind a key: seven bytes of its sequence number, and what it is an entry of. */
const suffixSize = 8;
const filterName = 'filter.';

export interface TableReading {
  /** Of the blocks that hold, in their order. */
  readonly entries: readonly TableEntry[];
  /** Where blocks lie that do not hold; empty where the index does not, and nobody knows. */
  readonly damaged: readonly number[];
  readonly hasIndex: boolean;
}

export function readTable(table: Buffer): TableReading {
  const places = placesByIndex(table);
  const blocks = (places ?? placesByChecksum(table)).map((place) => ({
    place,
    entries: entriesAt(table, place),
  }));
  const end = places === undefined ? blocks.findIndex(({ entries }) => entries && !isData(entries)) : -1;
  const data = end < 0 ? blocks : blocks.slice(0, end);
  return {
    entries: data.flatMap(({ entries }) => entries ?? []),
    damaged:
      places === undefined
        ? []
        : data.filter(({ entries }) => entries === undefined).map(({ place }) => place.offset),
    hasIndex: places !== undefined,
  };
}

/** Where the first of its blocks lies that does not hold, or undefined. */
export function firstDamage(table: Buffer): number | undefined {
  return (placesByIndex(table) ?? []).find((place) => !isWholeAt(table, place))?.offset;
}

/** Each entry as a write of its own, with the sequence number that it had: what is newer stays newer. */
export function asWrites(entries: readonly TableEntry[]): readonly Buffer[] {
  return entries.map(({ key, value }) => {
    const name = key.subarray(0, -suffixSize);
    const [kind = 0, ...sequence] = key.subarray(-suffixSize);
    const header = Buffer.from([...sequence, 0, 1, 0, 0, 0, kind]);
    return Buffer.concat([header, sized(name), ...(kind === 0 ? [] : [sized(value)])]);
  });
}

function entriesAt(table: Buffer, place: Place): readonly TableEntry[] | undefined {
  try {
    const block = blockAt(table, place);
    return block && entriesOf(block);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Behind the data lie the filter, which is no block of entries, and a block that names it or has no entries. */
function isData([first]: readonly TableEntry[]): boolean {
  return first !== undefined && first.key.subarray(0, filterName.length).toString('latin1') !== filterName;
}

function sized(bytes: Buffer): Buffer {
  const length: number[] = [];
  let left = bytes.length;
  for (; left >= 128; left >>>= 7) length.push((left & 127) | 128);
  return Buffer.concat([Buffer.from([...length, left]), bytes]);
}
