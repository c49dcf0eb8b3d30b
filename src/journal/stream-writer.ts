// The write side: what each stream's head is and will be, and the one line in which all writes wait for the disk.
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { CommitLoop, type PendingCommit, type Reached, type Write } from './commit-loop.ts';
import { encodeAppend, measure } from './encode-append.ts';
import { decodeHead } from './head/head.ts';
import { type LiveHead, StreamHeads } from './head/stream-heads.ts';
import type {
  Append,
  AppendOptions,
  EventDraft,
  Head,
  JournalLimits,
  StoredEvent,
  Version,
} from './journal.ts';
import { corrupt, notCommitted, outcomeUnknown } from './journal-errors.ts';
import { keys } from './keys.ts';
import type { LevelFeed } from './level-feed.ts';
import type { LevelStore, Store } from './level-store.ts';
import { PendingAppend } from './pending-append.ts';
import type { StoreWatch } from './store/store-report.ts';

/** A group commit takes no further append beyond this: it keeps the wait of the smallest one bounded. */
const groupBytes = 4 * 1024 * 1024;

/** LevelDB's own option, of which the port below, abstract-level, does not know. */
export const synced: object = { sync: true };
const unsynced: object = { sync: false };

export interface StreamWriterOptions {
  readonly store: LevelStore;
  readonly feed: LevelFeed;
  readonly limits: JournalLimits;
  readonly telemetry: Telemetry;
  /** Makes durable what was written without a sync. */
  readonly syncWritten: () => Promise<void>;
  readonly watch?: StoreWatch;
  /** Learns from a reopened database what is there. */
  readonly learn: (db: Store) => Promise<void>;
}

