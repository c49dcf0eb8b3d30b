// Receipts on their way to the disk: written beside the work, a few at a time, asked again while the disk refuses. What waits
// is bounded; one too many is dropped, counted and told.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import {
  type RecordRecovery,
  type RecoveryCounts,
  type RecoveryState,
  recoveryLaw,
  recoveryStream,
} from '../../domain/recovery/recovery-law.ts';
import type { RecoveryReceipt } from '../../domain/recovery/recovery-vocabulary.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import type { Entity } from '../../entity/entity.ts';
import { hydrate } from '../../entity/hydrate.ts';
import { answerFromRecord, receiptKey, receiptWindow } from '../../entity/receipts.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import { trimReceipts } from './kept-receipts.ts';
import { openReceipts } from './readable-receipts.ts';

export interface ReceiptLogOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Events of a session's recovery stream became durable. */
  readonly tell: (sessionId: string, events: readonly StoredEvent[]) => void;
  /** Receipts that may wait; 10,000 by default. */
  readonly waiting?: number;
  /** Receipts that stay of a session; 1,000 by default. */
  readonly kept?: number;
}

/** So many receipts at most are read again for the next one. */
const snapshotEvery = 20;
const atOnce = 8;
const firstRetryMs = 10;
const longestRetryMs = 5_000;

export class ReceiptLog {
  readonly #options: ReceiptLogOptions;
  /** Per session, in the order in which they came: one session is written by one writer at a time. */
  readonly #waiting = new Map<string, RecoveryReceipt[]>();
  readonly #working = new Map<string, Promise<void>>();
  readonly #pauses = new Set<() => void>();
  #count = 0;
  #dropped = 0;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: ReceiptLogOptions) {
    this.#options = options;
  }

  /** How many were dropped because too many waited, or the disk refused until the end. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a receipt, and is done: it becomes durable beside whatever its giver does next. */
  add(receipt: RecoveryReceipt): void {
    const { sessionId } = receipt;
    if (this.#closed || this.#count >= (this.#options.waiting ?? 10_000)) {
      this.#drop(sessionId, 'too many wait');
      return;
    }
    this.#count += 1;
    const own = this.#waiting.get(sessionId);
    if (own === undefined) this.#waiting.set(sessionId, [receipt]);
    else own.push(receipt);
    this.#begin();
  }

  /** Writes one now, and answers with what its stream says: for who waits for it. */
  async record(sessionId: string, command: RecordRecovery, meta: CommandMeta = {}): Promise<Answer> {
    await this.#working.get(sessionId);
    const entity = await this.#open(sessionId);
    try {
      const answer = await entity.send(command, meta);
      await this.#settle(entity);
      return answer;
    } finally {
      entity.abandon(new Error('it is not needed any more'));
    }
  }

  /** The answer that is on record under the key of a call, if there is one. */
  async repeat(sessionId: string, meta: CommandMeta): Promise<Answer | undefined> {
    const { journal, clock } = this.#options;
    const stream = recoveryStream(sessionId);
    const key = receiptKey(meta);
    const stored = key === undefined ? undefined : await journal.receipt(stream, key);
    if (stored === undefined) return undefined;
    const { operations = 0 } = (await journal.head(stream)) ?? {};
    return answerFromRecord(stored, meta, clock.now(), operations, receiptWindow);
  }

  /** The newest receipts of a session, newest last; none where they are damaged. */
  async newest(sessionId: string): Promise<readonly RecoveryReceipt[]> {
    const { journal, telemetry } = this.#options;
    await this.#working.get(sessionId);
    try {
      return (await hydrate(recoveryLaw, recoveryStream(sessionId), journal, telemetry)).state.receipts;
    } catch (error) {
      if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) return [];
      throw error;
    }
  }

  /** Resolves when nothing waits. */
  whenIdle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Removes the receipts of a session that was deleted. */
  async forget(sessionId: string): Promise<void> {
    const { journal } = this.#options;
    this.#count -= this.#waiting.get(sessionId)?.length ?? 0;
    this.#waiting.delete(sessionId);
    await this.#working.get(sessionId);
    const head = await journal.head(recoveryStream(sessionId));
    if (head !== undefined && head.firstSeq <= head.seq) await journal.remove(head.stream, head.version);
  }

  /** What is with the disk is finished; what waits to be asked again is given up. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const end of this.#pauses) end();
    await Promise.all(this.#working.values());
  }

  #begin(): void {
    for (const sessionId of this.#waiting.keys()) {
      if (this.#working.size >= atOnce) return;
      if (this.#working.has(sessionId)) continue;
      const work = this.#write(sessionId).finally(() => {
        this.#working.delete(sessionId);
        this.#begin();
        if (this.#count === 0) for (const resolve of this.#idle.splice(0)) resolve();
      });
      this.#working.set(sessionId, work);
    }
  }

  async #write(sessionId: string): Promise<void> {
    const receipts = this.#waiting.get(sessionId) ?? [];
    this.#waiting.delete(sessionId);
    for (const receipt of receipts) {
      const written = await this.#untilTaken(sessionId, receipt);
      if (!written) this.#drop(sessionId, 'the disk refused it until the end');
      this.#count -= 1;
    }
  }

  async #untilTaken(sessionId: string, receipt: RecoveryReceipt): Promise<boolean> {
    for (let failures = 1; ; failures++) {
      let entity: Entity<RecoveryState, RecordRecovery> | undefined;
      try {
        entity = await this.#open(sessionId);
        await entity.send({ type: 'recovery.record', receipt });
        await this.#settle(entity);
        return true;
      } catch (thrown) {
        const error = toError(thrown);
        this.#options.telemetry('recovery.receiptFailed', { sessionId, failures, problem: error.message });
        if (HoldfastError.is(error) && !error.retryable) return false;
        await this.#pause(failures);
        if (this.#closed) return false;
      } finally {
        entity?.abandon(new Error('it is not needed any more'));
      }
    }
  }

  async #settle(entity: Entity<RecoveryState, RecordRecovery>): Promise<void> {
    await entity.snapshot(snapshotEvery);
    await trimReceipts(this.#options, entity.stream, this.#options.kept);
  }

  #open(sessionId: string): Promise<Entity<RecoveryState, RecordRecovery>> {
    const options = {
      ...this.#options,
      law: recoveryLaw,
      stream: recoveryStream(sessionId),
      mailboxSize: 16,
      incarnation: 1,
      become: () => {},
      tell: (events: readonly StoredEvent[]) => this.#options.tell(sessionId, events),
      crash: () => {},
    };
    return openReceipts<RecoveryState, RecordRecovery>(options, (state, counts) => ({
      ...state,
      counts: { ...(counts as RecoveryCounts) },
    }));
  }

  async #pause(failures: number): Promise<void> {
    if (this.#closed) return;
    const waitMs = Math.min(firstRetryMs * 2 ** Math.min(failures - 1, 20), longestRetryMs);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#options.clock.schedule(waitMs, end);
      this.#pauses.add(end);
    });
  }

  #drop(sessionId: string, problem: string): void {
    this.#dropped += 1;
    this.#options.telemetry('recovery.receiptDropped', { sessionId, problem, dropped: this.#dropped });
  }
}
