// What was used under each key of late, for the next process: noted within a second of each change, so that a crash does not
// give back what an hour's budget has spent. Who held a permit is not noted.
import type { Clock } from '../../base/clock.ts';
import { toError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { KeyValue } from '../../journal/journal.ts';
import type { PermitAsk, PermitPool } from './permit-pool.ts';

type RecordedPool = Pick<PermitPool<PermitAsk>, 'meter' | 'pausedUntil' | 'restorePause'>;

const noteAfterMs = 1_000;

const nameOf = (key: string): string => `permits/${key}`;

export class PermitRecords {
  readonly #pools: ReadonlyMap<string, RecordedPool>;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #changed = new Set<string>();
  #kv: KeyValue | undefined;
  #cancel: (() => void) | undefined;
  #noting: Promise<void> = Promise.resolve();

  constructor(
    pools: ReadonlyMap<string, RecordedPool>,
    { clock, telemetry }: { readonly clock: Clock; readonly telemetry: Telemetry },
  ) {
    this.#pools = pools;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  /** What cannot be read is as if nothing had been used: that is told, and ends no start. */
  async load(kv: KeyValue): Promise<void> {
    this.#kv = kv;
    for (const [key, pool] of this.#pools) {
      try {
        const found = (await kv.get(nameOf(key))) as { windows?: object; pausedUntil?: number } | undefined;
        if (found?.windows !== undefined) pool.meter.restore({ ...found.windows });
        if (typeof found?.pausedUntil === 'number') pool.restorePause(found.pausedUntil);
      } catch (error) {
        this.#telemetry('permit.notRead', { key, problem: toError(error).message });
      }
    }
  }

  changed(key: string): void {
    if (this.#kv === undefined) return;
    this.#changed.add(key);
    this.#cancel ??= this.#clock.schedule(noteAfterMs, () => void this.#note());
  }

  async close(): Promise<void> {
    await this.#note();
    this.#kv = undefined;
  }

  #note(): Promise<void> {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#noting = this.#noting.then(() => this.#write());
    return this.#noting;
  }

  async #write(): Promise<void> {
    const keys = [...this.#changed];
    this.#changed.clear();
    const writes = keys.flatMap((key) => {
      const pool = this.#pools.get(key);
      if (pool === undefined) return [];
      const value = { windows: pool.meter.windows, pausedUntil: pool.pausedUntil } as unknown as Json;
      return [{ key: nameOf(key), value }];
    });
    if (writes.length === 0) return;
    try {
      await this.#kv?.batch(writes);
    } catch (error) {
      // The next change notes it again.
      for (const key of keys) this.#changed.add(key);
      this.#telemetry('permit.notNoted', { keys: keys.length, problem: toError(error).message });
    }
  }
}
