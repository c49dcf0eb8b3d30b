// What a reader has to read from the journal before it is live: page by page up to a place, and then the transient items
// that came meanwhile. It is there only while a reader is behind, so that a live one stays small.
import type { LiveSource, Slot } from './live-source.ts';

export class Backlog<Item> {
  readonly through: string | Promise<string>;
  /** A page is on its way. */
  isReading = false;
  readonly #source: LiveSource<Item>;
  #held: readonly Slot<Item>[];
  #pages: AsyncIterator<readonly Slot<Item>[]> | undefined;
  #page: readonly Slot<Item>[] = [];
  #index = 0;
  #isRead = false;

  /** `held` are transient items, which wait until what came before them was read. */
  constructor(source: LiveSource<Item>, through: string | Promise<string>, held: readonly Slot<Item>[] = []) {
    this.#source = source;
    this.through = through;
    this.#held = held;
  }

  /** The next item of the page at hand. */
  take(): Slot<Item> | undefined {
    return this.#page[this.#index++];
  }

  /** True when its last page was read; what `take` has after that is the end of it. */
  get isRead(): boolean {
    return this.#isRead;
  }

  async readPage(after: string, through: string): Promise<void> {
    this.#pages ??= this.#source.replay(after, through);
    const { value, done } = await this.#pages.next();
    this.#isRead = done === true;
    this.#page = this.#isRead ? this.#held : (value ?? []);
    this.#index = 0;
  }
}
