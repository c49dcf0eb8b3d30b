// Where the readers of one topic get their events: a ring that all of them share, and the way back to what is behind it.
import type { Ring } from '../pubsub/ring.ts';

/**
 * What a ring holds. Without a cursor it is transient, and kept nowhere else. Without an item it is a hole: who comes to it
 * reads up to its cursor from the journal first.
 */
export class Slot<Item> {
  readonly item: Item | undefined;
  /** The place behind it. */
  readonly cursor: string | undefined;
  #answer: Promise<IteratorYieldResult<Item>> | undefined;

  constructor(item: Item | undefined, cursor?: string) {
    this.item = item;
    this.cursor = cursor;
  }

  /**
   * What a reader answers with that waited for it; there is an item. Not shared, for then it would have to be frozen, and V8
   * looks for a `then` in what a promise is resolved with, unless it is a plain result.
   */
  get result(): IteratorYieldResult<Item> {
    return { value: this.item as Item, done: false };
  }

  /** What readers answer with that find it at hand: made once, and frozen, for they share it. */
  get answer(): Promise<IteratorYieldResult<Item>> {
    this.#answer ??= Promise.resolve(Object.freeze(this.result));
    return this.#answer;
  }
}

/** Durable items stand in the ring in the order of their places, each place once. */
export interface LiveSource<Item> {
  readonly ring: Ring<Slot<Item>>;
  /** The place behind the last durable item that the ring was given. It fails when the journal cannot be read. */
  readonly end: string | Promise<string>;
  /** The durable items behind one place, up to another, page by page. */
  replay(after: string, through: string): AsyncIterator<readonly Slot<Item>[]>;
  /** True when who has come to `place` has seen the item with this cursor. */
  isSeen(cursor: string, place: string): boolean;
  close(): void;
}

/** So many events of a topic are held for its readers. */
export const ringCapacity = 1_024;

export const isTransientSlot = ({ cursor }: Slot<unknown>): boolean => cursor === undefined;
