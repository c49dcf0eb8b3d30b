// One key and value of the store as bytes of a backup: their lengths, a checksum over all of it, and they themselves.
import { crc32 } from 'node:zlib';

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

const headerBytes = 12;

/** No key or value of a store is nearly so long: a length beyond it is damage, and nothing is allocated for it. */
const longest = 256 * 1024 * 1024;

export function encodeFrame({ key, value }: Entry): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + key.length + value.length);
  frame.writeUInt32LE(key.length, 0);
  frame.writeUInt32LE(value.length, 4);
  key.copy(frame, headerBytes);
  value.copy(frame, headerBytes + key.length);
  frame.writeUInt32LE(checksumOf(frame), 8);
  return frame;
}

/** Over the lengths and what they measure. */
function checksumOf(frame: Buffer): number {
  return crc32(frame.subarray(headerBytes), crc32(frame.subarray(0, 8)));
}

/** Cuts a stream of bytes into entries. What does not add up is an Error. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  /** How many bytes the next frame has, where that is known. */
  #needed = headerBytes;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  take(chunk: Buffer): Entry[] {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    // A long value comes in many chunks: they are put together once, not with each of them.
    if (this.#rest.length + this.#waitingBytes < this.#needed) return [];
    this.#rest = Buffer.concat([this.#rest, ...this.#waiting]);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return this.#cut();
  }

  /** Throws when a frame was begun and not finished. */
  end(): void {
    if (this.#rest.length + this.#waitingBytes > 0) throw new Error('it ends within a record');
  }

  #cut(): Entry[] {
    const entries: Entry[] = [];
    let at = 0;
    for (;;) {
      this.#needed = frameBytes(this.#rest, at);
      if (this.#rest.length - at < this.#needed) break;
      entries.push(decodeFrame(this.#rest.subarray(at, at + this.#needed)));
      at += this.#needed;
    }
    this.#rest = this.#rest.subarray(at);
    return entries;
  }
}

function frameBytes(bytes: Buffer, at: number): number {
  if (bytes.length - at < headerBytes) return headerBytes;
  const keyBytes = bytes.readUInt32LE(at);
  const valueBytes = bytes.readUInt32LE(at + 4);
  if (keyBytes > longest || valueBytes > longest) throw new Error('a record has an impossible length');
  return headerBytes + keyBytes + valueBytes;
}

function decodeFrame(frame: Buffer): Entry {
  if (frame.readUInt32LE(8) !== checksumOf(frame)) throw new Error('a record does not match its checksum');
  const end = headerBytes + frame.readUInt32LE(0);
  return { key: frame.subarray(headerBytes, end), value: frame.subarray(end) };
}
