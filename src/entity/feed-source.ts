// The events of all streams in the order of the feed, live: pub/sub only wakes it, and it reads the feed once for all
// readers. A cursor is a feed position, and the event of it that was seen.
import { HoldfastError } from '../base/errors.ts';
import type { Cursor, FeedEntry, Journal, StoredEvent } from '../journal/journal.ts';
import { Ring } from '../pubsub/ring.ts';
import type { Announcement, Listen, Received, Show } from './announcement.ts';
import { isTransientSlot, type LiveSource, ringCapacity, Slot } from './live-source.ts';

const pageEntries = 64;

export interface FeedSourceOptions<Item> {
  readonly journal: Pick<Journal, 'readAll' | 'feedEnd'>;
  readonly listen: Listen;
  readonly show: Show<Item>;
}

export class FeedSource<Item> implements LiveSource<Item> {
  readonly ring = new Ring<Slot<Item>>({ capacity: ringCapacity, isVolatile: isTransientSlot });
  readonly #journal: Pick<Journal, 'readAll' | 'feedEnd'>;
  readonly #show: Show<Item>;
  readonly #stop: () => void;
  #end: Cursor;
  #isReading = false;
  #hasGrown = false;

  constructor({ journal, listen, show }: FeedSourceOptions<Item>) {
    this.#journal = journal;
    this.#show = show;
    this.#end = journal.feedEnd();
    this.#stop = listen((announcement) => this.#hear(announcement));
  }

  get end(): string {
    return this.#end;
  }

  /** The place that a cursor of the user's names, the beginning without one. */
  start(cursor = '0'): string {
    const { position } = parseFeedCursor(cursor);
    // A cursor of another store, or of one that was restored since, would pass over events as soon as they are there.
    if (orderOf(position) > orderOf(this.#journal.feedEnd()))
      throw new HoldfastError('INVALID_CURSOR', { value: cursor });
    return cursor;
  }

  async *replay(after: string, through: string): AsyncGenerator<readonly Slot<Item>[], undefined, undefined> {
    let { position, seen } = parseFeedCursor(after);
    // Readers may be ahead of the source, which then still comes to where they are.
    const last = orderOf(through);
    while (orderOf(position) < last) {
      const entries = await this.#journal.readAll(position, pageEntries);
      if (entries.length === 0) return;
      position = entries.at(-1)?.cursor ?? position;
      const slots = entries
        .filter(({ cursor }) => orderOf(cursor) <= last)
        .flatMap((entry) => this.#slots(entry));
      yield slots.slice(slots.findIndex(({ cursor }) => cursor === seen) + 1);
      seen = '';
    }
  }

  isSeen(cursor: string, place: string): boolean {
    const [of, at] = [orderOf(cursor), orderOf(place)];
    // A place without an event is behind its whole entry.
    return of < at || (of === at && (cursor === place || !place.includes('.')));
  }

  close(): void {
    this.#stop();
  }

  #hear(announcement: Announcement): void {
    if ('transient' in announcement) this.#pass(announcement);
    else if ('volatile' in announcement) for (const event of announcement.volatile) this.#pass({ event });
    else {
      this.#hasGrown = true;
      if (!this.#isReading) void this.#read();
    }
  }

  /** Without a place in the feed it is for whoever keeps up. */
  #pass(received: Received): void {
    if ('event' in received) this.#forgetErased([received.event]);
    const item = this.#show(received);
    if (item !== undefined) this.ring.push(new Slot(item));
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#hasGrown) {
        this.#hasGrown = false;
        await this.#readOn();
      }
    } catch {
      // A hole: each reader goes to the feed itself, and is told what is wrong with it.
      this.#end = this.#journal.feedEnd();
      this.ring.push(new Slot<Item>(undefined, this.#end));
    } finally {
      this.#isReading = false;
    }
  }

  async #readOn(): Promise<void> {
    for (;;) {
      const entries = await this.#journal.readAll(this.#end, pageEntries);
      if (entries.length === 0) return;
      for (const entry of entries) {
        this.#forgetErased(entry.events);
        for (const slot of this.#slots(entry)) if (slot.item !== undefined) this.ring.push(slot);
        this.#end = entry.cursor;
      }
    }
  }

  /** What readers have not come to yet they read from the feed, where it is erased. */
  #forgetErased(events: readonly StoredEvent[]): void {
    if (events.some(({ type }) => type === 'payload.erased')) this.ring.clear();
  }

  #slots({ cursor: entry, events }: FeedEntry): Slot<Item>[] {
    return events.map((event) => {
      const cursor = feedCursor(entry, event);
      return new Slot(this.#show({ event, cursor }), cursor);
    });
  }
}

const feedCursor = (entry: Cursor, { stream, seq }: StoredEvent): string => `${entry}.${stream}.${seq}`;

/** Where the entry of a cursor stands in the feed. */
const orderOf = (cursor: string): number => Number.parseInt(cursor, 36);

/**
 * Reading goes on before the entry, and leaves out what of it was seen. The event is named, not counted: an entry shrinks
 * when a stream of it is removed. When that was the named one, the entry is read again from its beginning.
 */
function parseFeedCursor(cursor: string): { position: Cursor; seen: string } {
  const [entry, event] = /^([0-9a-z]{1,12})(\.[a-z-]+\/[\w-]{1,64}\.\d{1,15})?$/.exec(cursor)?.slice(1) ?? [];
  if (entry === undefined) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  if (event === undefined) return { position: entry as Cursor, seen: '' };
  const before = (orderOf(entry) - 1).toString(36) as Cursor;
  return { position: before, seen: cursor };
}
