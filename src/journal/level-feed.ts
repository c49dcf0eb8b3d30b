// The feed in LevelDB: its end, its newest part in memory, and the way back to the events of older entries.
import { HoldfastError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Write } from './commit-loop.ts';
import { cursorAt, type FeedRange, FeedTail, positionAt, rangesOf } from './feed.ts';
import type { Cursor, EventPlace, FeedEntry, Head, KeyValue, StoredEvent } from './journal.ts';
import { corrupt } from './journal-errors.ts';
import { keys, prefixRange, seqOf } from './keys.ts';
import type { LevelStore, Store } from './level-store.ts';
import { decodeRecord } from './record.ts';
import { seal, unseal } from './sealed.ts';
import type { StoreReport } from './store/store-report.ts';

/** A page ends after the entry that reaches it: so many readers far behind cost little memory. */
const pageBytes = 4 * 1024 * 1024;

/** Where the feed ended when its own end was found to be lost. */
const endKey = 'feed/end';
const keptEnd = keys.kv(endKey);

const lostEnds = ({ damaged }: Pick<StoreReport, 'damaged'>): readonly number[] =>
  damaged.flatMap(({ stream, seq }) => (stream === 'feed' && typeof seq === 'number' ? [seq] : []));

interface ReadEntry {
  readonly entry: FeedEntry;
  readonly bytes: number;
}

export class LevelFeed {
  readonly #store: LevelStore;
  readonly #durableHead: (stream: string) => Head | undefined;
  readonly #telemetry: Telemetry;
  readonly #tail = new FeedTail();
  #position = 0;

  constructor(store: LevelStore, durableHead: (stream: string) => Head | undefined, telemetry: Telemetry) {
    this.#store = store;
    this.#durableHead = durableHead;
    this.#telemetry = telemetry;
  }

  get end(): Cursor {
    return cursorAt(this.#position);
  }

  /**
   * Learns from the disk where the feed ends. What was lost of it leaves a hole: who followed it is behind that, and would pass over
   * whatever stood in the same places.
   */
  async findEnd(db: Store, report: Pick<StoreReport, 'damaged'>): Promise<void> {
    const [last] = await db.keys({ ...prefixRange('f!'), reverse: true, limit: 1 }).all();
    const kept = unseal(keptEnd, (await db.get(keptEnd)) ?? '') ?? 0;
    this.#position = Math.max(last === undefined ? 0 : seqOf(last), Number(kept), ...lostEnds(report));
    this.forgetTail();
  }

  /** So that the end is known as long as nothing stands behind the hole: the witness, once begun anew, does not tell of it. */
  async keepEnd(report: StoreReport, kv: Pick<KeyValue, 'batch'>): Promise<void> {
    if (lostEnds(report).length > 0) await kv.batch([{ key: endKey, value: this.#position }]);
  }

  /** From now on everything is read from the disk, where what was removed is gone. */
  forgetTail(): void {
    this.#tail.reset(this.#position + 1);
  }

  /** The entry of the next group commit. */
  nextEntry(events: readonly StoredEvent[]): Write {
    const key = keys.feed(this.#position + 1);
    return { key, value: seal(key, JSON.stringify(rangesOf(events))) };
  }

  /** The group commit is durable. */
  advance(events: readonly StoredEvent[], bytes: number): void {
    this.#position += 1;
    this.#tail.push(this.#position, events, bytes);
  }

  async after(cursor: Cursor | null, limit: number): Promise<readonly FeedEntry[]> {
    const position = positionAt(cursor);
    // A cursor of another store, or of one that was restored since, would pass over events as soon as they are there.
    if (position > this.#position) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
    return (
      this.#tail.after(position, limit) ??
      this.#store.read('feed', position + 1, (db) => this.#readEntries(db, position, limit))
    );
  }

  /** Entries stand at consecutive positions: one that is missing took events with it. */
  async #readEntries(db: Store, position: number, limit: number): Promise<readonly FeedEntry[]> {
    const end = Math.min(this.#position, position + limit);
    const entries: FeedEntry[] = [];
    let bytes = 0;
    for await (const [key, stored] of db.iterator({ gt: keys.feed(position), lte: keys.feed(end) })) {
      const expected = position + entries.length + 1;
      if (seqOf(key) !== expected) throw corrupt('feed', expected, 'it is missing');
      const read = await this.#readEntry(db, expected, stored);
      entries.push(read.entry);
      bytes += read.bytes;
      if (bytes >= pageBytes) return entries;
    }
    if (position + entries.length < end)
      throw corrupt('feed', position + entries.length + 1, 'it is missing');
    return entries;
  }

  async #readEntry(db: Store, position: number, stored: string): Promise<ReadEntry> {
    const text = unseal(keys.feed(position), stored);
    if (text === undefined) throw corrupt('feed', position, 'it does not match its checksum');
    const places = (JSON.parse(text) as FeedRange[]).flatMap(placesOf);
    const values = await db.getMany(places.map(({ stream, seq }) => keys.event(stream, seq)));
    const events: StoredEvent[] = [];
    const damaged: EventPlace[] = [];
    const forgotten: EventPlace[] = [];
    for (const [index, { imported, ...place }] of places.entries()) {
      const event = findEvent(place, values[index]);
      if (event !== undefined)
        events.push(imported === undefined ? event : Object.freeze({ ...event, imported }));
      else (this.#isForgotten(place) ? forgotten : damaged).push(place);
    }
    for (const place of damaged) this.#telemetry('record.damaged', { ...place });
    const entry = {
      cursor: cursorAt(position),
      events,
      ...(forgotten.length > 0 && { forgotten }),
      ...(damaged.length > 0 && { damaged }),
    };
    return { entry, bytes: values.reduce((sum, value = '') => sum + value.length, 0) };
  }

  /** Trimmed, or its stream removed. A head that cannot be read forgets nothing. */
  #isForgotten({ stream, seq }: EventPlace): boolean {
    try {
      return seq < (this.#durableHead(stream)?.firstSeq ?? 0);
    } catch {
      return false;
    }
  }
}

function placesOf([stream, first, last, imported]: FeedRange): (EventPlace & { readonly imported?: true })[] {
  const more = imported === undefined ? {} : { imported };
  return Array.from({ length: last - first + 1 }, (_, offset) => ({ stream, seq: first + offset, ...more }));
}

/** One damaged record must not stop the feed of all other streams: it is left out, named and reported. */
function findEvent({ stream, seq }: EventPlace, value: string | undefined): StoredEvent | undefined {
  try {
    return value === undefined ? undefined : decodeRecord(value, stream, seq).event;
  } catch {
    return undefined;
  }
}
