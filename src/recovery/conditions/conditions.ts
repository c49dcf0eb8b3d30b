// Which sessions are recovering or quarantined: known without a wait, kept across restarts, and bounded in memory by the
// sessions that have a condition.
import { HoldfastError } from '../../base/errors.ts';
import { assertId } from '../../base/ids.ts';
import { boundedText, recordedError } from '../../domain/recorded-error.ts';
import { type ConditionKind, conditionLaw, conditionOfHead } from '../../domain/recovery/condition-law.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import type { Head } from '../../journal/journal.ts';
import type { Condition } from './condition.ts';
import { ConditionStream, type ConditionStreamOptions } from './condition-stream.ts';

export interface NewCondition {
  readonly condition: ConditionKind;
  /** Kept up to 1,000 characters. */
  readonly reason: string;
  /** Whatever was thrown: its name, its code and up to 1,000 characters of its message are kept. */
  readonly error?: unknown;
  /** How often the session was started again before; 0 by default. */
  readonly restarts?: number;
}

export interface ClearedCondition {
  /** Clears this condition only; any, when it is not given. */
  readonly condition?: ConditionKind;
  readonly reason: string;
  /** Where the session stands: the answer has it too. */
  readonly sessionSeq?: number;
}

export type ConditionsOptions = ConditionStreamOptions;

const prefix = `${conditionLaw.kind}/`;

export class Conditions {
  readonly #options: ConditionsOptions;
  readonly #streams = new Map<string, ConditionStream>();
  #closing: Promise<void> | undefined;

  /** Reads the heads of all conditions, page by page, and nothing else. */
  static async load(options: ConditionsOptions): Promise<Conditions> {
    const conditions = new Conditions(options);
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = await options.journal.list({ prefix, ...(after !== undefined && { after }) });
      for (const head of page.heads) conditions.#adopt(head);
      for (const stream of page.damaged) conditions.#adoptDamaged(stream.slice(prefix.length));
      after = page.next;
    }
    return conditions;
  }

  private constructor(options: ConditionsOptions) {
    this.#options = options;
  }

  /** Sessions in memory: those that have a condition, and those of which something is on its way. */
  get size(): number {
    return this.#streams.size;
  }

  /** The condition of a session, if it has one: shown as soon as it is set, and until it is durably cleared. */
  find(sessionId: string): Condition | undefined {
    return this.#streams.get(sessionId)?.shown;
  }

  /** All conditions, or those of one kind, oldest first. */
  list(condition?: ConditionKind): readonly Condition[] {
    return [...this.#streams.values()]
      .flatMap(({ shown }) => shown ?? [])
      .filter((shown) => condition === undefined || shown.condition === condition)
      .sort((a, b) => a.since - b.since || (a.sessionId < b.sessionId ? -1 : 1));
  }

  /**
   * Shows the condition at once, and answers when it is durable; a disk that refuses is asked again until then.
   * `quarantined` replaces `recovering`, never the other way round: the answer's `condition` names what stands.
   *
   * @throws HoldfastError what the disk said last, when it was closed meanwhile; `JOURNAL_CORRUPT` when the stream of the
   * condition is damaged itself. The condition is shown all the same.
   */
  async set(sessionId: string, wanted: NewCondition, meta: CommandMeta = {}): Promise<Answer> {
    const { condition, reason, error, restarts = 0 } = wanted;
    const found = this.#open(sessionId);
    return this.#settle(
      found,
      found.send(
        {
          type: 'condition.set',
          condition,
          reason: boundedText(reason),
          error: error === undefined || error === null ? null : recordedError(error),
          restarts,
          askedAt: this.#options.clock.now(),
        },
        meta,
      ),
    );
  }

  /** Shows the condition as gone once that is durable. That there is none to clear is an answer too. */
  async clear(sessionId: string, cleared: ClearedCondition, meta: CommandMeta = {}): Promise<Answer> {
    const { condition, reason, sessionSeq } = cleared;
    const found = this.#open(sessionId);
    return this.#settle(
      found,
      found.send(
        {
          type: 'condition.clear',
          ...(condition !== undefined && { condition }),
          reason: boundedText(reason),
          ...(sessionSeq !== undefined && { sessionSeq }),
          askedAt: this.#options.clock.now(),
        },
        meta,
      ),
    );
  }

  /** Removes what is kept of a session that was deleted. */
  async forget(sessionId: string): Promise<void> {
    const found = this.#open(sessionId);
    await this.#settle(found, found.forget());
  }

  /** Answers what is with the disk, gives up what the disk refuses, and takes nothing more. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([...this.#streams.values()].map((found) => found.close())).then(() => {});
    return this.#closing;
  }

  #adopt(head: Head): void {
    const standing = conditionOfHead(head);
    if (standing !== undefined) this.#add(head.stream.slice(prefix.length), { ...standing, seq: head.seq });
  }

  /** What cannot be read may have been a quarantine: the session takes no writes until somebody has looked. */
  #adoptDamaged(sessionId: string): void {
    const problem = 'it does not match its checksum';
    const error = new HoldfastError('JOURNAL_CORRUPT', { stream: prefix + sessionId, seq: 'head', problem });
    this.#add(sessionId, {
      condition: 'quarantined',
      reason: 'the record of its condition is damaged',
      error: recordedError(error),
      restarts: 0,
      since: this.#options.clock.now(),
      seq: 0,
    });
  }

  #add(sessionId: string, durable?: Omit<Condition, 'sessionId'>): ConditionStream {
    const added = new ConditionStream(this.#options, sessionId, durable);
    this.#streams.set(sessionId, added);
    return added;
  }

  #open(sessionId: string): ConditionStream {
    if (this.#closing !== undefined) throw new HoldfastError('SYSTEM_NOT_SERVING', { status: 'stopped' });
    return this.#streams.get(assertId(sessionId)) ?? this.#add(sessionId);
  }

  async #settle<T>(found: ConditionStream, outcome: Promise<T>): Promise<T> {
    try {
      return await outcome;
    } finally {
      const { sessionId, isIdle } = found;
      if (isIdle && this.#streams.get(sessionId) === found) this.#streams.delete(sessionId);
    }
  }
}
