// The port of memory: one stream per entity, appended to atomically, read back verified. It knows nothing of LevelDB.
import type { Durability } from '../base/durability.ts';
import type { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { ReplayGuard } from './replay-guard.ts';

/** A place in a stream, as the journal gave it out. Opaque: compare it only through the journal. */
export type Version = string & { readonly __version: never };

/** A place in the feed. Opaque, and safe to keep across restarts. */
export type Cursor = string & { readonly __cursor: never };

/** Who and what caused an event. Every member is optional and at most a short text. */
export interface EventMeta {
  readonly operationId?: string;
  readonly causation?: string;
  readonly correlation?: string;
  readonly by?: string;
  readonly agent?: string;
  readonly incarnation?: number;
  readonly epoch?: number;
  readonly traceparent?: string;
}

/** One event of a stream: what the journal holds, the law consumes and pub/sub carries. Frozen. */
export interface StoredEvent<Type extends string = string, Data = unknown> {
  readonly stream: string;
  /** Dense and gap-free within the stream, from 1. */
  readonly seq: number;
  /** Milliseconds since the epoch, stamped before the event was decided. */
  readonly at: number;
  readonly type: Type;
  readonly typeVersion: number;
  /** The payload; undefined once it was erased. */
  readonly data: Data;
  readonly meta: EventMeta;
  /** Of the feed alone: it was brought in with its stream from another store. It is no cause: what it led to it led to there. */
  readonly imported?: true;
}

/** An event on its way to the disk, with its payload already as text: stringified once, hashed and stored as is. */
export interface EventDraft {
  readonly event: StoredEvent;
  /** Empty for a stream that is not journaled. */
  readonly payload: string;
  /** About how many bytes the payload has, where it is left out. */
  readonly bytes?: number;
}

/** What the law says of a stream after an append; kept in the head beside the journal's own members. */
export interface HeadDraft {
  readonly status: string;
  /** When the stream next needs waking: now for unfinished work, else its next deadline, else null. */
  readonly dueAt: number | null;
  /** Small facts that lists show, as a rule at most 1 KiB; those of a condition hold two texts of 1,000 characters. */
  readonly summary: Json;
}

/** The newest state of a stream in a few bytes: all that a boot reads. */
export interface Head extends HeadDraft {
  readonly stream: string;
  readonly version: Version;
  readonly seq: number;
  /** The first seq that can still be read; above 1 after a trim or a removal. */
  readonly firstSeq: number;
  /** The hash of the newest record: the next one names it as `prev`. */
  readonly chain: string;
  readonly epoch: number;
  readonly updatedAt: number;
  /** How many receipts with an idempotency key the stream holds. */
  readonly operations: number;
  /** The summary as JSON, in a head that was listed lazily, to be read without a parse. */
  readonly summaryText?: string;
}

/** A key of its own in the append's batch: the record of an answer, found again by {@link Journal.receipt}. */
export interface Receipt {
  readonly key: string;
  readonly value: Json;
}

export interface AppendOptions {
  readonly head: HeadDraft;
  /** The epoch under which the writer owns the stream; an append below the head's epoch is a conflict. */
  readonly epoch?: number;
  readonly receipts?: readonly Receipt[];
  /** The summary as JSON, where somebody makes that of his own at less cost; called only when it is written. */
  readonly summaryText?: (summary: Json) => string;
  /** What the answer waits for; `fsync` by default. A stream that is new and `none` is not journaled at all. */
  readonly durability?: Durability;
}

/**
 * `durability`: what was reached, at least what was asked for. `conflict`: the stream has moved on, nothing was written; `head` is durable. `unknown`: the batch was handed to the
 * disk and the disk failed, so it may be there after the journal has reopened. An append that never reached the disk
 * rejects with `NOT_COMMITTED`, or with what an outage refuses with; one that is too large, with its own code.
 */
export type Append =
  | { readonly ok: true; readonly head: Head; readonly durability: Durability }
  | { readonly ok: false; readonly reason: 'conflict'; readonly head: Head | undefined }
  | { readonly ok: false; readonly reason: 'unknown'; readonly cause: Error };

/** The append that records an erasure, in the same batch. */
export interface ErasingAppend {
  readonly expected: Version;
  readonly events: readonly EventDraft[];
  readonly options: AppendOptions;
  /** Of the events to be erased those whose record cannot be read: nothing of it stays. */
  readonly unreadable?: ReadonlySet<number>;
  /** The state behind the append, for a stream whose events alone do not lead to it any more. */
  readonly snapshot?: ((head: Head) => Snapshot) | undefined;
}

export interface ReadPage {
  readonly events: readonly StoredEvent[];
  /** The hash of the last record read, or the one given: hand it to the next read. */
  readonly chain: string | undefined;
  /** True when nothing durable lies behind the last event. */
  readonly end: boolean;
}

export interface ReadOptions {
  /** At most so many events; 256 by default. A page also ends at about 4 MiB. */
  readonly limit?: number;
  /** The hash that the first record must name as its predecessor. */
  readonly chain?: string;
}

export interface EventPlace {
  readonly stream: string;
  readonly seq: number;
}

/** One group commit, as the feed keeps it: the events of several streams in the order in which they became durable. */
export interface FeedEntry {
  readonly cursor: Cursor;
  readonly events: readonly StoredEvent[];
  /** Events that were trimmed or removed since, and are left out. */
  readonly forgotten?: readonly EventPlace[];
  /** Events that could not be proven and are left out; {@link Journal.readFrom} says what is wrong with their streams. */
  readonly damaged?: readonly EventPlace[];
  /** Set by a follower that has passed a damaged entry: nobody knows of which events it told. */
  readonly passed?: true;
}

export interface Snapshot {
  readonly seq: number;
  readonly chain: string;
  readonly at: number;
  readonly lawVersion: number;
  /** SHA-256 of {@link state}. */
  readonly stateHash: string;
  /** The state as canonical JSON. */
  readonly state: string;
  /** Older events that the state refers to: a journal that forgets what lies below the snapshot keeps them. */
  readonly needs?: readonly number[];
  /** The digest of what was parked of the events that it was made of; absent for nothing. */
  readonly parked?: string;
}

/** What a survey shows of a head. */
export interface HeadGlance extends Pick<Head, 'status' | 'dueAt'> {
  /** All of it, made when it is asked for. */
  whole(): Head;
}

export interface HeadPage {
  readonly heads: readonly Head[];
  /** Streams that exist, but whose head is damaged. */
  readonly damaged: readonly string[];
  /** The stream to continue after, when there may be more. */
  readonly next: string | undefined;
}

export interface KeyValue {
  get(key: string): Promise<Json | undefined>;
  /**
   * Writes all or none, after all earlier batches, durable when it resolves. A value of undefined deletes.
   * Rejects with `OUTCOME_UNKNOWN` when the disk failed, with `NOT_COMMITTED` when it was not handed to the disk.
   */
  batch(writes: readonly { readonly key: string; readonly value: Json | undefined }[]): Promise<void>;
  /** The keys with a prefix, in order. */
  keys(prefix: string): Promise<readonly string[]>;
}

export interface JournalLimits {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly batchBytes: number;
}

export interface Outage {
  /** What a write hears, which then had no effect: coded, with `retryAfterMs` where coming back may help. */
  readonly refusal: HoldfastError;
  /** False when what ends something or frees space still gets through. */
  readonly total: boolean;
  /** Resolves when it is over, or has become another. */
  readonly over: Promise<void>;
}

export interface Journal {
  readonly limits: JournalLimits;
  /** Counts the times that this store was opened; a writer of an older epoch is refused. */
  readonly epoch: number;
  /** Bytes that wait for the disk. */
  readonly backlogBytes: number;
  /** Resolves when the journal can be written again, rejects when that was given up; undefined while it can. */
  readonly incident: Promise<void> | undefined;
  /** Set while writes are refused, because they would not get through for a while; reads go on. */
  readonly outage?: Outage | undefined;
  /** Resolves when the incident that lasts turns out to be an outage, if it ever does. */
  readonly outageDeclared?: Promise<void> | undefined;
  /** What whoever folds events asks first; none where nothing is parked and nothing suspected. */
  readonly guard?: ReplayGuard | undefined;

  /** The head after everything that was appended before this call. */
  head(stream: string): Promise<Head | undefined>;
  /** One atomic batch to one stream. `expected` is the version that the caller built on, null for a new stream. */
  append(
    stream: string,
    expected: Version | null,
    events: readonly EventDraft[],
    options: AppendOptions,
  ): Promise<Append>;
  /** The record of an answer. Synchronous where the store allows it. */
  receipt(stream: string, key: string): Json | undefined | Promise<Json | undefined>;
  /**
   * Durable events after the seq `after`, verified. Damage rejects with `JOURNAL_CORRUPT`, a place below the stream's
   * `firstSeq` with `HISTORY_TRIMMED`.
   */
  readFrom(stream: string, after: number, options?: ReadOptions): Promise<ReadPage>;

  /** Feed entries after `cursor`, from the beginning for null, oldest first; empty when there are none yet. */
  readAll(after: Cursor | null, limit?: number): Promise<readonly FeedEntry[]>;
  /** Where the feed ends now. */
  feedEnd(): Cursor;

  /** Newest first, at most three; one that is damaged is left out and reported, to `damaged` too. */
  snapshots(stream: string, damaged?: (seq: number) => void): AsyncIterable<Snapshot>;
  /**
   * Keeps a snapshot of durable events and forgets all but the newest three. Never needed for correctness: one that is
   * of no use any more, because its stream was trimmed above it or removed, is not kept.
   */
  putSnapshot(stream: string, snapshot: Snapshot): Promise<void>;
  /** Forgets the events up to `through`, which must lie below the oldest kept snapshot. */
  trim(stream: string, through: number): Promise<void>;
  /**
   * Forgets everything but a tombstone head with the status `deleted` and a version of its own: an append that was
   * built on the stream as it was is a conflict.
   */
  remove(stream: string, expected: Version): Promise<Append>;
  /**
   * Erases the payloads of events, which must be there: of their records nothing but the headers stays, and all snapshots of
   * the stream go, since they may hold them. One atomic synced batch with the append that records it. The chain holds.
   */
  erase(stream: string, seqs: readonly number[], append: ErasingAppend): Promise<Append>;
  /** Takes what was overwritten, of the stream and of small values, out of the files too; false when that failed. */
  purge(stream: string, values?: readonly string[]): Promise<boolean>;
  /**
   * Heads in the order of their streams. `lazy` is for whoever looks at a hundred thousand: a journal may leave most of each
   * to be read when it is asked for, and hand out its summary as {@link Head.summaryText}. `quiet` is for whoever reads again
   * what was read just before: damaged heads are named, and not reported once more.
   */
  list(query?: {
    readonly prefix?: string;
    readonly after?: string;
    readonly limit?: number;
    readonly lazy?: boolean;
    readonly quiet?: boolean;
  }): Promise<HeadPage>;

  /**
   * Shows every head whose stream begins with `prefix` to `visit`, once, those on the disk in the order of their streams. It costs little more
   * than reading and verifying them: for whoever looks at all and keeps next to nothing. What is damaged is reported and left out.
   */
  survey(prefix: string, visit: (glance: HeadGlance) => void): Promise<void>;

  readonly kv: KeyValue;
  /** Makes durable what was appended before, then refuses everything with `JOURNAL_CLOSED`. */
  close(): Promise<void>;
}
