// What a MANIFEST says: which tables are the database, how large each is, and from which log on writes are in no table yet.

export interface Manifest {
  /** Undefined where it says none: nothing can be opened then. */
  readonly logNumber: number | undefined;
  /** The tables by number, with their sizes. */
  readonly tables: ReadonlyMap<number, number>;
}

const tags = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/** Applies the edits of a MANIFEST in order; undefined when one is not an edit. */
export function readManifest(records: readonly Buffer[]): Manifest | undefined {
  const tables = new Map<number, number>();
  let logNumber: number | undefined;
  try {
    for (const record of records) {
      const edit = new ByteReader(record);
      while (!edit.isAtEnd) {
        const tag = edit.varint();
        if (tag === tags.logNumber) logNumber = edit.varint();
        else applyEdit(tag, edit, tables);
      }
    }
  } catch {
    return undefined;
  }
  return { logNumber, tables };
}

function applyEdit(tag: number, edit: ByteReader, tables: Map<number, number>): void {
  if (tag === tags.comparator) edit.skipText();
  else if (tag === tags.nextFile || tag === tags.lastSequence || tag === tags.previousLog) edit.varint();
  else if (tag === tags.compactPointer) {
    edit.varint();
    edit.skipText();
  } else if (tag === tags.deletedFile) {
    edit.varint();
    tables.delete(edit.varint());
  } else if (tag === tags.newFile) {
    edit.varint();
    tables.set(edit.varint(), edit.varint());
    edit.skipText();
    edit.skipText();
  } else throw new RangeError(`no edit has the tag ${tag}`);
}

/** Reads LevelDB's numbers and texts, one behind the other. Throws a RangeError at the end. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  get at(): number {
    return this.#at;
  }

  varint(): number {
    for (let value = 0, scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError('no number is there');
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) throw new RangeError('it ends too early');
  }

  take(count: number): Buffer {
    const from = this.#at;
    this.skip(count);
    return this.#bytes.subarray(from, this.#at);
  }

  skipText(): void {
    this.skip(this.varint());
  }
}
