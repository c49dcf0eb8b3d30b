// The newest items of a topic, held once for all who read them: a reader is an index into it, and one that is too slow
// finds its index gone. Items that are kept nowhere else are volatile: those that fell out are counted.

export interface RingOptions<Item> {
  /** So many items are held; each further one pushes out the oldest. */
  readonly capacity: number;
  readonly isVolatile: (item: Item) => boolean;
}

/** Somebody who waits for the next item; one object per reader. */
export interface Waiter {
  isWaiting: boolean;
  /** Must not throw. */
  wake(): void;
}

export class Ring<Item> {
  readonly #capacity: number;
  readonly #isVolatile: (item: Item) => boolean;
  readonly #slots: Item[] = [];
  #first = 0;
  #end = 0;
  #volatile = 0;
  #lost = 0;
  #waiting: Waiter[] = [];
  /** Those among them that have left. */
  #gone = 0;
  #isWaking = false;
  #changed: Promise<void> | undefined;
  #tell: (() => void) | undefined;

  constructor({ capacity, isVolatile }: RingOptions<Item>) {
    this.#capacity = capacity;
    this.#isVolatile = isVolatile;
  }

  /** The index of the oldest item that is held. */
  get first(): number {
    return this.#first;
  }

  /** The index that the next item will have. */
  get end(): number {
    return this.#end;
  }

  /** How many volatile items there were so far. */
  get volatile(): number {
    return this.#volatile;
  }

  /** How many of them have fallen out. */
  get lost(): number {
    return this.#lost;
  }

  /** The item at an index that is held; an index is below the end and not below the first. */
  at(index: number): Item {
    return this.#slots[index % this.#capacity] as Item;
  }

  push(item: Item): void {
    if (this.#end - this.#first === this.#capacity) {
      if (this.#isVolatile(this.at(this.#first))) this.#lost += 1;
      this.#first += 1;
    }
    this.#slots[this.#end % this.#capacity] = item;
    this.#end += 1;
    if (this.#isVolatile(item)) this.#volatile += 1;
    this.rouse();
    this.#wakeSoon();
  }

  /** Lets go of all that it holds: who has not come to its end has fallen out. */
  clear(): void {
    for (; this.#first < this.#end; this.#first++)
      if (this.#isVolatile(this.at(this.#first))) this.#lost += 1;
    this.#slots.length = 0;
  }

  /**
   * Resolves when the next item is there, or somebody was roused: one promise for all who wait, and the cheapest way to. Who
   * may have to stop waiting alone waits by `wait`, or rouses all.
   */
  get changed(): Promise<void> {
    this.#changed ??= new Promise((resolve) => {
      this.#tell = resolve;
    });
    return this.#changed;
  }

  /** All who wait for a change look up, for one of them has another reason to. */
  rouse(): void {
    const tell = this.#tell;
    if (tell === undefined) return;
    this.#changed = undefined;
    this.#tell = undefined;
    tell();
  }

  /** Wakes it once, when there is more: one microtask for all that wait, however much came. */
  wait(waiter: Waiter): void {
    if (waiter.isWaiting) return;
    waiter.isWaiting = true;
    this.#waiting.push(waiter);
  }

  stopWaiting(waiter: Waiter): void {
    if (!waiter.isWaiting) return;
    waiter.isWaiting = false;
    this.#gone += 1;
    if (this.#gone * 2 > this.#waiting.length) this.#sweep();
  }

  #wakeSoon(): void {
    if (this.#isWaking || this.#waiting.length === 0) return;
    this.#isWaking = true;
    queueMicrotask(() => {
      this.#isWaking = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      this.#gone = 0;
      for (const waiter of waiting) {
        if (!waiter.isWaiting) continue;
        waiter.isWaiting = false;
        waiter.wake();
      }
    });
  }

  #sweep(): void {
    this.#waiting = this.#waiting.filter(({ isWaiting }) => isWaiting);
    this.#gone = 0;
  }
}
