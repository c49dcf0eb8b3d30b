// Events as an async iterator: replayed from a place, then live, without gap or repeat. While it keeps up it is an index
// into a ring that all readers of the topic share; a slow one goes back to the journal, and loses transient events alone.
import type { Waiter } from '../pubsub/ring.ts';
import type { LiveSource, Slot } from './live-source.ts';

export interface EventReaderOptions<Item> {
  readonly source: LiveSource<Item>;
  /** Where to begin; it may refuse. */
  readonly start: () => string | Promise<string>;
  /** Only these items are handed out. */
  readonly wants: (item: Item) => boolean;
  /** It has fallen out of the ring, and so many transient items with it. */
  readonly lagged: (dropped: number) => void;
  /** Called once, when it ends. */
  readonly release: () => void;
}

interface Request<Item> {
  readonly resolve: (result: IteratorResult<Item, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const done = Object.freeze({ value: undefined, done: true as const });

export class EventReader<Item> implements AsyncIterableIterator<Item, undefined, undefined> {
  readonly #options: EventReaderOptions<Item>;
  readonly #source: LiveSource<Item>;
  /** The call of next() that waits; its executor is made once, for there is one for each event of each reader. */
  #resolve: Request<Item>['resolve'] | undefined;
  #reject: Request<Item>['reject'] | undefined;
  readonly #ask = (resolve: Request<Item>['resolve'], reject: Request<Item>['reject']): void => {
    this.#resolve = resolve;
    this.#reject = reject;
  };
  /** Further calls behind it, oldest first. */
  readonly #queue: Request<Item>[] = [];
  readonly #waiter: Waiter = { isWaiting: false, wake: () => this.#serve() };
  #index: number;
  /** Transient items before the index. */
  #transients: number;
  #dropped = 0;
  /** The place of the last durable item that was taken; undefined before the start. */
  #position: string | undefined;
  /** What is behind the ring is read up to here; undefined while the reader is live. */
  #through: string | Promise<string> | undefined;
  #behind: AsyncIterator<readonly Slot<Item>[]> | undefined;
  #page: readonly Slot<Item>[] = [];
  #pageIndex = 0;
  /** Transient items that wait until what came before them was read from the journal. */
  #held: Slot<Item>[] = [];
  /** What comes from the ring up to these places was seen before. */
  #joinedAt: readonly string[] | undefined;
  #isReading = false;
  #isDone = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: EventReaderOptions<Item>) {
    const { ring, end } = options.source;
    this.#options = options;
    this.#source = options.source;
    this.#index = ring.end;
    this.#transients = ring.volatile;
    this.#through = end;
    // Whether it fails is asked when the first event is.
    if (end instanceof Promise) end.catch(() => undefined);
  }

  /** Transient items that were lost because this reader was too slow. */
  get dropped(): number {
    return this.#dropped;
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#resolve !== undefined)
      return new Promise((resolve, reject) => this.#queue.push({ resolve, reject }));
    const value = this.#isDone || this.#isReading ? undefined : this.#take();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    const next = new Promise(this.#ask);
    this.#serve();
    return next;
  }

  /** Ends it at once, also while it waits. */
  return(): Promise<IteratorResult<Item, undefined>> {
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
    this.#source.ring.stopWaiting(this.#waiter);
    this.#page = [];
    this.#held = [];
    this.#behind = undefined;
    this.#options.release();
    this.#serve();
  }

  /** Ends it with an error, which is thrown once. */
  fail(error: unknown): void {
    if (this.#isDone) return;
    this.#failure = { error };
    this.end();
  }

  /** Answers as many of those that wait as it can, and sees to it that there will be more. */
  #serve(): void {
    if (this.#isDone) this.#refuse();
    while (this.#resolve !== undefined && !this.#isReading) {
      const value = this.#take();
      if (value !== undefined) this.#answer({ value, done: false });
      else if (this.#isLive) {
        this.#source.ring.wait(this.#waiter);
        return;
      } else void this.#readBehind();
    }
  }

  #answer(result: IteratorResult<Item, undefined>): void {
    const resolve = this.#resolve;
    this.#goOn();
    resolve?.(result);
  }

  /** The next of those that wait. */
  #goOn(): void {
    const further = this.#queue.length > 0 ? this.#queue.shift() : undefined;
    this.#resolve = further?.resolve;
    this.#reject = further?.reject;
  }

  #refuse(): void {
    const [failure, reject] = [this.#failure, this.#reject];
    if (failure !== undefined && reject !== undefined) {
      this.#failure = undefined;
      this.#goOn();
      reject(failure.error);
    }
    while (this.#resolve !== undefined) this.#answer(done);
  }

  get #isLive(): boolean {
    return this.#through === undefined;
  }

  /** The next item that is at hand and wanted. */
  #take(): Item | undefined {
    for (let slot = this.#next(); slot !== undefined; slot = this.#next()) {
      const { item, cursor } = slot;
      if (cursor !== undefined) this.#position = cursor;
      if (item !== undefined && this.#options.wants(item)) return item;
    }
    return undefined;
  }

  #next(): Slot<Item> | undefined {
    if (this.#pageIndex < this.#page.length) return this.#page[this.#pageIndex++];
    return this.#isLive ? this.#nextOfRing() : undefined;
  }

  #nextOfRing(): Slot<Item> | undefined {
    const { ring } = this.#source;
    if (this.#index < ring.first) return this.#fallOut();
    while (this.#index < ring.end) {
      const slot = ring.at(this.#index++);
      if (slot.cursor === undefined) {
        this.#transients += 1;
        return slot;
      }
      if (this.#wasRead(slot.cursor)) continue;
      if (slot.item !== undefined) return slot;
      this.#through = slot.cursor;
      return undefined;
    }
    return undefined;
  }

  /** The reader may have begun at what is durable and is told of only now. */
  #wasRead(cursor: string): boolean {
    if (this.#joinedAt === undefined) return false;
    if (this.#joinedAt.some((place) => this.#source.isSeen(cursor, place))) return true;
    this.#joinedAt = undefined;
    return false;
  }

  /** Durable items come from the journal now, and then those transient ones that the ring still holds. */
  #fallOut(): undefined {
    const { ring, end } = this.#source;
    const dropped = ring.lost - this.#transients;
    for (let index = ring.first; index < ring.end; index++) {
      const slot = ring.at(index);
      if (slot.cursor === undefined) this.#held.push(slot);
    }
    this.#index = ring.end;
    this.#transients = ring.volatile;
    this.#dropped += dropped;
    this.#through = end;
    this.#options.lagged(dropped);
  }

  /** Reads one page of what lies behind the ring, or finds that nothing does. */
  async #readBehind(): Promise<void> {
    this.#isReading = true;
    try {
      const through = (await this.#through) ?? '';
      this.#position ??= await this.#options.start();
      this.#behind ??= this.#source.replay(this.#position, through);
      const { value, done: isRead } = await this.#behind.next();
      this.#page = value ?? [];
      this.#pageIndex = 0;
      if (isRead === true) this.#join(through);
    } catch (error) {
      this.fail(error);
    }
    this.#isReading = false;
    this.#serve();
  }

  #join(through: string): void {
    this.#joinedAt = [this.#position ?? through, through];
    this.#behind = undefined;
    this.#through = undefined;
    this.#page = this.#held;
    this.#held = [];
  }
}
