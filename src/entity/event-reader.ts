// Events as an async iterator: replayed from a place, then live, without gap or repeat. While it keeps up it is an index
// into a ring that all readers of the topic share; a slow one goes back to the journal, and loses transient events alone.
import type { Ring, Waiter } from '../pubsub/ring.ts';
import { Backlog } from './backlog.ts';
import type { LiveSource, Slot } from './live-source.ts';

/** What a reader tells of itself. */
export interface ReaderMembership {
  /** It has fallen out of the ring, and so many transient items with it. */
  lagged(dropped: number): void;
  /** Called once, when it ends. */
  release(): void;
}

export interface EventReaderOptions<Item> {
  readonly source: LiveSource<Item>;
  /** Where to begin; it may refuse. */
  readonly start: () => string | Promise<string>;
  /** Only these items are handed out; all of them without it. */
  readonly wants: ((item: Item) => boolean) | undefined;
  readonly membership: ReaderMembership;
}

type Result<Item> = IteratorResult<Item, undefined>;

interface Request<Item> {
  readonly resolve: (result: Result<Item>) => void;
  readonly reject: (error: unknown) => void;
}

const done = Object.freeze({ value: undefined, done: true as const });

export class EventReader<Item> implements AsyncIterableIterator<Item, undefined, undefined> {
  // First what each event of each reader touches: it is a few lines of the processor's cache.
  readonly #ring: Ring<Slot<Item>>;
  #index: number;
  /** Transient items before the index. */
  #transients: number;
  /** The place of the last durable item that was taken; undefined before the start. */
  #position: string | undefined;
  /** What lies behind the ring; undefined while the reader is live. */
  #backlog: Backlog<Item> | undefined;
  /** What comes from the ring up to these places was seen before. */
  #joinedAt: readonly string[] | undefined;
  readonly #wants: ((item: Item) => boolean) | undefined;
  #isDone = false;
  /** The oldest call of next() is answered by `#look`, when the ring has changed. */
  #isListening = false;
  /** Calls of next() that wait, behind that one, oldest first. */
  #queue: Request<Item>[] | undefined;
  readonly #look = (): Result<Item> | Promise<Result<Item>> => this.#lookUp();
  readonly #source: LiveSource<Item>;
  readonly #membership: ReaderMembership;
  #start: (() => string | Promise<string>) | undefined;
  #waiter: Waiter | undefined;
  #dropped = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor({ source, start, wants, membership }: EventReaderOptions<Item>) {
    const { ring, end } = source;
    this.#ring = ring;
    this.#index = ring.end;
    this.#transients = ring.volatile;
    this.#backlog = new Backlog(source, end);
    this.#wants = wants;
    this.#source = source;
    this.#membership = membership;
    this.#start = start;
    // Whether it fails is asked when the first event is.
    if (end instanceof Promise) end.catch(() => undefined);
  }

  /** Transient items that were lost because this reader was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  // No async function, and no promise of its own when the item is at hand: this is most of what an event costs a reader.
  next(): Promise<Result<Item>> {
    if (this.#isListening || this.#queue !== undefined) return this.#queueUp('last');
    if (this.#isDone) return this.#ended();
    const slot = this.#take();
    if (slot !== undefined) return slot.answer;
    if (this.#backlog !== undefined) return this.#queueUp('last');
    this.#isListening = true;
    return this.#ring.changed.then(this.#look);
  }

  /** Ends it at once, also while it waits. */
  return(): Promise<Result<Item>> {
    this.end();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  /** Who waits is told that there is nothing more. */
  end(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#backlog = undefined;
    if (this.#isListening) this.#ring.rouse();
    if (this.#waiter !== undefined) this.#ring.stopWaiting(this.#waiter);
    this.#membership.release();
    this.#serve();
  }

  /** Ends it with an error, which is thrown once. */
  fail(error: unknown): void {
    if (this.#isDone) return;
    this.#failure = { error };
    this.end();
  }

  /** Answers the call that waited for the ring to change: most often there is one more item. */
  #lookUp(): Result<Item> | Promise<Result<Item>> {
    this.#isListening = false;
    const slot = this.#isDone ? undefined : this.#take();
    if (slot === undefined && !this.#isDone) return this.#queueUp('first');
    // Those behind it are answered after it.
    if (this.#queue !== undefined) queueMicrotask(() => this.#serve());
    return slot === undefined ? this.#last() : slot.result;
  }

  #queueUp(place: 'first' | 'last'): Promise<Result<Item>> {
    return new Promise((resolve, reject) => {
      this.#queue ??= [];
      if (place === 'first') this.#queue.unshift({ resolve, reject });
      else this.#queue.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Answers as many of those that wait as it can, and sees to it that there will be more. */
  #serve(): void {
    if (this.#isListening) return;
    if (this.#isDone) this.#refuse();
    while (this.#queue !== undefined && this.#backlog?.isReading !== true) {
      const slot = this.#take();
      if (slot !== undefined) this.#answer(this.#queue, slot.result);
      else if (this.#backlog !== undefined) void this.#readOn(this.#backlog);
      else {
        this.#waiter ??= { isWaiting: false, wake: () => this.#serve() };
        this.#ring.wait(this.#waiter);
        return;
      }
    }
  }

  #answer(queue: Request<Item>[], result: Result<Item>): void {
    const request = queue.shift();
    if (queue.length === 0) this.#queue = undefined;
    request?.resolve(result);
  }

  #refuse(): void {
    const queue = this.#queue ?? [];
    this.#queue = undefined;
    for (const { resolve, reject } of queue) this.#ended().then(resolve, reject);
  }

  async #ended(): Promise<Result<Item>> {
    return this.#last();
  }

  /** There is nothing more; why is thrown once. */
  #last(): Result<Item> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return done;
  }

  /** The next item that is at hand and wanted. */
  #take(): Slot<Item> | undefined {
    for (let slot = this.#next(); slot !== undefined; slot = this.#next()) {
      const { item, cursor } = slot;
      if (cursor !== undefined) this.#position = cursor;
      if (item !== undefined && (this.#wants === undefined || this.#wants(item))) return slot;
    }
    return undefined;
  }

  #next(): Slot<Item> | undefined {
    if (this.#backlog === undefined) return this.#nextOfRing();
    const slot = this.#backlog.take();
    if (slot !== undefined || !this.#backlog.isRead) return slot;
    this.#backlog = undefined;
    return this.#nextOfRing();
  }

  #nextOfRing(): Slot<Item> | undefined {
    const ring = this.#ring;
    if (this.#index < ring.first) return this.#fallOut();
    while (this.#index < ring.end) {
      const slot = ring.at(this.#index++);
      if (slot.cursor === undefined) {
        this.#transients += 1;
        return slot;
      }
      if (this.#joinedAt !== undefined && this.#wasRead(slot.cursor, this.#joinedAt)) continue;
      if (slot.item !== undefined) return slot;
      this.#backlog = new Backlog(this.#source, slot.cursor);
      return undefined;
    }
    return undefined;
  }

  /** The reader may have begun at what is durable and is told of only now. */
  #wasRead(cursor: string, joinedAt: readonly string[]): boolean {
    if (joinedAt.some((place) => this.#source.isSeen(cursor, place))) return true;
    this.#joinedAt = undefined;
    return false;
  }

  /** Durable items come from the journal now, and then those transient ones that the ring still holds. */
  #fallOut(): undefined {
    const { ring, end } = this.#source;
    const dropped = ring.lost - this.#transients;
    const held: Slot<Item>[] = [];
    for (let index = ring.first; index < ring.end; index++) {
      const slot = ring.at(index);
      if (slot.cursor === undefined) held.push(slot);
    }
    this.#index = ring.end;
    this.#transients = ring.volatile;
    this.#dropped += dropped;
    this.#backlog = new Backlog(this.#source, end, held);
    this.#membership.lagged(dropped);
  }

  /** Reads one page of what lies behind the ring, or finds that nothing does. */
  async #readOn(backlog: Backlog<Item>): Promise<void> {
    backlog.isReading = true;
    try {
      const through = await backlog.through;
      this.#position ??= await this.#begin(through);
      await backlog.readPage(this.#position, through);
      if (backlog.isRead) this.#joinedAt = [this.#position, through];
    } catch (error) {
      this.fail(error);
    }
    backlog.isReading = false;
    this.#serve();
  }

  /** Asked once: what it holds is not held any longer. */
  async #begin(through: string): Promise<string> {
    const start = this.#start;
    this.#start = undefined;
    return start === undefined ? through : start();
  }
}
