// Snappy's block format, backwards: LevelDB compresses a block with it where that saves an eighth.
import { ByteReader } from './manifest.ts';

/** What an element of the text is; the two low bits of its first byte. */
const kinds = { literal: 0, nearCopy: 1, copy: 2 } as const;
/** A literal whose length does not fit has so many and one bytes for it, counted from here. */
const longLiteral = 60;

/** Throws a RangeError for what is no compressed text. */
export function uncompress(bytes: Buffer): Buffer {
  const reader = new ByteReader(bytes);
  const out = Buffer.alloc(reader.varint());
  let written = 0;
  for (let at = reader.at; at < bytes.length; ) {
    const tag = bytes.readUInt8(at++);
    const kind = tag & 3;
    if (kind === kinds.literal) {
      const [length, size] = literalLength(bytes, at, tag >>> 2);
      at += size;
      if (at + length > bytes.length || written + length > out.length) throw tooLong();
      bytes.copy(out, written, at, at + length);
      at += length;
      written += length;
    } else {
      const length = kind === kinds.nearCopy ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2);
      const size = kind === kinds.nearCopy ? 1 : kind === kinds.copy ? 2 : 4;
      const offset = bytes.readUIntLE(at, size) + (kind === kinds.nearCopy ? (tag >>> 5) << 8 : 0);
      at += size;
      if (offset === 0 || offset > written || written + length > out.length) throw tooLong();
      // Byte by byte: a copy may begin within what it writes.
      for (const end = written + length; written < end; written++) out[written] = out[written - offset] ?? 0;
    }
  }
  if (written < out.length) throw new RangeError('it ends too early');
  return out;
}

function literalLength(bytes: Buffer, at: number, given: number): readonly [length: number, size: number] {
  const size = given < longLiteral ? 0 : given - longLiteral + 1;
  return [1 + (size === 0 ? given : bytes.readUIntLE(at, size)), size];
}

const tooLong = (): RangeError => new RangeError('it says more than there is');
