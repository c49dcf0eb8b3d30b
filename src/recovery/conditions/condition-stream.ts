// The condition of one session: what is durable of it, and what was asked for and is on its way. One wish after the other
// goes to the disk, and is asked again until the disk has taken it.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError, toError } from '../../base/errors.ts';
import { Serial } from '../../base/serial.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import {
  type ConditionCommand,
  type ConditionState,
  conditionLaw,
  conditionStream,
} from '../../domain/recovery/condition-law.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import { Entity } from '../../entity/entity.ts';
import type { Append, Journal, StoredEvent } from '../../journal/journal.ts';
import { type Condition, type Known, knownOf, shownAfter, stateAfter, type Wish } from './condition.ts';

export interface ConditionStreamOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Events of a session's condition became durable. */
  readonly tell: (sessionId: string, events: readonly StoredEvent[]) => void;
}

const firstRetryMs = 10;
const longestRetryMs = 5_000;

export class ConditionStream {
  readonly sessionId: string;
  readonly #options: ConditionStreamOptions;
  readonly #serial = new Serial();
  readonly #wishes: Wish[] = [];
  #known: Known;
  #shown: Condition | undefined;
  #entity: Entity<ConditionState, ConditionCommand> | undefined;
  #closed = false;
  #endBackOff: () => void = () => {};

  constructor(options: ConditionStreamOptions, sessionId: string, durable?: Omit<Condition, 'sessionId'>) {
    this.sessionId = sessionId;
    this.#options = options;
    this.#known = knownOf(sessionId, durable);
    this.#show();
  }

  /** What is shown: the last condition that was asked for, until the disk has taken what came after it. */
  get shown(): Condition | undefined {
    return this.#shown;
  }

  /** True when nothing is set and nothing is on its way: nobody would miss it. */
  get isIdle(): boolean {
    return this.#wishes.length === 0 && this.#shown === undefined;
  }

  send(command: ConditionCommand, meta: CommandMeta): Promise<Answer> {
    return this.#carryOut(command, async () => {
      const entity = await this.#open();
      return entity.send(command, meta);
    });
  }

  /** Removes the stream, after all that was asked for before. */
  async forget(): Promise<void> {
    await this.#carryOut({ type: 'forget' }, () => this.#remove());
  }

  /** What waits to be asked again is given up; what is with the disk is answered. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#endBackOff();
    await this.#serial.run(async () => {});
    this.#drop();
  }

  get #stream(): string {
    return conditionStream(this.sessionId);
  }

  #carryOut<T>(wish: Wish, attempt: () => Promise<T>): Promise<T> {
    this.#wishes.push(wish);
    this.#show();
    return this.#serial.run(async () => {
      try {
        const result = await this.#untilTaken(wish, attempt);
        this.#learn();
        return result;
      } catch (error) {
        this.#keepUnwritten(wish, error);
        throw error;
      } finally {
        this.#wishes.splice(this.#wishes.indexOf(wish), 1);
        this.#show();
      }
    });
  }

  async #untilTaken<T>(wish: Wish, attempt: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await attempt();
      } catch (thrown) {
        const error = toError(thrown);
        if (HoldfastError.is(error) && !error.retryable) throw error;
        const { sessionId } = this;
        this.#options.telemetry('condition.failed', {
          sessionId,
          failures,
          wish: wish.type,
          problem: error.message,
        });
        await this.#backOff(failures);
        if (this.#closed) throw error;
      }
    }
  }

  async #backOff(failures: number): Promise<void> {
    if (this.#closed) return;
    const waitMs = Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs);
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.schedule(waitMs, resolve);
      this.#endBackOff = () => {
        cancel();
        resolve();
      };
    });
  }

  async #open(): Promise<Entity<ConditionState, ConditionCommand>> {
    this.#entity ??= await Entity.hydrate<ConditionState, ConditionCommand>({
      ...this.#options,
      law: conditionLaw,
      stream: this.#stream,
      mailboxSize: 1,
      incarnation: 1,
      become: () => {},
      tell: (events) => this.#tell(events),
      crash: () => this.#drop(),
    });
    return this.#entity;
  }

  async #remove(): Promise<void> {
    const { journal } = this.#options;
    this.#drop();
    const head = await journal.head(this.#stream);
    if (head !== undefined && head.firstSeq <= head.seq) {
      const removed = await journal.remove(this.#stream, head.version);
      if (!removed.ok) throw this.#notRemoved(removed);
    }
    this.#known = { state: conditionLaw.tombstone(this.#stream), seq: head?.seq ?? 0 };
  }

  #notRemoved(outcome: Append & { readonly ok: false }): HoldfastError {
    const problem = outcome.reason === 'unknown' ? outcome.cause.message : 'another writer has moved it';
    return new HoldfastError('NOT_COMMITTED', { command: 'condition.forget', stream: this.#stream, problem });
  }

  #tell(events: readonly StoredEvent[]): void {
    // What is told while the entity reads itself back is newer than the seq that it still shows.
    this.#learn(events.at(-1)?.seq);
    this.#show();
    try {
      this.#options.tell(this.sessionId, events);
    } catch (error) {
      const problem = toError(error).message;
      this.#options.telemetry('condition.tellFailed', { sessionId: this.sessionId, problem });
    }
  }

  #learn(seq = this.#entity?.seq ?? 0): void {
    if (this.#entity !== undefined) this.#known = { state: this.#entity.durable, seq };
  }

  /**
   * What cannot be written still holds for as long as this process lives: a session whose damage cannot be recorded is
   * damaged all the same. A repeated key is another matter: there the caller was wrong.
   */
  #keepUnwritten(wish: Wish, error: unknown): void {
    const wasWrong = HoldfastError.is(error) && error.code.startsWith('IDEMPOTENCY_');
    if (wish.type === 'condition.set' && !wasWrong)
      this.#known = { state: stateAfter(this.#known.state, wish), seq: 0 };
  }

  #show(): void {
    this.#shown = shownAfter(this.#known, this.#wishes);
  }

  #drop(): void {
    this.#entity?.abandon(new Error('it is not needed any more'));
    this.#entity = undefined;
  }
}
