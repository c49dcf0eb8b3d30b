// What is on a disk at one moment, as LevelDB and the operating system leave it there. An image never changes.

export interface KeyWrite {
  readonly key: string;
  /** Undefined deletes the key. */
  readonly value: string | undefined;
}

/** One atomic batch in a log file. */
interface LoggedBatch {
  readonly writes: readonly KeyWrite[];
  /** The log file that holds it: LevelDB begins a new one now and then, and does not sync the one that it leaves. */
  readonly log: number;
  readonly durable: boolean;
}

/**
 * All that was ever written: what no loss of power can take, and the batches behind it in the order in which they were
 * written. A kill of the process leaves all of it. A loss of power leaves of each log file what was synced, and of the rest
 * as much as the operating system happened to have written.
 */
export class DiskImage {
  static readonly of = (entries: Iterable<readonly [string, string]>): DiskImage =>
    new DiskImage(new Map(entries), [], 0);
  readonly #settled: ReadonlyMap<string, string>;
  readonly #batches: readonly LoggedBatch[];
  readonly #log: number;

  private constructor(settled: ReadonlyMap<string, string>, batches: readonly LoggedBatch[], log: number) {
    this.#settled = settled;
    this.#batches = batches;
    this.#log = log;
  }

  /** How many batches a loss of power may take. */
  get unsynced(): number {
    return this.#batches.reduce((sum, { durable }) => sum + (durable ? 0 : 1), 0);
  }

  /** With one more batch. A sync makes durable what stands in the same log file, and nothing else. */
  written(writes: readonly KeyWrite[], sync: boolean): DiskImage {
    const batches = sync ? this.#syncedIn(this.#log) : this.#batches;
    return new DiskImage(this.#settled, [...batches, { writes, log: this.#log, durable: sync }], this.#log);
  }

  /** As it is when LevelDB has begun another log file. */
  rotated(): DiskImage {
    return new DiskImage(this.#settled, this.#batches, this.#log + 1);
  }

  /** As it is when LevelDB has made tables of the logs that it has left, and synced them. */
  compacted(): DiskImage {
    const batches = this.#batches.map((batch) =>
      batch.log === this.#log ? batch : { ...batch, durable: true },
    );
    return new DiskImage(this.#settled, batches, this.#log);
  }

  /** As it is when every log was synced. */
  synced(): DiskImage {
    return new DiskImage(
      this.#settled,
      this.#batches.map((batch) => ({ ...batch, durable: true })),
      this.#log,
    );
  }

  /** What a loss of power leaves, when the first `kept` of the unsynced batches had reached the disk. */
  afterPowerLoss(kept: number): DiskImage {
    let left = kept;
    const batches = this.#batches.filter(({ durable }) => durable || left-- > 0);
    return DiskImage.of(folded(this.#settled, batches));
  }

  /** The keys and values that are there while the process lives, and after a kill. */
  entries(): ReadonlyMap<string, string> {
    return this.#batches.length === 0 ? this.#settled : folded(this.#settled, this.#batches);
  }

  #syncedIn(log: number): readonly LoggedBatch[] {
    return this.#batches.map((batch) =>
      batch.log !== log || batch.durable ? batch : { ...batch, durable: true },
    );
  }
}

function folded(
  settled: ReadonlyMap<string, string>,
  batches: readonly LoggedBatch[],
): ReadonlyMap<string, string> {
  const entries = new Map(settled);
  for (const { writes } of batches) {
    for (const { key, value } of writes) {
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
  }
  return entries;
}
