// Events without their payloads, on the way through a stream: each must be named by a later event that says it was erased. A
// payload that is gone and was never erased is damage, and must not pass for an erasure.
import { HoldfastError } from '../base/errors.ts';
import type { StoredEvent } from '../journal/journal.ts';

export class MissingPayloads {
  readonly #unnamed = new Set<number>();
  /** The events that record erasures, with what they name. */
  readonly erasures: { readonly seq: number; readonly seqs: readonly number[] }[] = [];

  readonly see = (event: StoredEvent): void => {
    if (event.data === undefined) this.#unnamed.add(event.seq);
    else if (event.type === 'payload.erased') this.#name(event as StoredEvent<string, Erased>);
  };

  /** The first that nothing explains, once the whole stream was seen. */
  get first(): number | undefined {
    return this.#unnamed.values().next().value;
  }

  /** Throws `JOURNAL_CORRUPT` for it. */
  assertErased(stream: string): void {
    const seq = this.first;
    if (seq !== undefined)
      throw new HoldfastError('JOURNAL_CORRUPT', { stream, seq, problem: payloadMissing });
  }

  #name({ seq, data: { seqs } }: StoredEvent<string, Erased>): void {
    this.erasures.push({ seq, seqs });
    for (const named of seqs) this.#unnamed.delete(named);
  }
}

interface Erased {
  readonly seqs: readonly number[];
}

export const payloadMissing = 'its payload is missing, and was never erased';

/** True when something was erased that a state at `version` knew of, after that state was made. */
export function knewErased(erasures: MissingPayloads['erasures'], version: number): boolean {
  return erasures.some(({ seq, seqs }) => seq > version && seqs.some((named) => named <= version));
}
