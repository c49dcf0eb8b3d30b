// The stream of boots: one receipt for each start, and the last words of a process that cannot go on. Opened when there is
// something to write, and closed again.
import { type Clock, delay } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import {
  type BootCommand,
  type BootState,
  bootLaw,
  bootStream,
} from '../../domain/recovery/recovery-boot-law.ts';
import type { BootReceipt } from '../../domain/recovery/recovery-vocabulary.ts';
import type { Entity } from '../../entity/entity.ts';
import type { Journal } from '../../journal/journal.ts';
import { trimReceipts } from '../receipts/kept-receipts.ts';
import { openReceipts } from '../receipts/readable-receipts.ts';

export interface BootLogOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Events that stay; 1,000 by default. */
  readonly kept?: number;
}

const longestRetryMs = 5_000;

/** One event comes with each opening: none of them is to be read again and again. */
const snapshotEvery = 20;

export class BootLog {
  readonly #options: BootLogOptions;
  #closed = false;

  constructor(options: BootLogOptions) {
    this.#options = options;
  }

  /** Resolves after the first try; what the disk refuses is asked again beside the work. */
  async record(receipt: BootReceipt): Promise<void> {
    if (await this.#attempt(receipt, 1)) return;
    void this.#untilTaken(receipt);
  }

  /** Written now or not at all. */
  write(command: BootCommand): Promise<unknown> {
    return this.#with((entity) => entity.send(command));
  }

  close(): void {
    this.#closed = true;
  }

  async #untilTaken(receipt: BootReceipt): Promise<void> {
    for (let failures = 2; !this.#closed; failures++) {
      await delay(this.#options.clock, Math.min(10 * 2 ** Math.min(failures, 20), longestRetryMs));
      if (this.#closed || (await this.#attempt(receipt, failures))) return;
    }
  }

  /** True when there is nothing left to try. */
  async #attempt(receipt: BootReceipt, failures: number): Promise<boolean> {
    try {
      await this.#with(async (entity) => {
        // Its outcome may not have been known the last time.
        if (entity.durable.boots.at(-1)?.epoch === receipt.epoch) return;
        await entity.send({ type: 'boot.record', receipt });
      });
      return true;
    } catch (thrown) {
      const error = toError(thrown);
      this.#options.telemetry('boot.receiptFailed', { failures, problem: error.message });
      return HoldfastError.is(error) && !error.retryable;
    }
  }

  async #with<T>(job: (entity: Entity<BootState, BootCommand>) => Promise<T>): Promise<T> {
    const options = {
      ...this.#options,
      law: bootLaw,
      stream: bootStream,
      mailboxSize: 16,
      incarnation: 1,
      become: () => {},
      tell: () => {},
      crash: () => {},
    };
    const entity = await openReceipts<BootState, BootCommand>(options, countedBoots);
    try {
      const done = await job(entity);
      await entity.snapshot(snapshotEvery);
      await trimReceipts(this.#options, bootStream, this.#options.kept);
      return done;
    } finally {
      entity.abandon(new Error('it is not needed any more'));
    }
  }
}

const countedBoots = (state: BootState, summary: unknown): BootState => ({
  ...state,
  count: (summary as { readonly boots?: number } | null)?.boots ?? state.count,
});
