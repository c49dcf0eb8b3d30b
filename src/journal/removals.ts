// What follows a tombstone: the stream's keys are cleared, once, also when a kill or an incident comes between.
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Write } from './commit-loop.ts';
import type { Append } from './journal.ts';
import { notCommitted } from './journal-errors.ts';
import { keys, prefixRange, rangeOf, streamOf } from './keys.ts';
import type { LevelStore, Store } from './level-store.ts';

export class Removals {
  readonly #store: LevelStore;
  readonly #telemetry: Telemetry;
  readonly #pending = new Map<string, Promise<void>>();

  constructor(store: LevelStore, telemetry: Telemetry) {
    this.#store = store;
    this.#telemetry = telemetry;
  }

  /** Stands in the store from the tombstone on until everything is cleared. */
  marker(stream: string): Write {
    return { key: keys.removal(stream), value: 'true' };
  }

  /**
   * While a removal is under way, nothing may be appended: it would be cleared with the rest. Resolves when that is
   * over; rejects when the clearing failed and waits for the next opening.
   */
  pending(stream: string): Promise<void> | undefined {
    return this.#pending.get(stream);
  }

  /** Clears the stream as soon as its tombstone is committed. */
  async begin(stream: string, tombstone: Promise<Append>): Promise<void> {
    const cleared = this.#clearAfter(stream, tombstone);
    this.#pending.set(stream, cleared);
    await cleared.then(
      () => this.#pending.delete(stream),
      () => undefined,
    );
  }

  /** Finishes what was interrupted, before anything else is done with the store. */
  async finish(db: Store): Promise<void> {
    for await (const key of db.keys(prefixRange('r!'))) await clear(db, streamOf(key));
    this.#pending.clear();
  }

  /** Resolves when nothing is being cleared. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending.values());
  }

  async #clearAfter(stream: string, tombstone: Promise<Append>): Promise<void> {
    const { ok } = await tombstone;
    if (!ok) return;
    try {
      await clear(this.#store.db, stream);
    } catch (error) {
      const cause = toError(error);
      this.#telemetry('removal.unfinished', { stream, problem: cause.message });
      throw notCommitted('An append', stream, new Error('its removal is not finished', { cause }));
    }
  }
}

/** The marker goes last: LevelDB keeps the order of writes, so what is not cleared is still marked. */
async function clear(db: Store, stream: string): Promise<void> {
  for (const kind of ['e', 's', 'o'] as const) await db.clear(rangeOf(kind, stream));
  await db.del(keys.removal(stream));
}
