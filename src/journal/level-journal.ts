// The journal on any abstract-level database: classic-level in life, memory-level in tests. One writer, one order.
import { type Clock, systemClock } from '../base/clock.ts';
import { HoldfastError, toError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { CommitLoop, type PendingCommit, type Write } from './commit-loop.ts';
import { encodeAppend, encodeHead, tombstoneOf } from './encode-append.ts';
import { cursorAt, type FeedRange, FeedTail, positionAt, rangesOf } from './feed.ts';
import type {
  Append,
  AppendOptions,
  Cursor,
  EventDraft,
  FeedEntry,
  Head,
  HeadPage,
  Journal,
  JournalLimits,
  ReadOptions,
  ReadPage,
  Snapshot,
  Version,
} from './journal.ts';
import { assertStream, feedPositionOf, keys, prefixRange, rangeOf } from './keys.ts';
import { LevelKeyValue } from './level-key-value.ts';
import { defaultReopening, LevelStore, type OpenStore, type Reopening } from './level-store.ts';
import { readRange } from './read-range.ts';
import { oldestSnapshot, readSnapshots, writeSnapshot } from './snapshot-store.ts';
import { StreamHeads } from './stream-heads.ts';

export const defaultLimits: JournalLimits = {
  keyBytes: 1024,
  valueBytes: 16 * 1024 * 1024,
  batchBytes: 32 * 1024 * 1024,
};

/** A group commit takes no further append beyond this: it keeps the wait of the smallest one bounded. */
const groupBytes = 4 * 1024 * 1024;

/** LevelDB's own option, of which the port below, abstract-level, does not know. */
const synced: object = { sync: true };

/** The kv prefix of streams whose removal is durable and whose records are still to be cleared. */
const removing = 'journal/removing/';

export interface LevelJournalOptions {
  readonly open: OpenStore;
  readonly telemetry?: Telemetry;
  readonly clock?: Clock;
  readonly limits?: Partial<JournalLimits>;
  readonly reopening?: Partial<Reopening>;
  /** Called after the database was closed for good. */
  readonly onClosed?: () => Promise<void>;
}

export class LevelJournal implements Journal {
  readonly limits: JournalLimits;
  readonly kv: LevelKeyValue;
  readonly #store: LevelStore;
  readonly #loop: CommitLoop;
  readonly #heads: StreamHeads;
  readonly #tail = new FeedTail();
  readonly #telemetry: Telemetry;
  readonly #onClosed: () => Promise<void>;
  #epoch = 0;
  #position = 0;
  #incident: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** Opens the database, counts the epoch up and finishes removals that a kill interrupted. */
  static async open(options: LevelJournalOptions): Promise<LevelJournal> {
    const journal = new LevelJournal(options);
    await journal.#store.open();
    await journal.#start();
    await journal.#finishRemovals();
    return journal;
  }

  private constructor(options: LevelJournalOptions) {
    this.limits = { ...defaultLimits, ...options.limits };
    this.#telemetry = options.telemetry ?? (() => {});
    this.#onClosed = options.onClosed ?? (async () => {});
    const reopening = { ...defaultReopening, ...options.reopening };
    this.#store = new LevelStore(options.open, options.clock ?? systemClock, this.#telemetry, reopening);
    this.kv = new LevelKeyValue(this.#store, () => this.#ready(), this.limits);
    this.#heads = new StreamHeads((stream) => this.#readHead(stream));
    this.#loop = new CommitLoop({
      write: (group) => this.#write(group),
      onFailure: (cause) => this.#beginIncident(cause),
      groupBytes,
    });
  }

  get epoch(): number {
    return this.#epoch;
  }

  get backlogBytes(): number {
    return this.#loop.backlogBytes;
  }

  get incident(): Promise<void> | undefined {
    return this.#incident;
  }

  async head(stream: string): Promise<Head | undefined> {
    assertStream(stream);
    await this.#ready();
    if (this.#heads.get(stream).waiting > 0) await this.#passBarrier(stream);
    return this.#heads.get(stream).durable;
  }

  append(
    stream: string,
    expected: Version | null,
    events: readonly EventDraft[],
    options: AppendOptions,
  ): Promise<Append> {
    assertStream(stream);
    if (this.#closing !== undefined) throw new HoldfastError('JOURNAL_CLOSED');
    if (this.#incident !== undefined) throw notCommitted(stream, 'the journal is being reopened');
    const live = this.#heads.get(stream);
    const { tail } = live;
    const epoch = options.epoch ?? this.#epoch;
    const moved = (tail?.version ?? null) !== expected || epoch < (tail?.epoch ?? 0);
    if (moved) return Promise.resolve({ ok: false, reason: 'conflict', head: tail });
    const encoded = encodeAppend(stream, tail, events, { ...options, epoch }, this.limits);
    return this.#enqueue(
      stream,
      encoded.head,
      encoded.writes,
      encoded.bytes,
      events.map((draft) => draft.event),
    );
  }

  receipt(stream: string, key: string): Json | undefined {
    const text = this.#store.db.getSync(keys.receipt(stream, key));
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  }

  async readFrom(stream: string, after: number, options: ReadOptions = {}): Promise<ReadPage> {
    assertStream(stream);
    await this.#ready();
    return readRange(this.#store.db, stream, after, this.#heads.get(stream).durable, options);
  }

  async readAll(after: Cursor | null, limit = 256): Promise<readonly FeedEntry[]> {
    const position = positionAt(after);
    const fromMemory = this.#tail.after(position, limit);
    if (fromMemory !== undefined) return fromMemory;
    await this.#ready();
    const range = { gt: keys.feed(position), lte: keys.feed(this.#position), limit };
    const entries = await this.#store.db.iterator(range).all();
    return Promise.all(entries.map(([key, value]) => this.#readEntry(key, value)));
  }

  feedEnd(): Cursor {
    return cursorAt(this.#position);
  }

  async *snapshots(stream: string): AsyncGenerator<Snapshot> {
    assertStream(stream);
    await this.#ready();
    yield* readSnapshots(this.#store.db, stream, this.#telemetry);
  }

  async putSnapshot(stream: string, snapshot: Snapshot): Promise<void> {
    assertStream(stream);
    await this.#ready();
    await writeSnapshot(this.#store.db, stream, snapshot, this.limits.valueBytes);
  }

  async trim(stream: string, through: number): Promise<void> {
    assertStream(stream);
    await this.#ready();
    const oldest = await oldestSnapshot(this.#store.db, stream);
    const { tail } = this.#heads.get(stream);
    if (tail === undefined || through < tail.firstSeq) return;
    if (through >= oldest) {
      throw new RangeError(
        `Cannot trim ${stream} through ${through}: the oldest kept snapshot is at ${oldest}`,
      );
    }
    const trimmed = { ...tail, firstSeq: through + 1 };
    await this.#enqueue(stream, trimmed, [encodeHead(trimmed)], 0, []);
    await this.#store.db.clear({ gte: rangeOf('e', stream).gte, lte: keys.event(stream, through) });
  }

  async remove(stream: string, expected: Version): Promise<Append> {
    assertStream(stream);
    await this.#ready();
    const { tail } = this.#heads.get(stream);
    if (tail === undefined || tail.version !== expected) return { ok: false, reason: 'conflict', head: tail };
    const tombstone = tombstoneOf(tail);
    const unfinished: Write = { key: keys.kv(`${removing}${stream}`), value: 'true' };
    const result = await this.#enqueue(stream, tombstone, [encodeHead(tombstone), unfinished], 0, []);
    if (result.ok) await this.#clearStream(stream);
    return result;
  }

  async list(query: { prefix?: string; after?: string; limit?: number } = {}): Promise<HeadPage> {
    await this.#ready();
    const { prefix = '', after, limit = 1000 } = query;
    const { gte, lt } = prefixRange(keys.head(prefix));
    const range = after === undefined ? { gte, lt } : { gt: keys.head(after), lt };
    const iterator = this.#store.db.values({ ...range, limit });
    const heads = (await iterator.all()).map((text) => JSON.parse(text) as Head);
    return { heads, next: heads.length < limit ? undefined : heads.at(-1)?.stream };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#loop.drain();
    this.#loop.stop(new HoldfastError('JOURNAL_CLOSED'));
    await this.#incident?.catch(() => undefined);
    await this.#store.close();
    await this.#onClosed();
  }

  /** Waits out an incident; rejects when reopening was given up. */
  async #ready(): Promise<void> {
    if (this.#incident !== undefined) await this.#incident;
  }

  async #start(): Promise<void> {
    const { db } = this.#store;
    const stored = await db.get(keys.epoch);
    this.#epoch = Number(stored ?? '0') + 1;
    await db.batch([{ type: 'put', key: keys.epoch, value: String(this.#epoch) }], synced);
    await this.#findFeedEnd();
  }

  async #findFeedEnd(): Promise<void> {
    const [last] = await this.#store.db.keys({ ...prefixRange('f!'), reverse: true, limit: 1 }).all();
    this.#position = last === undefined ? 0 : feedPositionOf(last);
    this.#tail.reset(this.#position + 1);
  }

  #readHead(stream: string): Head | undefined {
    const text = this.#store.db.getSync(keys.head(stream));
    return text === undefined ? undefined : (JSON.parse(text) as Head);
  }

  async #readEntry(key: string, value: string): Promise<FeedEntry> {
    const { db } = this.#store;
    const ranges = JSON.parse(value) as FeedRange[];
    const pages = ranges.map(async ([stream, first, last]) => {
      const head = this.#heads.get(stream).durable;
      const from = Math.max(first, head?.firstSeq ?? 1);
      if (from > last) return [];
      return (await readRange(db, stream, from - 1, head, { limit: last - from + 1 })).events;
    });
    return { cursor: cursorAt(feedPositionOf(key)), events: (await Promise.all(pages)).flat() };
  }

  #enqueue(
    stream: string,
    head: Head,
    writes: readonly Write[],
    bytes: number,
    events: PendingCommit['events'],
  ): Promise<Append> {
    const live = this.#heads.get(stream);
    live.tail = head;
    live.waiting += 1;
    return new Promise((resolve, reject) => {
      this.#loop.add({
        stream,
        writes,
        bytes,
        events,
        committed() {
          live.durable = head;
          live.waiting -= 1;
          resolve({ ok: true, head });
        },
        failed: (cause) => resolve({ ok: false, reason: 'unknown', cause }),
        dropped: (cause) => reject(notCommitted(stream, cause.message, cause)),
      });
    });
  }

  /** One chained batch, one fsync: the appends of the group, and one feed entry for all of their events. */
  async #write(group: readonly PendingCommit[]): Promise<void> {
    const position = this.#position + 1;
    const events = group.flatMap((commit) => commit.events);
    const batch = this.#store.db.batch();
    for (const { writes } of group) {
      for (const { key, value } of writes) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
    }
    if (events.length > 0) batch.put(keys.feed(position), JSON.stringify(rangesOf(events)));
    await batch.write(synced);
    if (events.length === 0) return;
    this.#position = position;
    this.#tail.push(position, events);
  }

  /** The disk failed: forget what memory believes, reopen, and learn from the disk what is there. */
  #beginIncident(cause: Error): void {
    this.#telemetry('journal.incident', { problem: cause.message });
    this.#heads.clear();
    this.#incident = this.#reopen(cause);
    this.#incident.catch(() => undefined);
  }

  async #reopen(cause: Error): Promise<void> {
    await this.#store.reopen(cause);
    await this.#findFeedEnd();
    this.#heads.clear();
    this.#loop.resume();
    this.#incident = undefined;
  }

  /** An empty append settles after all that waits for this stream; an incident settles it too. */
  async #passBarrier(stream: string): Promise<void> {
    const { tail } = this.#heads.get(stream);
    if (tail !== undefined) await this.#enqueue(stream, tail, [], 0, []).catch(() => undefined);
    await this.#ready();
  }

  async #clearStream(stream: string): Promise<void> {
    const { db } = this.#store;
    for (const kind of ['e', 's', 'o'] as const) await db.clear(rangeOf(kind, stream));
    await db.del(keys.kv(`${removing}${stream}`));
  }

  /** A removal is a tombstone first and a clearing after it: a kill between them leaves records to clear. */
  async #finishRemovals(): Promise<void> {
    for (const key of await this.kv.keys(removing)) await this.#clearStream(key.slice(removing.length));
  }
}

function notCommitted(stream: string, problem: string, cause?: Error): HoldfastError {
  return new HoldfastError(
    'NOT_COMMITTED',
    { command: 'An append', stream, problem },
    { cause: cause && toError(cause) },
  );
}
