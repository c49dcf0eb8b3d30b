// The events of a few streams that are read as one, live: what is announced is put into the ring, each event once and in
// its place. Pub/sub may lose, double and reorder announcements: a hole is put into the ring as a hole.
import { HoldfastError } from '../base/errors.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';
import { Ring } from '../pubsub/ring.ts';
import type { Announcement, Listen, Show } from './announcement.ts';
import { isTransientSlot, type LiveSource, ringCapacity, Slot } from './live-source.ts';
import { replayStreams } from './replay-streams.ts';
import { beginningOf, completeSeqs, endOf, parseSeqs, type Seqs, seqsCursor } from './stream-cursor.ts';

export interface StreamSourceOptions<Item> {
  readonly journal: Pick<Journal, 'head' | 'readFrom'>;
  readonly streams: readonly string[];
  readonly listen: Listen;
  readonly show: Show<Item>;
}

export class StreamSource<Item> implements LiveSource<Item> {
  readonly ring = new Ring<Slot<Item>>({ capacity: ringCapacity, isVolatile: isTransientSlot });
  readonly #journal: Pick<Journal, 'head' | 'readFrom'>;
  readonly #streams: readonly string[];
  readonly #show: Show<Item>;
  readonly #stop: () => void;
  /** The newest seqs that the ring was given; undefined until it is known where the streams stand. */
  #seqs: number[] | undefined;
  /** The newest seqs that were announced before that. */
  readonly #early: number[];
  #loading: Promise<string> | undefined;

  constructor({ journal, streams, listen, show }: StreamSourceOptions<Item>) {
    this.#journal = journal;
    this.#streams = streams;
    this.#show = show;
    this.#early = streams.map(() => 0);
    this.#stop = listen((announcement) => this.#hear(announcement));
  }

  get end(): string | Promise<string> {
    if (this.#seqs !== undefined) return seqsCursor(this.#seqs);
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /**
   * The place that a cursor of the user's names, the beginning without one. It may name the first streams only; of the
   * others what is older was seen.
   */
  async start(cursor: string | undefined): Promise<string> {
    const heads = await Promise.all(this.#streams.map((stream) => this.#journal.head(stream)));
    if (cursor === undefined) return seqsCursor(beginningOf(heads));
    const seqs = await completeSeqs(this.#journal, this.#parse(cursor), heads);
    if (seqs.some((seq, i) => seq > (heads[i]?.seq ?? 0)))
      throw new HoldfastError('INVALID_CURSOR', { value: cursor });
    // It may name what is durable and was not told of yet.
    this.#learn(seqs);
    return seqsCursor(seqs);
  }

  async *replay(after: string, through: string): AsyncGenerator<readonly Slot<Item>[], undefined, undefined> {
    const [from, to] = [this.#parse(after), this.#parse(through)];
    for await (const page of replayStreams(this.#journal, this.#streams, from, to)) {
      yield page.map(({ event, seqs }) => this.#slot(event, seqs));
    }
  }

  isSeen(cursor: string, place: string): boolean {
    const seen = this.#parse(place);
    return this.#parse(cursor).every((seq, i) => seq <= (seen[i] ?? 0));
  }

  close(): void {
    this.#stop();
  }

  /** The journal is known to hold events up to here, announced or not. */
  #learn(seqs: Seqs): void {
    const known = this.#seqs;
    if (known === undefined || seqs.every((seq, i) => seq <= (known[i] ?? 0))) return;
    this.#seqs = known.map((seq, i) => Math.max(seq, seqs[i] ?? 0));
    this.ring.push(new Slot<Item>(undefined, seqsCursor(this.#seqs)));
  }

  async #load(): Promise<string> {
    try {
      const heads = await Promise.all(this.#streams.map((stream) => this.#journal.head(stream)));
      const seqs = endOf(heads);
      this.#seqs = [...seqs];
      this.#learn(this.#early);
      return seqsCursor(seqs);
    } finally {
      this.#loading = undefined;
    }
  }

  #hear(announcement: Announcement): void {
    if ('transient' in announcement) {
      const item = this.#show(announcement);
      if (item !== undefined) this.ring.push(new Slot(item));
      return;
    }
    const events = 'durable' in announcement ? announcement.durable : announcement.volatile;
    for (const event of events) this.#take(event);
  }

  #take(event: StoredEvent): void {
    const lane = this.#streams.indexOf(event.stream);
    if (lane < 0) return;
    if (this.#seqs === undefined) {
      this.#early[lane] = Math.max(this.#early[lane] ?? 0, event.seq);
      return;
    }
    if (event.seq <= (this.#seqs[lane] ?? 0)) return;
    // What readers have not come to yet they read from the journal, where it is erased.
    if (event.type === 'payload.erased') this.ring.clear();
    this.#learn(this.#seqs.with(lane, event.seq - 1));
    this.#seqs[lane] = event.seq;
    this.ring.push(this.#slot(event, this.#seqs));
  }

  #slot(event: StoredEvent, seqs: Seqs): Slot<Item> {
    const cursor = seqsCursor(seqs);
    return new Slot(this.#show({ event, cursor }), cursor);
  }

  #parse(cursor: string): Seqs {
    return parseSeqs(cursor, this.#streams.length);
  }
}
