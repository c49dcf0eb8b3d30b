// How LevelDB frames records in its logs and manifests: blocks of 32 KiB, each part of a record with a checksum. LevelDB itself
// passes over what does not hold, and says so in its LOG alone; here it is said.
import { crc32c, masked } from './crc32c.ts';

const blockSize = 32_768;
const headerSize = 7;

/** What part of a record a frame holds. */
const kinds = { full: 1, first: 2, middle: 3, last: 4 } as const;

export interface Framing {
  /** The records that are whole, in order. */
  readonly records: readonly Buffer[];
  /** Where the file is damaged: something that holds follows. */
  readonly damage: readonly number[];
  /** Where the file ends within a record, or in bytes that do not hold, as a write that was cut off leaves it. */
  readonly torn: number | undefined;
}

export function readFraming(file: Buffer): Framing {
  const reader = new FrameReader(file);
  return reader.read();
}

class FrameReader {
  readonly #file: Buffer;
  readonly #records: Buffer[] = [];
  readonly #damage: number[] = [];
  /** Faults behind which nothing that holds was met yet. */
  #faults: number[] = [];
  #parts: Buffer[] | undefined;
  #partsAt = 0;

  constructor(file: Buffer) {
    this.#file = file;
  }

  read(): Framing {
    for (let block = 0; block < this.#file.length; block += blockSize)
      this.#readBlock(block, Math.min(block + blockSize, this.#file.length));
    if (this.#parts !== undefined) this.#faults.push(this.#partsAt);
    return { records: this.#records, damage: this.#damage, torn: this.#faults[0] };
  }

  #readBlock(start: number, end: number): void {
    let failures = 0;
    for (let at = start; at < end; ) {
      const isLastOfFile = end === this.#file.length && end - start < blockSize;
      if (at + headerSize > end) {
        if (isLastOfFile || !this.#isZero(at, end)) this.#fault(at);
        return;
      }
      const length = this.#file.readUInt16LE(at + 4);
      const kind = this.#file[at + 6] ?? 0;
      const next = at + headerSize + length;
      if (next <= end && kind !== 0 && this.#holds(at, next)) {
        this.#take(kind, at, next);
        failures = 0;
      } else {
        if (this.#isZero(at, end) && !isLastOfFile) return;
        this.#fault(at);
        failures += 1;
        // Its length may be what is damaged: one more try behind it, then the next block.
        if (next > end || failures > 1) return;
      }
      at = next;
    }
  }

  #holds(at: number, next: number): boolean {
    return masked(crc32c(this.#file, at + 6, next)) === this.#file.readUInt32LE(at);
  }

  #take(kind: number, at: number, next: number): void {
    this.#damage.push(...this.#faults);
    this.#faults = [];
    const part = this.#file.subarray(at + headerSize, next);
    const continues = kind === kinds.middle || kind === kinds.last;
    // What was begun has no end, or what goes on has no beginning. After a fault it is known already.
    if (continues !== (this.#parts !== undefined)) this.#breakOff(at);
    if (kind === kinds.full) this.#records.push(part);
    else if (kind === kinds.first) {
      this.#parts = [part];
      this.#partsAt = at;
    } else this.#parts?.push(part);
    if (kind === kinds.last && this.#parts !== undefined) {
      this.#records.push(Buffer.concat(this.#parts));
      this.#parts = undefined;
    }
  }

  #breakOff(at: number): void {
    if (this.#parts !== undefined) this.#damage.push(this.#partsAt);
    else if (this.#damage.length === 0) this.#damage.push(at);
    this.#parts = undefined;
  }

  #fault(at: number): void {
    if (this.#parts !== undefined) this.#faults.push(this.#partsAt);
    this.#parts = undefined;
    this.#faults.push(at);
  }

  #isZero(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (this.#file[i] !== 0) return false;
    return true;
  }
}

/** The records as a file that LevelDB reads without a word. */
export function writeFraming(records: readonly Buffer[]): Buffer {
  const out: Buffer[] = [];
  let room = blockSize;
  for (const record of records) {
    let from = 0;
    // A part may have no bytes: where a block has room for a header and nothing else.
    for (let isFirst = true, isLast = false; !isLast; isFirst = false) {
      if (room < headerSize) {
        out.push(Buffer.alloc(room));
        room = blockSize;
      }
      const part = record.subarray(from, from + room - headerSize);
      from += part.length;
      isLast = from === record.length;
      out.push(frame(kindOf(isFirst, isLast), part));
      room -= headerSize + part.length;
    }
  }
  return Buffer.concat(out);
}

function kindOf(isFirst: boolean, isLast: boolean): number {
  if (isFirst) return isLast ? kinds.full : kinds.first;
  return isLast ? kinds.last : kinds.middle;
}

function frame(kind: number, part: Buffer): Buffer {
  const made = Buffer.alloc(headerSize + part.length);
  made.writeUInt16LE(part.length, 4);
  made[6] = kind;
  part.copy(made, headerSize);
  made.writeUInt32LE(masked(crc32c(made, 6)), 0);
  return made;
}
