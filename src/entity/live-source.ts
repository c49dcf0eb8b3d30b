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
  #result: IteratorYieldResult<Item> | undefined;
  #answer: Promise<IteratorYieldResult<Item>> | undefined;

  constructor(item: Item | undefined, cursor?: string) {
    this.item = item;
    this.cursor = cursor;
  }

  /** What every reader that waited for it is given: made once, and frozen, for they share it. There is an item. */
  get result(): IteratorYieldResult<Item> {
    this.#result ??= Object.freeze({ value: this.item as Item, done: false as const });
    return this.#result;
  }

  /** The same for a reader that finds it at hand. */
  get answer(): Promise<IteratorYieldResult<Item>> {
    this.#answer ??= Promise.resolve(this.result);
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
