// Looks now and then whether the store still lies where it was opened, and whether there is space for its reserve.
import type { Clock } from '../../base/clock.ts';
import type { HoldfastError } from '../../base/errors.ts';
import type { LevelStore } from '../level-store.ts';
import type { StorePlace } from './store-place.ts';

const lookEveryMs = 5_000;

/** After the start, so that it is in nobody's way, and short-lived processes make none. */
const firstReserveMs = 10_000;

export class StorageWatch {
  readonly #place: StorePlace;
  readonly #store: LevelStore;
  readonly #clock: Clock;
  readonly #condemn: (gone: HoldfastError) => void;
  #reserveAt = 0;
  #cancel = (): void => {};
  #closed = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(place: StorePlace, store: LevelStore, clock: Clock, condemn: (gone: HoldfastError) => void) {
    this.#place = place;
    this.#store = store;
    this.#clock = clock;
    this.#condemn = condemn;
  }

  begin(): void {
    this.#reserveAt = this.#clock.now() + firstReserveMs;
    this.#schedule();
  }

  /** Resolves when it touches nothing any more. */
  close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    return this.#looking;
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancel = this.#clock.schedule(lookEveryMs, () => {
      this.#looking = this.#look().then(() => this.#schedule());
    });
  }

  /** An incident looks for itself. */
  async #look(): Promise<void> {
    if (this.#store.incident !== undefined) return;
    const gone = await this.#place.look();
    if (this.#closed || this.#store.incident !== undefined) return;
    if (gone !== undefined) this.#condemn(gone);
    else await this.#keepReserve();
  }

  async #keepReserve(): Promise<void> {
    if (this.#clock.now() < this.#reserveAt) return;
    const hasSpace = await this.#place.makeReserve();
    this.#store.ease(hasSpace, lookEveryMs);
  }
}