export class StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #loop: CommitLoop;
  readonly #heads: StreamHeads;
  /** True while something was written that only the operating system has. */
  #hasUnsynced = false;

  constructor(options: StreamWriterOptions) {
    this.#options = options;
    this.#heads = new StreamHeads((stream) => this.#readHead(stream));
    this.#loop = new CommitLoop({
      write: (group) => this.#write(group),
      onFailure: (cause) => this.#beginIncident(cause),
      groupBytes,
    });
  }

  get backlogBytes(): number {
    return this.#loop.backlogBytes;
  }

  /** The heads of a stream now. Not to be kept across an `await`: an incident puts new ones in their place. */
  live(stream: string): LiveHead {
    return this.#heads.get(stream);
  }

  /** Runs the job, which is synchronous up to what it writes, at a time when the journal can be written. */
  async whenReady<T>(job: () => T | Promise<T>): Promise<T> {
    const { store } = this.#options;
    do await store.ready();
    while (store.incident !== undefined);
    return job();
  }

  /** The durable head, after everything that waits for it now. */
  head(stream: string): Promise<Head | undefined> {
    if (this.#options.store.refusal !== undefined) return this.#headMeanwhile(stream);
    const live = this.live(stream);
    return live.tail !== undefined && live.waiting > 0
      ? this.#headBehind(live, live.tail)
      : Promise.resolve(live.durable);
  }

  append(
    stream: string,
    expected: Version | null,
    events: readonly EventDraft[],
    options: AppendOptions,
    epoch: number,
  ): Promise<Append> {
    const live = this.live(stream);
    const { tail } = live;
    const moved = (tail?.version ?? null) !== expected || epoch < (tail?.epoch ?? 0);
    if (moved) return this.conflict(stream);
    const { head, writes, bytes } = encodeAppend(stream, tail, events, options, epoch, this.#options.limits);
    const stored = events.map((draft) => draft.event);
    return this.putHead(live, head, writes, bytes, stored, options.durability !== 'os');
  }

  /** Waits for what the answer shows: the append that it lost to may still fail. */
  async conflict(stream: string): Promise<Append> {
    return { ok: false, reason: 'conflict', head: await this.head(stream) };
  }

  /** Puts writes in line, after which `head` is the stream's; later appends are built on it at once. */
  putHead(
    live: LiveHead,
    head: Head,
    writes: readonly Write[],
    bytes = 0,
    events: readonly StoredEvent[] = [],
    needsSync = true,
  ): Promise<Append> {
    live.tail = head;
    live.waiting += 1;
    return new Promise((resolve, reject) => {
      this.#loop.add(new PendingAppend({ live, head, writes, bytes, events, needsSync, resolve, reject }));
    });
  }

  /** Puts writes in line that belong to no stream's history: no head waits for them. */
  put(stream: string, command: string, writes: readonly Write[]): Promise<void> {
    const bytes = measure(stream, writes, this.#options.limits);
    return new Promise((resolve, reject) => {
      this.#loop.add({
        stream,
        writes,
        bytes,
        events: [],
        needsSync: true,
        committed: () => resolve(),
        failed: (cause) => reject(outcomeUnknown(command, stream, cause)),
        dropped: (cause) => reject(notCommitted(command, stream, cause)),
      });
    });
  }

  /** Settles what waits, then refuses all that comes. What was written without a sync is synced at the latest now. */
  async close(cause: Error): Promise<void> {
    await this.#loop.drain();
    this.#loop.stop(cause);
    if (this.#hasUnsynced)
      await this.#options.syncWritten().catch((error) => this.#notSynced(toError(error)));
  }

  #notSynced({ message: problem }: Error): void {
    this.#options.telemetry('journal.incident', { problem });
  }

  /** A head that was lost, or an older one that came back, would have the next append overwrite what it does not know of. */
  #readHead(stream: string): Head | undefined {
    const { store } = this.#options;
    const stored = store.readSync(stream, 'head', keys.head(stream));
    const head = stored === undefined ? undefined : decodeHead(stream, stored);
    const next = (head?.seq ?? 0) + 1;
    if (store.readSync(stream, next, keys.event(stream, next)) !== undefined)
      throw corrupt(stream, next, 'the head does not know of it');
    return head;
  }

  /** In an outage what is known to be durable is what was before it. */
  async #headMeanwhile(stream: string): Promise<Head | undefined> {
    const { store } = this.#options;
    await store.readable();
    return store.refusal === undefined ? this.head(stream) : this.live(stream).durable;
  }

  /** An empty append settles after all that waits for this stream; an incident settles it too. */
  async #headBehind(live: LiveHead, tail: Head): Promise<Head | undefined> {
    const barrier = await this.putHead(live, tail, [], 0, [], false).catch(() => undefined);
    return barrier?.ok ? barrier.head : this.head(tail.stream);
  }

  /**
   * One chained batch, one fsync when somebody needs it: the appends of the group, and one feed entry for all of their
   * events. LevelDB may change its log file at any write and does not sync the one that it leaves, so that what was written
   * without a sync goes first: what is durable has no hole before it.
   */
  async #write(group: readonly PendingCommit[]): Promise<Reached> {
    const { store, feed, watch } = this.#options;
    const batch = store.db.batch();
    const events: StoredEvent[] = [];
    let bytes = 0;
    let needsSync = false;
    for (const commit of group) {
      needsSync ||= commit.needsSync;
      for (const write of commit.writes) putInto(batch, write);
      for (const event of commit.events) events.push(event);
      bytes += commit.bytes;
      commit.forgetWrites?.();
    }
    const entry = events.length > 0 ? feed.nextEntry(events) : undefined;
    if (entry !== undefined) putInto(batch, entry);
    if (needsSync && this.#hasUnsynced) await this.#options.syncWritten();
    this.#hasUnsynced = !needsSync && (this.#hasUnsynced || batch.length > 0);
    await batch.write(needsSync ? synced : unsynced);
    // The store was found to be gone meanwhile: what was written there is nowhere.
    if (store.incident !== undefined) throw store.refusal ?? new Error('the journal is being reopened');
    if (entry !== undefined) {
      feed.advance(events, bytes);
      watch?.committed(entry, needsSync);
    }
    return needsSync ? 'fsync' : 'os';
  }

  /** Nothing more is written to a store that is not what it was. */
  condemn(cause: Error): void {
    this.#beginIncident(cause);
    this.#loop.stop(cause);
  }

  /** The disk failed: forget what memory believes, reopen, and learn from the disk what is there. */
  #beginIncident(cause: Error): void {
    const { store, telemetry, learn } = this.#options;
    if (store.incident !== undefined) return;
    telemetry('journal.incident', { problem: cause.message });
    store.reopen(cause, learn, () => {
      this.#heads.clear();
      this.#loop.resume();
    });
  }
}

function putInto(batch: ReturnType<Store['batch']>, { key, value }: Write): void {
  if (value === undefined) batch.del(key);
  else batch.put(key, value);
}
