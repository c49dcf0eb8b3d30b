// Two journals as one: a stream that is not journaled is in memory, every other is where the disk is. The feed and the small
// values are the disk's. A stream is where it was created, for good. What the disk holds of earlier versions is read in the shape
// of today.
import type { Json } from '../base/json.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { type EventUpcast, upcastEntries, upcastPage } from './event-upcast.ts';
import type {
  Append,
  AppendOptions,
  Cursor,
  ErasingAppend,
  EventDraft,
  FeedEntry,
  Head,
  HeadGlance,
  HeadPage,
  Journal,
  JournalLimits,
  KeyValue,
  Outage,
  ReadOptions,
  ReadPage,
  Snapshot,
  Version,
} from './journal.ts';
import { unpinned } from './pins.ts';
import type { ReplayGuard } from './replay-guard.ts';
import { VolatileJournal } from './volatile-journal.ts';

export class RoutedJournal implements Journal {
  readonly volatile: VolatileJournal;
  readonly #durable: Journal;
  readonly #upcast: EventUpcast;
  readonly #telemetry: Telemetry;
  /** Streams of which it is being asked whether the disk knows them. */
  readonly #creating = new Map<string, Promise<unknown>>();
  #guard: ReplayGuard | undefined;

  /** With a journal in memory that keeps the newest snapshot alone: nothing can damage it. */
  static over(durable: Journal, upcast?: EventUpcast, telemetry?: Telemetry): RoutedJournal {
    const { limits, epoch } = durable;
    const volatile = new VolatileJournal({ limits, epoch, keeps: { snapshots: 1 } });
    return new RoutedJournal(durable, volatile, upcast, telemetry);
  }

  constructor(durable: Journal, volatile: VolatileJournal, upcast?: EventUpcast, telemetry?: Telemetry) {
    this.#durable = durable;
    this.volatile = volatile;
    this.#upcast = upcast ?? ((event) => event);
    this.#telemetry = telemetry ?? (() => {});
  }

  /** From now on whoever folds events asks it first. */
  guardBy(guard: ReplayGuard): void {
    this.#guard = guard;
  }

  get guard(): ReplayGuard | undefined {
    return this.#guard;
  }

  get limits(): JournalLimits {
    return this.#durable.limits;
  }

  get epoch(): number {
    return this.#durable.epoch;
  }

  get backlogBytes(): number {
    return this.#durable.backlogBytes;
  }

  /** The disk's: what is in memory goes on beside it. */
  get incident(): Promise<void> | undefined {
    return this.#durable.incident;
  }

  get outage(): Outage | undefined {
    return this.#durable.outage;
  }

  get outageDeclared(): Promise<void> | undefined {
    return this.#durable.outageDeclared;
  }

  get kv(): KeyValue {
    return this.#durable.kv;
  }

  head(stream: string): Promise<Head | undefined> {
    const creating = this.#creating.get(stream);
    if (creating !== undefined) return creating.then(() => this.head(stream));
    return this.#of(stream).head(stream);
  }

  append(
    stream: string,
    expected: Version | null,
    events: readonly EventDraft[],
    options: AppendOptions,
  ): Promise<Append> {
    const creating = this.#creating.size === 0 ? undefined : this.#creating.get(stream);
    if (creating !== undefined) return creating.then(() => this.append(stream, expected, events, options));
    if (options.durability === 'none' && expected === null && !this.volatile.has(stream))
      return this.#create(stream, events, options);
    return this.#of(stream).append(stream, expected, events, options);
  }

  receipt(stream: string, key: string): Json | undefined | Promise<Json | undefined> {
    return this.#of(stream).receipt(stream, key);
  }

  readFrom(stream: string, after: number, options?: ReadOptions): Promise<ReadPage> {
    if (this.volatile.has(stream)) return this.volatile.readFrom(stream, after, options);
    return this.#durable.readFrom(stream, after, options).then((page) => upcastPage(page, this.#upcast));
  }

  async readAll(after: Cursor | null, limit?: number): Promise<readonly FeedEntry[]> {
    const entries = await this.#durable.readAll(after, limit);
    return upcastEntries(entries, this.#upcast, ({ code, message, details: { stream, seq } }) =>
      this.#telemetry('record.unreadable', { stream, seq, code, problem: message }),
    );
  }

  feedEnd(): Cursor {
    return this.#durable.feedEnd();
  }

  snapshots(stream: string, damaged?: (seq: number) => void): AsyncIterable<Snapshot> {
    return this.#of(stream).snapshots(stream, damaged);
  }

  putSnapshot(stream: string, snapshot: Snapshot): Promise<void> {
    return this.#of(stream).putSnapshot(stream, snapshot);
  }

  /** What is pinned stays. */
  async trim(stream: string, through: number): Promise<void> {
    return this.#of(stream).trim(stream, await unpinned(this.kv, stream, through));
  }

  remove(stream: string, expected: Version): Promise<Append> {
    return this.#of(stream).remove(stream, expected);
  }

  erase(stream: string, seqs: readonly number[], append: ErasingAppend): Promise<Append> {
    return this.#of(stream).erase(stream, seqs, append);
  }

  /** The small values are on the disk, wherever the stream is. */
  purge(stream: string, values?: readonly string[]): Promise<boolean> {
    return this.#durable.purge(stream, values);
  }

  /** One order for both: a page ends where the disk's does, or earlier when it is full. */
  async list(query: Parameters<Journal['list']>[0] = {}): Promise<HeadPage> {
    const page = await this.#durable.list(query);
    const { prefix = '', after = '', limit = 1000 } = query;
    const { next } = page;
    const beside = this.volatile
      .heads(prefix, after)
      .filter(({ stream }) => next === undefined || stream <= next);
    if (beside.length === 0) return page;
    const all = [...page.heads, ...beside].sort((a, b) => (a.stream < b.stream ? -1 : 1));
    const last = all.length > limit ? all[limit - 1]?.stream : undefined;
    if (last === undefined) return { ...page, heads: all };
    return { heads: all.slice(0, limit), damaged: page.damaged.filter((name) => name <= last), next: last };
  }

  /** Those in memory come behind all others. */
  async survey(prefix: string, visit: (glance: HeadGlance) => void): Promise<void> {
    await this.#durable.survey(prefix, visit);
    for (const head of this.volatile.heads(prefix, ''))
      visit({ status: head.status, dueAt: head.dueAt, whole: () => head });
  }

  async close(): Promise<void> {
    await Promise.all([this.#durable.close(), this.volatile.close()]);
  }

  #of(stream: string): Journal | VolatileJournal {
    return this.volatile.has(stream) ? this.volatile : this.#durable;
  }

  /** An id that the disk knows is taken. */
  #create(stream: string, events: readonly EventDraft[], options: AppendOptions): Promise<Append> {
    const created = this.#durable.head(stream).then((head): Append | Promise<Append> => {
      if (head !== undefined) return { ok: false, reason: 'conflict', head };
      return this.volatile.append(stream, null, events, options);
    });
    const settled = created.then(nothing, nothing).then(() => {
      if (this.#creating.get(stream) === settled) this.#creating.delete(stream);
    });
    this.#creating.set(stream, settled);
    return created;
  }
}

function nothing(): void {}
