// The journal on any abstract-level database: classic-level in life, memory-level in tests. One writer, one order.
import { type Clock, systemClock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { type AdoptedRecord, adoptRecords } from './adopt.ts';
import { Clearing, removalMarker, trimMarker } from './clearing.ts';
import type { Write } from './commit-loop.ts';
import { defaultLimits } from './default-limits.ts';
import { measure } from './encode-append.ts';
import { Erasure } from './erasure.ts';
import { encodeHead, tombstoneOf } from './head/head.ts';
import { type HeadQuery, readHeads } from './head/head-page.ts';
import { headDamaged, surveyHeads } from './head/head-survey.ts';
import type {
  Append,
  AppendOptions,
  Cursor,
  EventDraft,
  FeedEntry,
  Head,
  HeadDraft,
  HeadGlance,
  HeadPage,
  Journal,
  JournalLimits,
  ReadOptions,
  ReadPage,
  Snapshot,
  Version,
} from './journal.ts';
import { corrupt, notCommitted, outcomeUnknown } from './journal-errors.ts';
import { assertStream, assertText, keys } from './keys.ts';
import { LevelFeed } from './level-feed.ts';
import { LevelKeyValue } from './level-key-value.ts';
import {
  defaultReopening,
  type HealthReport,
  LevelStore,
  type OpenStore,
  type Reopening,
  type Store,
} from './level-store.ts';
import type { StorageOutage } from './outage.ts';
import { readRange, readStored } from './read-range.ts';
import { NamedDamage, Scrub, type ScrubOptions } from './scrub/scrub.ts';
import { tableScrub } from './scrub/table-scrub.ts';
import { seal, unseal } from './sealed.ts';
import { oldestSnapshot, readSnapshots, snapshotWrites } from './snapshot-store.ts';
import { lastEpoch } from './store/last-epoch.ts';
import { StorageWatch } from './store/storage-watch.ts';
import type { StorePlace } from './store/store-place.ts';
import { type StoreReport, type StoreWatch, unexamined } from './store/store-report.ts';
import { type StoreVersions, versionsKey } from './store/store-versions.ts';
import type { AtRest } from './store/value-envelope.ts';
import { StreamWriter, synced } from './stream-writer.ts';

export interface LevelJournalOptions {
  readonly open: OpenStore;
  readonly telemetry?: Telemetry;
  readonly clock?: Clock;
  readonly limits?: Partial<JournalLimits>;
  readonly reopening?: Partial<Reopening>;
  /** Where its files lie, if it has any. */
  readonly place?: StorePlace;
  /** From 0 to 1: spreads the attempts to reopen. */
  readonly chance?: () => number;
  /** Compression and encryption of its files, if it has any. */
  readonly atRest?: AtRest | undefined;
  /** Fills the database before anything is read from it: how a backup is restored. */
  readonly load?: (db: Store) => Promise<void>;
  /** Makes durable what the database has written without a sync; needed where it has files. */
  readonly syncWritten?: () => Promise<void>;
  /** Called after the database was closed for good. */
  readonly onClosed?: () => Promise<void>;
  readonly watch?: StoreWatch;
}

export class LevelJournal implements Journal {
  readonly limits: JournalLimits;
  /** Compression and encryption of its files: a copy of them needs it too. */
  readonly atRest: AtRest;
  readonly kv: LevelKeyValue;
  readonly #store: LevelStore;
  readonly #writer: StreamWriter;
  readonly #feed: LevelFeed;
  readonly #clearing: Clearing;
  readonly #erasure: Erasure;
  readonly erase: Journal['erase'] = (...given) => this.#erasure.erase(...given);
  readonly purge: Journal['purge'] = (stream, values = []) => this.#erasure.purge(stream, values);
  readonly #clock: Clock;
  readonly #place: StorePlace | undefined;
  readonly #watch: StorageWatch | undefined;
  readonly #telemetry: Telemetry;
  readonly #onClosed: () => Promise<void>;
  readonly #keeper: StoreWatch | undefined;
  readonly #named = new NamedDamage();
  #epoch = 0;
  #closing: Promise<void> | undefined;

  /** Opens the database, counts the epoch up and finishes removals that a kill interrupted. */
  static async open(options: LevelJournalOptions): Promise<LevelJournal> {
    const journal = new LevelJournal(options);
    await journal.#store.open();
    try {
      await options.load?.(journal.#store.db);
      await journal.#start();
      journal.#watch?.begin();
    } catch (error) {
      await journal.#store.close();
      throw error;
    }
    return journal;
  }

  private constructor(options: LevelJournalOptions) {
    this.limits = { ...defaultLimits, ...options.limits };
    this.atRest = options.atRest ?? {};
    this.#telemetry = options.telemetry ?? (() => {});
    this.#onClosed = options.onClosed ?? (async () => {});
    this.#keeper = options.watch;
    const reopening = { ...defaultReopening, ...options.reopening };
    const { open, clock = systemClock, place, chance = Math.random } = options;
    this.#store = new LevelStore({ open, clock, place, chance, reopening, telemetry: this.#telemetry });
    this.#clock = clock;
    this.#place = place;
    this.#watch = place && new StorageWatch(place, this.#store, clock, (gone) => this.#writer.condemn(gone));
    this.#feed = new LevelFeed(this.#store, (stream) => this.#writer.live(stream).durable, this.#telemetry);
    this.#clearing = new Clearing(this.#store, this.#telemetry);
    this.#writer = new StreamWriter({
      store: this.#store,
      feed: this.#feed,
      limits: this.limits,
      telemetry: this.#telemetry,
      syncWritten: options.syncWritten ?? options.open.syncWritten ?? (async () => {}),
      ...(options.watch && { watch: options.watch }),
      learn: (db) => this.#learn(db),
    });
    this.#erasure = new Erasure(this.#store, this.#writer, this.#feed, this, this.#telemetry);
    this.kv = new LevelKeyValue(this.#store, this.limits, (writes) =>
      this.#writer.whenReady(() => this.#writer.put('kv', 'A batch', writes)),
    );
  }

  /** What the opening of the store found: what is lost or damaged in it, and what was done about that. */
  get opening(): StoreReport {
    return this.#keeper?.report ?? unexamined;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get backlogBytes(): number {
    return this.#writer.backlogBytes;
  }

  /** Resolves with what was wrong, once nothing can be read or written any more. */
  get lost(): Promise<HoldfastError> {
    return this.#store.lost;
  }

  get incident(): Promise<void> | undefined {
    return this.#store.incident;
  }

  get outageDeclared(): Promise<void> | undefined {
    return this.#store.outageDeclared;
  }

  get outage(): StorageOutage | undefined {
    return this.#store.outage;
  }

  get health(): HealthReport {
    return this.#store.health;
  }

  head(stream: string): Promise<Head | undefined> {
    try {
      assertStream(stream);
      return this.#writer.head(stream);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  append(
    stream: string,
    expected: Version | null,
    events: readonly EventDraft[],
    options: AppendOptions,
  ): Promise<Append> {
    try {
      assertStream(stream);
      const { refusal } = this.#store;
      if (refusal !== undefined) throw notCommitted('An append', stream, refusal);
      const removal = this.#clearing.removalOf(stream);
      if (removal !== undefined) return removal.then(() => this.append(stream, expected, events, options));
      return this.#writer.append(stream, expected, events, options, options.epoch ?? this.#epoch);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  receipt(stream: string, key: string): Json | undefined | Promise<Json | undefined> {
    assertStream(stream);
    assertText(key);
    if (this.#store.refusal === undefined) return this.#receipt(stream, key);
    return this.#store.readable().then(() => this.#receipt(stream, key));
  }

  #receipt(stream: string, key: string): Json | undefined {
    const stored = this.#store.readSync(stream, 'receipt', keys.receipt(stream, key));
    if (stored === undefined) return undefined;
    const text = unseal(keys.receipt(stream, key), stored);
    if (text === undefined)
      throw corrupt(stream, 'receipt', `the answer to ${key} does not match its checksum`);
    return JSON.parse(text) as Json;
  }

  async readFrom(stream: string, after: number, options: ReadOptions = {}): Promise<ReadPage> {
    assertStream(stream);
    return this.#store.read(stream, after + 1, (db) =>
      readRange(db, stream, after, this.#writer.live(stream).durable, options),
    );
  }

  async readAll(after: Cursor | null, limit = 256): Promise<readonly FeedEntry[]> {
    if (this.#closing !== undefined) throw new HoldfastError('JOURNAL_CLOSED');
    return this.#feed.after(after, limit);
  }

  feedEnd(): Cursor {
    return this.#feed.end;
  }

  async *snapshots(stream: string, damaged: (seq: number) => void = () => {}): AsyncGenerator<Snapshot> {
    assertStream(stream);
    yield* readSnapshots(this.#store, stream, this.#telemetry, damaged);
  }

  async putSnapshot(stream: string, snapshot: Snapshot): Promise<void> {
    assertStream(stream);
    const writes = await this.#store.read(stream, 'snapshot', (db) => snapshotWrites(db, stream, snapshot));
    await this.#writer.whenReady(() => {
      const { durable, tail } = this.#writer.live(stream);
      if (snapshot.seq > (durable?.seq ?? 0))
        throw new RangeError(`${stream} has no durable event ${snapshot.seq} to take a snapshot of`);
      const useless = tail === undefined || tail.firstSeq > tail.seq || snapshot.seq + 1 < tail.firstSeq;
      return useless || !this.#erasure.allows(stream, snapshot.seq)
        ? undefined
        : this.#writer.put(stream, 'A snapshot', writes);
    });
  }

  async trim(stream: string, through: number): Promise<void> {
    assertStream(stream);
    const oldest = await this.#store.read(stream, 'snapshot', (db) => oldestSnapshot(db, stream));
    const trimmed = await this.#writer.whenReady(() => this.#putTrimmedHead(stream, through, oldest));
    if (trimmed?.ok) await this.#clearing.trim(stream, through);
    else if (trimmed?.reason === 'unknown') throw outcomeUnknown('A trim', stream, trimmed.cause);
  }

  async remove(stream: string, expected: Version): Promise<Append> {
    assertStream(stream);
    return this.#writer.whenReady(async () => {
      const live = this.#writer.live(stream);
      const { tail } = live;
      if (tail === undefined || tail.version !== expected) return this.#writer.conflict(stream);
      const tombstone = tombstoneOf(tail);
      const writes = [encodeHead(tombstone), removalMarker(stream)];
      const result = this.#writer.putHead(live, tombstone, writes);
      await this.#clearing.removeAfter(stream, result);
      this.#feed.forgetTail();
      return result;
    });
  }

  async list(query: HeadQuery = {}): Promise<HeadPage> {
    const page = await this.#store.read(query.prefix ?? '', 'head', (db) => readHeads(db, query));
    if (query.quiet) return page;
    for (const stream of page.damaged) this.#telemetry('head.damaged', { stream });
    return page;
  }

  /** Bytes that the disk has free; undefined where nobody knows. */
  async freeBytes(): Promise<number | undefined> {
    return this.#place?.free();
  }

  /** Reads all that is stored and checks it; see {@link Scrub}. */
  scrub(options: Pick<ScrubOptions, 'bytesPerSecond' | 'onDamage' | 'isGivenUp'>): Scrub {
    const drop = (stream: string, key: string): Promise<void> =>
      this.#writer.whenReady(() =>
        this.#writer.put(stream, 'Dropping a snapshot', [{ key, value: undefined }]),
      );
    const reopen = (cause: Error): void => this.#writer.condemn(cause);
    const naming = { telemetry: this.#telemetry, named: this.#named };
    const tables = this.#keeper && tableScrub({ ...naming, watch: this.#keeper, reopen });
    const ports = { store: this.#store, kv: this.kv, clock: this.#clock, ...naming };
    return new Scrub({ ...ports, ...options, drop, tables });
  }

  survey(prefix: string, visit: (glance: HeadGlance) => void): Promise<void> {
    return surveyHeads(this.#store, { prefix, visit, damaged: headDamaged(this.#telemetry) });
  }

  /** Has what the opening found to be lost or damaged recorded, once: the next opening does not find it again. */
  async settleFindings(record: (opening: StoreReport) => Promise<void>): Promise<void> {
    await this.#keeper?.settle((found) => record(found).then(() => this.#feed.keepEnd(found, this.kv)));
  }

  /** Writes down, before anything of them is written, the versions that this store holds from now on. */
  async raise(versions: StoreVersions): Promise<void> {
    await this.#keeper?.raise(versions);
    await this.kv.batch([{ key: versionsKey, value: versions as unknown as Json }]);
  }

  /** Durable records after `after` as they are stored, a page of them. */
  readRecords(stream: string, after: number, limit: number): Promise<readonly string[]> {
    assertStream(stream);
    return this.#store.read(stream, after + 1, (db) =>
      readStored(db, stream, after, this.#writer.live(stream).durable, limit),
    );
  }

  /** Appends records that were written elsewhere, byte for byte, with the snapshots that they need. */
  async adopt(
    stream: string,
    expected: Version | null,
    records: readonly AdoptedRecord[],
    draft: HeadDraft & { readonly firstSeq: number },
    snapshots: readonly Snapshot[] = [],
  ): Promise<Append> {
    assertStream(stream);
    const beside: Write[] = [];
    for (const snapshot of snapshots)
      beside.push(
        ...(await this.#store.read(stream, 'snapshot', (db) => snapshotWrites(db, stream, snapshot))),
      );
    return this.#writer.whenReady(() => {
      const live = this.#writer.live(stream);
      if ((live.tail?.version ?? null) !== expected) return this.#writer.conflict(stream);
      const { head, writes, events } = adoptRecords(stream, live.tail, records, draft, this.#epoch);
      const all = [...writes, ...beside];
      return this.#writer.putHead(live, head, all, measure(stream, all, this.limits), events);
    });
  }

  /** Runs a job that only reads; one that an incident cuts off runs again, from its beginning, on the reopened database. */
  inspect<T>(job: (db: Store) => Promise<T>): Promise<T> {
    return this.#store.inspect(job);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const watched = this.#watch?.close();
    this.#store.beginClose();
    await watched;
    await this.#writer.close(new HoldfastError('JOURNAL_CLOSED'));
    await this.#clearing.settled();
    if (this.#store.incident === undefined)
      await this.#keeper?.closing(this.#store.db).catch(() => undefined);
    await this.#store.close();
    await this.#onClosed();
  }

  async #start(): Promise<void> {
    const { db } = this.#store;
    this.#epoch = (await lastEpoch(db, this.#telemetry)) + 1;
    const value = seal(keys.epoch, String(this.#epoch));
    await db.batch([{ type: 'put', key: keys.epoch, value }], synced);
    await this.#learn(db);
  }

  async #learn(db: Store): Promise<void> {
    const stored = await db.get(keys.epoch);
    if (stored !== undefined && unseal(keys.epoch, stored) !== String(this.#epoch))
      throw new HoldfastError('JOURNAL_GONE', { problem: 'another process has opened it meanwhile' });
    await this.#feed.findEnd(db, this.opening);
    await this.#clearing.finish(db);
  }

  #putTrimmedHead(stream: string, through: number, oldest: number): Promise<Append> | undefined {
    const live = this.#writer.live(stream);
    const { tail } = live;
    if (tail === undefined || through < tail.firstSeq) return undefined;
    if (through >= oldest)
      throw new RangeError(
        `Cannot trim ${stream} through ${through}: the oldest kept snapshot is at ${oldest}`,
      );
    const trimmed = { ...tail, firstSeq: through + 1 };
    return this.#writer.putHead(live, trimmed, [encodeHead(trimmed), trimMarker(stream, through)]);
  }
}
