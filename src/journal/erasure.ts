// Erasing in LevelDB: records are rewritten as their headers alone, in the one batch that also records it and drops the snapshots.
// What LevelDB's files still hold of the old values goes when the stream is purged.
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Write } from './commit-loop.ts';
import { encodeAppend, measure } from './encode-append.ts';
import type { Append, ErasingAppend, Journal } from './journal.ts';
import { corrupt } from './journal-errors.ts';
import { assertStream, keys, rangeOf } from './keys.ts';
import type { LevelFeed } from './level-feed.ts';
import type { LevelStore, Store } from './level-store.ts';
import { decodeRecord, eraseRecord } from './record.ts';
import { encodeSnapshot } from './snapshot-store.ts';
import type { StreamWriter } from './stream-writer.ts';

/** Values are read in so many at once: each may be large, and only its header is kept. */
const recordsAtOnce = 32;

interface Erased {
  readonly seq: number;
  readonly write: Write;
}

export class Erasure {
  readonly #store: LevelStore;
  readonly #writer: StreamWriter;
  readonly #feed: LevelFeed;
  readonly #journal: Pick<Journal, 'limits' | 'epoch'>;
  readonly #telemetry: Telemetry;
  /** By stream the seq from which on a snapshot holds nothing that was erased; all are refused while one is being erased. */
  readonly #snapshotsFrom = new Map<string, number>();

  constructor(
    store: LevelStore,
    writer: StreamWriter,
    feed: LevelFeed,
    journal: Pick<Journal, 'limits' | 'epoch'>,
    telemetry: Telemetry,
  ) {
    this.#store = store;
    this.#writer = writer;
    this.#feed = feed;
    this.#journal = journal;
    this.#telemetry = telemetry;
  }

  /** False for a snapshot that was made of a state from before an erasure, and comes behind it. */
  allows(stream: string, snapshotSeq: number): boolean {
    return snapshotSeq >= (this.#snapshotsFrom.get(stream) ?? 0);
  }

  async erase(stream: string, seqs: readonly number[], append: ErasingAppend): Promise<Append> {
    assertStream(stream);
    const before = this.#snapshotsFrom.get(stream) ?? 0;
    this.#snapshotsFrom.set(stream, Number.POSITIVE_INFINITY);
    let from = before;
    try {
      const { unreadable } = append;
      const { snapshots, erased } = await this.#read(stream, seqs, unreadable);
      const result = await this.#writer.whenReady(() => {
        from = append.events.at(-1)?.event.seq ?? before;
        return this.#put(stream, erased, snapshots, append);
      });
      if (result.ok) this.#feed.forgetTail();
      else if (result.reason === 'conflict') from = before;
      return result;
    } finally {
      this.#snapshotsFrom.set(stream, from);
    }
  }

  /** What is there now, behind all that was put in line before. */
  async #read(
    stream: string,
    seqs: readonly number[],
    unreadable: ReadonlySet<number> | undefined,
  ): Promise<{ readonly snapshots: readonly string[]; readonly erased: readonly Erased[] }> {
    const [store, writer] = [this.#store, this.#writer];
    await writer.whenReady(() => writer.put(stream, 'An erasure', []));
    const snapshots = await store.read(stream, 'snapshot', (db) => db.keys(rangeOf('s', stream)).all());
    const erased = await store.read(stream, seqs[0] ?? 'record', (db) =>
      erasedRecords(db, stream, seqs, unreadable),
    );
    return { snapshots, erased };
  }

  /** What was trimmed meanwhile is not brought back. */
  #put(
    stream: string,
    erased: readonly Erased[],
    snapshots: readonly string[],
    { expected, events, options, snapshot }: ErasingAppend,
  ): Promise<Append> {
    const writer = this.#writer;
    const { limits } = this.#journal;
    const live = writer.live(stream);
    const { tail } = live;
    const epoch = options.epoch ?? this.#journal.epoch;
    if (tail === undefined || tail.version !== expected || epoch < tail.epoch) return writer.conflict(stream);
    const { head, writes } = encodeAppend(stream, tail, events, options, epoch, limits);
    const all: Write[] = erased.filter(({ seq }) => seq >= tail.firstSeq).map(({ write }) => write);
    for (const key of snapshots) all.push({ key, value: undefined });
    all.push(...writes);
    const made = snapshot?.(head);
    if (made !== undefined) {
      const key = keys.snapshot(stream, made.seq);
      all.push({ key, value: encodeSnapshot(key, made) });
    }
    const stored = events.map(({ event }) => event);
    return writer.putHead(live, head, all, measure(stream, all, limits), stored);
  }

  /**
   * Has LevelDB write its files anew where they hold anything of the stream, or of the small values named. True when nothing of
   * what was overwritten is left in them; a reader or a backup that was under way keeps the old files until it ends.
   */
  async purge(stream: string, values: readonly string[]): Promise<boolean> {
    assertStream(stream);
    const ranges = [
      ...(['e', 's'] as const).map((kind) => around(`${kind}!${stream}!`)),
      ...[keys.head(stream), ...values.map(keys.kv)].map(beside),
    ];
    try {
      for (const range of ranges) await this.#rewrite(stream, range);
      return true;
    } catch (error) {
      this.#telemetry('erasure.notPurged', { stream, problem: toError(error).message });
      return false;
    }
  }

  /**
   * LevelDB merges what overlaps, and a memtable that overlaps nothing is put aside as it is, overwritten values and all. So that
   * it does overlap, keys that do not exist are deleted on both sides of the range before it is compacted once more.
   */
  async #rewrite(stream: string, { first, last }: KeyRange): Promise<void> {
    const compact = (): Promise<boolean> =>
      this.#store.read(stream, 'purge', (db) => compactRange(db, first, last));
    if (!(await compact())) return;
    const edges = [first, last].map((key) => ({ key, value: undefined }));
    await this.#writer.whenReady(() => this.#writer.put(stream, 'A purge', edges));
    await compact();
  }
}

/** Between two keys that are never written: names hold no `!`, and numbers and receipts neither begin with it nor with `~`. */
interface KeyRange {
  readonly first: string;
  readonly last: string;
}

const around = (prefix: string): KeyRange => ({ first: prefix, last: `${prefix}~` });
const beside = (key: string): KeyRange => ({ first: `${key.slice(0, -1)}!`, last: `${key}!` });

async function erasedRecords(
  db: Store,
  stream: string,
  seqs: readonly number[],
  unreadable: ReadonlySet<number> | undefined,
): Promise<readonly Erased[]> {
  const erased: Erased[] = [];
  for (let at = 0; at < seqs.length; at += recordsAtOnce) {
    const some = seqs.slice(at, at + recordsAtOnce);
    const values = await db.getMany(some.map((seq) => keys.event(stream, seq)));
    for (const [index, seq] of some.entries()) {
      if (unreadable?.has(seq)) {
        erased.push({ seq, write: { key: keys.event(stream, seq), value: undefined } });
        continue;
      }
      const value = values[index];
      if (value === undefined) throw corrupt(stream, seq, 'it is missing');
      decodeRecord(value, stream, seq);
      erased.push({ seq, write: { key: keys.event(stream, seq), value: eraseRecord(value) } });
    }
  }
  return erased;
}

/** LevelDB's own; a database in memory keeps nothing that was overwritten. */
interface Compactable {
  compactRange(start: string, end: string): Promise<void>;
}

/** False where there is nothing to do. */
async function compactRange(db: Store, first: string, last: string): Promise<boolean> {
  if (!('compactRange' in db)) return false;
  await (db as unknown as Compactable).compactRange(first, last);
  return true;
}
