// The streams that are not journaled: the same port, in memory, without a disk, a hash or a text. They live as long as this
// process does, and of one that is removed nothing is left.
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import { assertFollows, measure } from './encode-append.ts';
import { tombstoneOf } from './head/head.ts';
import type {
  Append,
  AppendOptions,
  ErasingAppend,
  EventDraft,
  Head,
  Journal,
  JournalLimits,
  ReadOptions,
  ReadPage,
  Receipt,
  Snapshot,
  Version,
} from './journal.ts';
import { assertStream, assertText, keys } from './keys.ts';
import { chainAt, type VolatileLimits, VolatileStream } from './volatile-stream.ts';

export interface VolatileJournalOptions {
  readonly limits: JournalLimits;
  readonly epoch: number;
  readonly keeps?: Partial<VolatileLimits>;
}

const keepsByDefault: VolatileLimits = { events: 256, snapshots: 3, receipts: 4_096 };

const none: readonly Receipt[] = [];

type Changed = (stream: string) => void;

/** What the port says of single streams. There is no feed: nobody can go on behind a place after the process has ended. */
type Streams = Omit<Journal, 'readAll' | 'feedEnd' | 'kv' | 'list' | 'survey'>;

export class VolatileJournal implements Streams {
  readonly limits: JournalLimits;
  readonly epoch: number;
  readonly incident = undefined;
  /** Nothing waits for a disk. */
  readonly backlogBytes = 0;
  readonly #keeps: VolatileLimits;
  readonly #streams = new Map<string, VolatileStream>();
  readonly #watchers = new Set<Changed>();
  readonly #settled = Promise.resolve();
  #isClosed = false;

  constructor({ limits, epoch, keeps }: VolatileJournalOptions) {
    this.limits = limits;
    this.epoch = epoch;
    this.#keeps = { ...keepsByDefault, ...keeps };
  }

  get size(): number {
    return this.#streams.size;
  }

  has(stream: string): boolean {
    return this.#streams.has(stream);
  }

  /** The head that everybody sees, at once. */
  peek(stream: string): Head | undefined {
    return this.#streams.get(stream)?.visible;
  }

