// What an entity knows of the answers on record without asking the journal: how many there are, and of most keys that there
// is none. It knows the keys only when it has seen the stream without any.
import type { Receipt } from '../journal/journal.ts';
import type { Answer, CommandMeta } from './command-meta.ts';
import { KeyFilter } from './key-filter.ts';
import { noReceipts, receiptKey, receiptsFor } from './receipts.ts';

export class Recorded {
  #operations: number;
  #keys: KeyFilter | undefined;

  constructor(operations: number) {
    this.#operations = operations;
  }

  /** How many operations the stream has recorded, those on their way included. */
  get operations(): number {
    return this.#operations;
  }

  /** The key under which the journal must be asked for the answer to a command; none when there surely is no record. */
  keyToAsk(meta: CommandMeta): string | undefined {
    if (this.#operations === 0) return undefined;
    const key = receiptKey(meta);
    return key === undefined || this.#keys?.mayHave(key) === false ? undefined : key;
  }

  /** What is written of the answer to a command; from now on it counts as recorded. Nobody sent a deadline. */
  record(
    meta: CommandMeta | undefined,
    answer: Answer,
    reply: Readonly<Record<string, unknown>> | undefined,
    at: number,
  ): readonly Receipt[] {
    if (meta === undefined) return noReceipts;
    const receipts = receiptsFor(meta, answer, reply, at, this.#operations + 1);
    for (const { key } of receipts) {
      if (this.#operations === 0) this.#keys = new KeyFilter();
      this.#operations += 1;
      this.#keys?.add(key);
    }
    return receipts;
  }
}
