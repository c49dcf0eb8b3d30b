// The generations of a chain as a capsule tells of them: each begins with an event that carries a state, names the record that it goes
// on from by its hash, and what was given up. Told ahead, so that whatever is missing is judged where it is missed.
import { canonicalJson } from '../base/json.ts';
import type { StoredEvent } from './journal.ts';

interface Range {
  readonly from: number;
  readonly to: number;
}

/** What an event `session.recovered` says of the chain. */
export interface CapsuleGeneration {
  /** Its first event. */
  readonly firstSeq: number;
  /** The last good record before it; null where none could be read. */
  readonly anchor: { readonly seq: number; readonly chain: string } | null;
  /** What was given up when it began. */
  readonly dropped: readonly Range[];
}

const begins = 'session.recovered';

/** What an event says of the generation that it begins; undefined where it begins none, or has lost its payload. */
export function generationIn({ seq, type, data }: StoredEvent): CapsuleGeneration | undefined {
  if (type !== begins || data === undefined) return undefined;
  const { anchor = null, dropped } = data as Partial<CapsuleGeneration>;
  return { firstSeq: seq, anchor, dropped: dropped ?? [] };
}

/** What an erasure says of generations that began with what it has erased. */
export const generationsErasedIn = ({ type, data }: StoredEvent): readonly CapsuleGeneration[] =>
  type === 'payload.erased' && data !== undefined
    ? ((data as { readonly generations?: readonly CapsuleGeneration[] }).generations ?? [])
    : [];

export class CapsuleGenerations {
  readonly #generations: readonly CapsuleGeneration[];
  readonly #unmet: Set<number>;

  /** Throws when it is none. */
  constructor(found: unknown) {
    if (!Array.isArray(found) || !found.every(isGeneration))
      throw new Error('what it says of its generations cannot be read');
    this.#generations = found;
    this.#unmet = new Set(found.map(({ firstSeq }) => firstSeq));
  }

  /** The first that was told of, and whose event was not there. */
  get unmet(): number | undefined {
    return this.#unmet.values().next().value;
  }

  gaveUp(seq: number): boolean {
    return this.#givenUpFrom(seq) >= seq;
  }

  gaveUpAll(from: number, to: number): boolean {
    let through = from - 1;
    for (let next = from; next <= to; next = through + 1) {
      through = this.#givenUpFrom(next);
      if (through < next) return false;
    }
    return true;
  }

  /** The last of those from `seq` on that were given up together with it; below it where it was not. */
  #givenUpFrom(seq: number): number {
    const ends = this.#generations.flatMap(({ firstSeq, dropped }) =>
      // By an event behind it: of a lost end the same seqs are given again.
      dropped.map(({ from, to }) => (from <= seq ? Math.min(to, firstSeq - 1) : 0)),
    );
    return Math.max(0, ...ends);
  }

  /** What is wrong with a record: that it is not the one to go on from, or says something else of its generation. */
  meet(event: StoredEvent, hash: string): string | undefined {
    const { seq, type } = event;
    const known = this.#generations.find(({ firstSeq }) => firstSeq === seq);
    const told = generationIn(event);
    const isOther =
      told === undefined ? type !== begins : canonicalJson(told) !== canonicalJson(known ?? null);
    const differs = (erased: CapsuleGeneration): boolean =>
      this.#generations.some(
        (other) => other.firstSeq === erased.firstSeq && canonicalJson(other) !== canonicalJson(erased),
      );
    if ((known !== undefined && isOther) || generationsErasedIn(event).some(differs))
      return `event ${seq} says something else of its generation`;
    this.#unmet.delete(seq);
    const next = this.#generations.find(
      ({ firstSeq, anchor }) => anchor?.seq === seq && anchor.chain !== hash && !this.gaveUp(firstSeq),
    );
    return next && `event ${seq} is not the one that event ${next.firstSeq} goes on from`;
  }
}

function isGeneration(found: unknown): found is CapsuleGeneration {
  const { firstSeq, anchor, dropped } = (found ?? {}) as Partial<CapsuleGeneration>;
  const isAnchor = anchor === null || (isSeq(anchor?.seq) && typeof anchor?.chain === 'string');
  return isSeq(firstSeq) && isAnchor && Array.isArray(dropped) && dropped.every(isRange);
}

function isRange(found: unknown): found is Range {
  const { from, to } = (found ?? {}) as Partial<Range>;
  return isSeq(from) && isSeq(to);
}

const isSeq = (found: unknown): found is number => Number.isSafeInteger(found) && Number(found) >= 0;
