// What follows a trim or a tombstone: keys are cleared, once, also when a kill or an incident comes between.
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { Write } from './commit-loop.ts';
import { headFrom } from './head/head.ts';
import type { Append } from './journal.ts';
import { notCommitted } from './journal-errors.ts';
import { keys, prefixRange, rangeOf, seqOf, streamOf } from './keys.ts';
import type { LevelStore, Store } from './level-store.ts';
import { unseal } from './sealed.ts';

/** A marker stands in the store from the commit that forgets on, until everything is cleared. */
export const removalMarker = (stream: string): Write => ({ key: keys.removal(stream), value: '' });
export const trimMarker = (stream: string, through: number): Write => ({
  key: keys.trim(stream, through),
  value: '',
});

export class Clearing {
  readonly #store: LevelStore;
  readonly #telemetry: Telemetry;
  readonly #removals = new Map<string, Promise<void>>();

  constructor(store: LevelStore, telemetry: Telemetry) {
    this.#store = store;
    this.#telemetry = telemetry;
  }

  /**
   * While a removal is under way, nothing may be appended: it would be cleared with the rest. Resolves when that is
   * over; rejects when the clearing failed and waits for the next opening.
   */
  removalOf(stream: string): Promise<void> | undefined {
    return this.#removals.get(stream);
  }

  /** Clears the stream as soon as its tombstone is committed. */
  async removeAfter(stream: string, tombstone: Promise<Append>): Promise<void> {
    const cleared = this.#removeAfter(stream, tombstone);
    this.#removals.set(stream, cleared);
    await cleared.then(
      () => this.#removals.delete(stream),
      () => undefined,
    );
  }

  /** Clears the events up to `through`, which the head does not know any more. */
  async trim(stream: string, through: number): Promise<void> {
    await this.#tryTo(stream, () => clearTrimmed(this.#store.db, stream, through));
  }

  /** Finishes what was interrupted, before anything else is done with the store. */
  async finish(db: Store): Promise<void> {
    for await (const key of db.keys(prefixRange('r!'))) await clearRemoved(db, streamOf(key));
    for await (const key of db.keys(prefixRange('t!'))) await clearTrimmed(db, streamOf(key), seqOf(key));
    this.#removals.clear();
  }

  /** Resolves when no stream is being removed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#removals.values());
  }

  async #removeAfter(stream: string, tombstone: Promise<Append>): Promise<void> {
    const { ok } = await tombstone;
    const problem = ok ? await this.#tryTo(stream, () => clearRemoved(this.#store.db, stream)) : undefined;
    if (problem !== undefined) throw notCommitted('An append', stream, problem);
  }

  /** Returns why it did not work: the marker stays, and the next opening finishes it. */
  async #tryTo(stream: string, clear: () => Promise<void>): Promise<Error | undefined> {
    try {
      await clear();
      return undefined;
    } catch (error) {
      const cause = toError(error);
      this.#telemetry('clearing.unfinished', { stream, problem: cause.message });
      return new Error('its removal is not finished', { cause });
    }
  }
}

/** So many keys are cleared with one sync. */
const keysPerStep = 1000;

/**
 * The marker goes with the last keys, and each step is synced: LevelDB does not sync a log file that it leaves, and a marker that
 * came back with a loss of power would have the next opening clear what was appended after the removal.
 */
async function clearRemoved(db: Store, stream: string): Promise<void> {
  const found: string[] = [];
  if (await livesAgain(db, stream)) {
    await db.batch([{ type: 'del', key: keys.removal(stream) }], { sync: true } as object);
    return;
  }
  for (const kind of ['e', 's', 'o'] as const) found.push(...(await db.keys(rangeOf(kind, stream)).all()));
  found.push(keys.removal(stream));
  for (let at = 0; at < found.length; at += keysPerStep) {
    const step = found.slice(at, at + keysPerStep).map((key) => ({ type: 'del' as const, key }));
    await db.batch(step, { sync: true } as object);
  }
}

/** A marker that came back, as with a repair, has nothing to say of a stream that was written again since. */
async function livesAgain(db: Store, stream: string): Promise<boolean> {
  const stored = await db.get(keys.head(stream));
  if (stored === undefined) return false;
  const text = unseal(keys.head(stream), stored);
  // Nobody knows what a head says that does not hold: nothing is cleared for it.
  if (text === undefined) return true;
  const { firstSeq, seq } = headFrom(stream, text);
  return firstSeq <= seq;
}

/** The marker goes last. One that comes back clears nothing but what the head does not know any more. */
async function clearTrimmed(db: Store, stream: string, through: number): Promise<void> {
  await db.clear({ gte: rangeOf('e', stream).gte, lte: keys.event(stream, through) });
  await db.del(keys.trim(stream, through));
}
