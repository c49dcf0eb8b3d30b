// One stream that is kept in memory alone: its heads, its newest events, its snapshots and its answers, all of them bounded.
import { HoldfastError } from '../base/errors.ts';
import { deepFreeze, type Json } from '../base/json.ts';
import type { EventDraft, Head, ReadOptions, ReadPage, Receipt, Snapshot, StoredEvent } from './journal.ts';
import { corrupt } from './journal-errors.ts';

/** How much of a stream stays once a snapshot tells what came before. */
export interface VolatileLimits {
  /** Events below the newest snapshot that stay readable. */
  readonly events: number;
  readonly snapshots: number;
  /** Answers under the keys of callers. */
  readonly receipts: number;
}

const pageEvents = 256;
const pageBytes = 4 * 1024 * 1024;

export class VolatileStream {
  /** After everything that was appended, also what nobody may see yet. */
  tail: Head | undefined;
  visible: Head | undefined;
  readonly #limits: VolatileLimits;
  /** Those from `firstSeq` on, without a gap. */
  #events: StoredEvent[] = [];
  #bytes: number[] = [];
  /** Older ones that the newest snapshot refers to. */
  #referred = new Map<number, StoredEvent>();
  #snapshots: Snapshot[] = [];
  /** Snapshots of earlier states may hold what was erased. */
  #snapshotsFrom = 0;
  readonly #receipts = new Map<string, Json>();

  constructor(limits: VolatileLimits) {
    this.#limits = limits;
  }

  /** Newest first. */
  get snapshots(): readonly Snapshot[] {
    return this.#snapshots;
  }

  show(head: Head, drafts: readonly EventDraft[], receipts: readonly Receipt[]): void {
    // A trim may have come between.
    this.visible = this.visible === undefined ? head : withFirstSeq(head, this.visible.firstSeq);
    for (const { event, payload, bytes = payload.length } of drafts) {
      this.#events.push(deepFreeze(event));
      this.#bytes.push(bytes);
    }
    for (const { key, value } of receipts) this.#keepReceipt(key, value);
  }

  receipt(key: string): Json | undefined {
    return this.#receipts.get(key);
  }

  read(stream: string, after: number, { limit = pageEvents, chain }: ReadOptions): ReadPage {
    const head = this.visible;
    if (head === undefined) return { events: [], chain, end: true };
    const referred = limit === 1 ? this.#referred.get(after + 1) : undefined;
    if (referred !== undefined) return { events: [referred], chain: chainAt(after + 1), end: false };
    const { firstSeq, seq } = head;
    if (after + 1 < firstSeq) throw new HoldfastError('HISTORY_TRIMMED', { stream, firstSeq });
    if (chain !== undefined && after > seq)
      throw corrupt(stream, seq + 1, 'it was read before and is missing now');
    if (chain !== undefined && chain !== chainAt(after))
      throw corrupt(stream, after === seq ? seq : after + 1, 'it does not follow the record before it');
    const events = this.#page(after + 1 - firstSeq, limit);
    const last = after + events.length;
    return { events, chain: events.length > 0 ? chainAt(last) : chain, end: last >= seq };
  }

  /** The newest, in the order of their seqs; what lies below the newest by more than may be kept is forgotten. */
  putSnapshot(snapshot: Snapshot): void {
    if (snapshot.seq < this.#snapshotsFrom) return;
    const others = this.#snapshots.filter(({ seq }) => seq !== snapshot.seq);
    this.#snapshots = [snapshot, ...others].sort((a, b) => b.seq - a.seq).slice(0, this.#limits.snapshots);
    const [newest] = this.#snapshots;
    if (newest === snapshot) this.#forgetBelow(snapshot);
  }

  /** Snapshots of what was up to `through` go, and none of them comes back. */
  erase(seqs: readonly number[], through: number, snapshot: Snapshot | undefined): void {
    const firstSeq = this.visible?.firstSeq ?? 1;
    for (const seq of seqs) {
      const event = this.#events[seq - firstSeq];
      if (event?.seq === seq) this.#events[seq - firstSeq] = erasedEvent(event);
      const referred = this.#referred.get(seq);
      if (referred !== undefined) this.#referred.set(seq, erasedEvent(referred));
    }
    this.#snapshotsFrom = through + 1;
    this.#snapshots = snapshot === undefined ? [] : [snapshot];
  }

  trim(through: number): void {
    const dropped = through + 1 - (this.visible?.firstSeq ?? 1);
    if (dropped <= 0) return;
    this.#events = this.#events.slice(dropped);
    this.#bytes = this.#bytes.slice(dropped);
    for (const head of ['tail', 'visible'] as const) {
      const known = this[head];
      if (known !== undefined) this[head] = { ...known, firstSeq: through + 1 };
    }
  }

  #page(from: number, limit: number): StoredEvent[] {
    let bytes = 0;
    let to = from;
    for (; to < this.#events.length && to - from < limit && bytes < pageBytes; to++)
      bytes += this.#bytes[to] ?? 0;
    return this.#events.slice(from, to);
  }

  #forgetBelow({ seq, needs = [] }: Snapshot): void {
    const { firstSeq = 1, seq: newest = 0 } = this.visible ?? {};
    const through = Math.min(seq, newest - this.#limits.events);
    const eventAt = (at: number): StoredEvent | undefined =>
      this.#referred.get(at) ?? this.#events[at - firstSeq];
    const referred = new Map<number, StoredEvent>();
    for (const at of needs) {
      const event = at <= through ? eventAt(at) : undefined;
      if (event !== undefined) referred.set(at, event);
    }
    // Only once enough have gathered, so that forgetting costs nothing per event.
    if (through - firstSeq + 1 < this.#limits.events / 2) return;
    this.#referred = referred;
    this.trim(through);
  }

  /** Those that were used last stay. */
  #keepReceipt(key: string, value: Json): void {
    this.#receipts.delete(key);
    this.#receipts.set(key, value);
    if (this.#receipts.size <= this.#limits.receipts) return;
    for (const oldest of this.#receipts.keys()) {
      this.#receipts.delete(oldest);
      return;
    }
  }
}

const erasedEvent = (event: StoredEvent): StoredEvent => Object.freeze({ ...event, data: undefined });

/** Nothing is hashed: in memory a place is its own proof. */
export const chainAt = (seq: number): string => String(seq);

const withFirstSeq = (head: Head, firstSeq: number): Head =>
  head.firstSeq === firstSeq ? head : { ...head, firstSeq };