  /** Calls back with each stream that changes, at once and often: to be noted, not to be worked on. */
  watch(changed: Changed): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  /** The heads of streams with a prefix, behind a name, in the order of the names. */
  heads(prefix: string, after: string): readonly Head[] {
    const found = [...this.#streams.values()].flatMap(({ visible }) => visible ?? []);
    return found
      .filter(({ stream }) => stream.startsWith(prefix) && stream > after)
      .sort((a, b) => (a.stream < b.stream ? -1 : 1));
  }

  async head(stream: string): Promise<Head | undefined> {
    return this.#find(stream)?.tail;
  }

  append(
    stream: string,
    expected: Version | null,
    drafts: readonly EventDraft[],
    options: AppendOptions,
  ): Promise<Append> {
    try {
      return this.#append(stream, expected, drafts, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  receipt(stream: string, key: string): Json | undefined {
    assertText(key);
    return this.#find(stream)?.receipt(key);
  }

  async readFrom(stream: string, after: number, options: ReadOptions = {}): Promise<ReadPage> {
    return (
      this.#find(stream)?.read(stream, after, options) ?? { events: [], chain: options.chain, end: true }
    );
  }

  async *snapshots(stream: string): AsyncGenerator<Snapshot> {
    yield* this.#find(stream)?.snapshots ?? [];
  }

  async putSnapshot(stream: string, snapshot: Snapshot): Promise<void> {
    const found = this.#find(stream);
    const { visible } = found ?? {};
    if (found === undefined || visible === undefined || snapshot.seq + 1 < visible.firstSeq) return;
    if (snapshot.seq > visible.seq)
      throw new RangeError(`${stream} has no durable event ${snapshot.seq} to take a snapshot of`);
    measure(stream, [{ key: keys.snapshot(stream, snapshot.seq), value: snapshot.state }], this.limits);
    found.putSnapshot(snapshot);
  }

  async trim(stream: string, through: number): Promise<void> {
    const found = this.#find(stream);
    if (found?.visible === undefined || through < found.visible.firstSeq) return;
    const oldest = found.snapshots.at(-1)?.seq ?? 0;
    if (through >= oldest)
      throw new RangeError(
        `Cannot trim ${stream} through ${through}: the oldest kept snapshot is at ${oldest}`,
      );
    found.trim(through);
    this.#tell(stream);
  }

  async remove(stream: string, expected: Version): Promise<Append> {
    const tail = this.#find(stream)?.tail;
    if (tail === undefined || tail.version !== expected) return { ok: false, reason: 'conflict', head: tail };
    this.#streams.delete(stream);
    this.#tell(stream);
    return { ok: true, head: tombstoneOf(tail), durability: 'none' };
  }

  async erase(
    stream: string,
    seqs: readonly number[],
    { expected, events, options, snapshot }: ErasingAppend,
  ): Promise<Append> {
    const tail = this.#find(stream)?.tail;
    const result = await this.append(stream, expected, events, options);
    if (!result.ok) return result;
    this.#streams.get(stream)?.erase(seqs, tail?.seq ?? 0, snapshot?.(result.head));
    return result;
  }

  /** Nothing is overwritten in memory: what was erased is gone. */
  async purge(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#streams.clear();
    this.#watchers.clear();
  }

  #find(stream: string): VolatileStream | undefined {
    const found = this.#streams.get(stream);
    if (found !== undefined) return found;
    if (this.#isClosed) throw new HoldfastError('JOURNAL_CLOSED');
    assertStream(stream);
    return undefined;
  }

  /** Built on at once, seen a microtask later: until then it waits like an append that is with a disk. */
  #append(
    stream: string,
    expected: Version | null,
    drafts: readonly EventDraft[],
    { head: draft, epoch = this.epoch, receipts = none }: AppendOptions,
  ): Promise<Append> {
    const found = this.#find(stream);
    const tail = found?.tail;
    if ((tail?.version ?? null) !== expected || epoch < (tail?.epoch ?? 0))
      return Promise.resolve({ ok: false, reason: 'conflict', head: tail });
    let seq = tail?.seq ?? 0;
    let updatedAt = tail?.updatedAt ?? 0;
    let isText = receipts.length > 0;
    for (const { event, payload } of drafts) {
      seq += 1;
      assertFollows(event, stream, seq);
      updatedAt = event.at;
      isText ||= payload !== '';
    }
    if (isText) this.#measure(stream, drafts, receipts);
    const place = chainAt(seq);
    const head: Head = {
      stream,
      version: place as Version,
      seq,
      firstSeq: tail?.firstSeq ?? 1,
      chain: place,
      epoch,
      status: draft.status,
      updatedAt,
      dueAt: draft.dueAt,
      operations: (tail?.operations ?? 0) + receipts.length,
      summary: draft.summary,
    };
    const kept = found ?? this.#open(stream);
    kept.tail = head;
    return this.#settled.then(() => {
      kept.show(head, drafts, receipts);
      this.#tell(stream);
      return { ok: true, head, durability: 'none' };
    });
  }

  /** As the same append would be measured with a disk; what holds no text was measured by whoever left it out. */
  #measure(stream: string, drafts: readonly EventDraft[], receipts: readonly Receipt[]): void {
    for (const { key } of receipts) assertText(key);
    const writes = [
      ...drafts.map(({ event, payload }) => ({ key: keys.event(stream, event.seq), value: payload })),
      ...receipts.map(({ key, value }) => ({ key: keys.receipt(stream, key), value: JSON.stringify(value) })),
    ];
    measure(stream, writes, this.limits);
  }

  #open(stream: string): VolatileStream {
    const opened = new VolatileStream(this.#keeps);
    this.#streams.set(stream, opened);
    return opened;
  }

  #tell(stream: string): void {
    for (const changed of this.#watchers) changed(stream);
  }
}
