// Events as an async iterator: replayed from a cursor, then live, without gap or repeat. Events that became durable are
// taken from a bounded buffer while it reaches back far enough, and from the journal when the reader is slow.
import { HoldfastError } from '../base/errors.ts';
import type { Cursor, Journal, StoredEvent } from '../journal/journal.ts';

/** An event without a seq, for whoever listens now. */
export interface TransientEvent {
  readonly stream: string;
  readonly at: number;
  readonly type: string;
  readonly data: unknown;
}

/** What pub/sub carries: events that became durable together, or a transient one. */
export type Announcement =
  | { readonly durable: readonly StoredEvent[] }
  | { readonly transient: TransientEvent };

export type Listen = (listener: (announcement: Announcement) => void) => () => void;

/** What a reader receives: the event and where to go on after it. */
export type Received =
  | { readonly event: StoredEvent; readonly cursor: string }
  | { readonly transient: TransientEvent };

/** So much of what is live waits for a slow reader; beyond it durable events come from the journal, transient ones are dropped. */
const bufferSize = 256;

interface ReaderOptions {
  readonly listen: Listen;
  readonly signal?: AbortSignal | undefined;
  /** Reads what lies behind the position, and moves it. Empty at the end. */
  readonly readBehind: () => Promise<readonly Received[]>;
  /** An event from the buffer, when it is the next one after the position. */
  readonly accept: (event: StoredEvent) => Received | 'seen' | 'gap';
}

async function* read({ listen, signal, readBehind, accept }: ReaderOptions): AsyncGenerator<Received> {
  const live = new LiveBuffer(listen, signal);
  try {
    for (;;) {
      for (let behind = await readBehind(); behind.length > 0; behind = await readBehind()) {
        signal?.throwIfAborted();
        yield* behind;
      }
      while (!(yield* live.take(accept))) {
        signal?.throwIfAborted();
        await live.more();
      }
    }
  } finally {
    live.close();
  }
}

/** The events of one stream after `after`, a seq. */
export function readStream(
  journal: Journal,
  stream: string,
  after: number,
  listen: Listen,
  signal?: AbortSignal,
): AsyncGenerator<Received> {
  let seq = after;
  let chain: string | undefined;
  const received = (event: StoredEvent): Received => ({ event, cursor: String(event.seq) });
  return read({
    listen,
    signal,
    async readBehind() {
      const page = await journal.readFrom(stream, seq, chain === undefined ? {} : { chain });
      seq = page.events.at(-1)?.seq ?? seq;
      chain = page.events.length > 0 ? page.chain : chain;
      return page.events.map(received);
    },
    accept(event) {
      if (event.seq <= seq) return 'seen';
      if (event.seq > seq + 1) return 'gap';
      seq = event.seq;
      chain = undefined;
      return received(event);
    },
  });
}

/** The events of all streams in the order of the feed; a cursor is a feed position and the event of it that was seen. */
export function readFeed(
  journal: Journal,
  after: string | null,
  listen: Listen,
  signal?: AbortSignal,
): AsyncGenerator<Received> {
  let { position, seen } = parseFeedCursor(after);
  return read({
    listen,
    signal,
    async readBehind() {
      // Of a whole page nothing may be left, and the end is still not reached.
      for (;;) {
        const entries = await journal.readAll(position, 64);
        const [first, ...others] = entries.map((entry) =>
          entry.events.map((event) => ({ event, cursor: feedCursor(entry.cursor, event) })),
        );
        if (first === undefined) return [];
        position = entries.at(-1)?.cursor ?? position;
        const skip = first.findIndex(({ cursor }) => cursor === seen) + 1;
        seen = undefined;
        const received = [first.slice(skip), ...others].flat();
        if (received.length > 0) return received;
      }
    },
    accept: () => 'gap',
  });
}

const feedCursor = (entry: Cursor, { stream, seq }: StoredEvent): string => `${entry}.${stream}.${seq}`;

/**
 * Reading goes on before the entry, and leaves out what of it was seen. The event is named, not counted: an entry shrinks
 * when a stream of it is removed. When that was the named one, the entry is read again from its beginning.
 */
function parseFeedCursor(cursor: string | null): { position: Cursor | null; seen: string | undefined } {
  if (cursor === null) return { position: null, seen: undefined };
  const [entry, event] = /^([0-9a-z]{1,12})(\.[a-z-]+\/[\w-]{1,64}\.\d{1,15})?$/.exec(cursor)?.slice(1) ?? [];
  if (entry === undefined) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  if (event === undefined) return { position: entry as Cursor, seen: undefined };
  const before = (Number.parseInt(entry, 36) - 1).toString(36) as Cursor;
  return { position: before, seen: cursor };
}

class LiveBuffer {
  readonly #stop: () => void;
  readonly #signal: AbortSignal | undefined;
  #waiting: (StoredEvent | { readonly transient: TransientEvent })[] = [];
  #overflowed = false;
  #woken = false;
  #wake: () => void = () => {};

  constructor(listen: Listen, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#stop = listen((announcement) => this.#add(announcement));
    signal?.addEventListener('abort', this.#notify);
  }

  /**
   * Yields what came since. True when durable events are missing from it, so that the journal must be read first; what
   * is in no journal is kept until then.
   */
  *take(accept: ReaderOptions['accept']): Generator<Received, boolean> {
    this.#woken = false;
    const { waiting, overflowed } = { waiting: this.#waiting, overflowed: this.#overflowed };
    this.#waiting = [];
    this.#overflowed = false;
    for (const [at, item] of waiting.entries()) {
      const outcome = 'transient' in item ? item : accept(item);
      if (outcome === 'gap') {
        this.#waiting.unshift(...waiting.slice(at).filter((behind) => 'transient' in behind));
        return true;
      }
      if (outcome !== 'seen') yield outcome;
    }
    return overflowed;
  }

  /** Resolves once there may be more. */
  async more(): Promise<void> {
    if (this.#woken) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  close(): void {
    this.#stop();
    this.#signal?.removeEventListener('abort', this.#notify);
  }

  #add(announcement: Announcement): void {
    const items = 'transient' in announcement ? [announcement] : announcement.durable;
    const room = Math.max(0, bufferSize - this.#waiting.length);
    this.#waiting.push(...items.slice(0, room));
    if (items.length > room && 'durable' in announcement) this.#overflowed = true;
    this.#notify();
  }

  readonly #notify = (): void => {
    this.#woken = true;
    this.#wake();
  };
}
