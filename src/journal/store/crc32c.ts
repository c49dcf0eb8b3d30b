// CRC-32C, as LevelDB has it over whatever it stores: eight bytes a step, since all of a log is read with it at a start.

const tables = makeTables();

function makeTables(): readonly Uint32Array[] {
  const first = new Uint32Array(256).map((_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    return value;
  });
  const made = [first];
  for (let n = 1; n < 8; n++) {
    const before = made[n - 1] ?? first;
    made.push(first.map((_, byte) => ((before[byte] ?? 0) >>> 8) ^ (first[(before[byte] ?? 0) & 0xff] ?? 0)));
  }
  return made;
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as unknown as readonly [
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
  ...[Uint32Array, Uint32Array, Uint32Array, Uint32Array],
];

/** The checksum of the bytes from `start` up to `end`, or of all that `before` is the checksum of with these behind it. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  const at = (table: Uint32Array, index: number): number => table[index] as number;
  let crc = ~before;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    const low = crc ^ word(bytes, i);
    const high = word(bytes, i + 4);
    crc =
      at(t7, low & 0xff) ^
      at(t6, (low >>> 8) & 0xff) ^
      at(t5, (low >>> 16) & 0xff) ^
      at(t4, low >>> 24) ^
      at(t3, high & 0xff) ^
      at(t2, (high >>> 8) & 0xff) ^
      at(t1, (high >>> 16) & 0xff) ^
      at(t0, high >>> 24);
  }
  for (; i < end; i++) crc = at(t0, (crc ^ (bytes[i] as number)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function word(bytes: Uint8Array, i: number): number {
  return (
    (bytes[i] as number) |
    ((bytes[i + 1] as number) << 8) |
    ((bytes[i + 2] as number) << 16) |
    ((bytes[i + 3] as number) << 24)
  );
}

/** LevelDB stores a checksum masked, since it may stand in what another one covers. */
export function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
