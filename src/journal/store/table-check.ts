// The skeleton of a table: footer, index and filter. LevelDB believes all three: a flipped filter makes keys seem never to
// have been there, a flipped index makes every write fail once the table is compacted.
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { ByteReader } from './manifest.ts';
import {
  compressions,
  footerSize,
  isWhole,
  type Place,
  readFooter,
  readPlace,
  trailerSize,
} from './table-blocks.ts';
import { firstDamage } from './table-salvage.ts';

export interface TableFault {
  readonly problem: string;
  /** True when only what finds keys faster is damaged: all of its data can be read without. */
  readonly inFilter: boolean;
}

/** What is wrong with the table of so many bytes, or undefined. `isThorough`: all of its data is looked at, too. */
export async function checkTable(
  path: string,
  size: number,
  isThorough = false,
): Promise<TableFault | undefined> {
  try {
    const fault = await checkFile(path, size);
    if (fault !== undefined || !isThorough) return fault;
    const at = firstDamage(await readFile(path));
    return at === undefined ? undefined : fatal(`the block at byte ${at} does not match its checksum`);
  } catch (error) {
    // A sector that the disk cannot read is damage to this table, and to nothing else.
    if ((error as NodeJS.ErrnoException).code === 'EIO') return fatal('the disk cannot read all of it');
    throw error;
  }
}

async function checkFile(path: string, size: number): Promise<TableFault | undefined> {
  const file = await open(path, 'r');
  try {
    return await checkSkeleton(file, size);
  } catch (error) {
    if (error instanceof RangeError) return fatal('its footer is damaged');
    throw error;
  } finally {
    await file.close();
  }
}

const fatal = (problem: string): TableFault => ({ problem, inFilter: false });

async function checkSkeleton(file: FileHandle, size: number): Promise<TableFault | undefined> {
  if (size < footerSize) return fatal('it is too short for a table');
  const footer = readFooter(await readBytes(file, size - footerSize, footerSize));
  if (footer === undefined) return fatal('its footer is damaged');
  if ((await readBlock(file, footer.index, size)) === undefined) return fatal('its index is damaged');
  const meta = await readBlock(file, footer.metaIndex, size);
  if (meta === undefined) return { problem: 'the place of its filter is damaged', inFilter: true };
  const filter = filterIn(meta);
  if (filter !== undefined && (await readBlock(file, filter, size)) === undefined)
    return { problem: 'its filter is damaged', inFilter: true };
  return undefined;
}

/** The block with its type behind it, or undefined when its checksum does not hold. */
async function readBlock(
  file: FileHandle,
  { offset, size }: Place,
  end: number,
): Promise<Buffer | undefined> {
  if (offset + size + trailerSize > end) return undefined;
  const block = await readBytes(file, offset, size + trailerSize);
  return isWhole(block, size) ? block.subarray(0, size + 1) : undefined;
}

/** The one entry that a meta index has; one that is compressed is believed. */
function filterIn(meta: Buffer): Place | undefined {
  // A block ends in the places of its restarts and their number, here one, and its type.
  if (meta.at(-1) !== compressions.none || meta.length <= 9) return undefined;
  const entry = new ByteReader(meta);
  entry.varint();
  const keyLength = entry.varint();
  entry.varint();
  entry.skip(keyLength);
  return readPlace(entry);
}

async function readBytes(file: FileHandle, offset: number, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await file.read(bytes, 0, size, offset);
  if (bytesRead < size) throw new RangeError('it ends too early');
  return bytes;
}
