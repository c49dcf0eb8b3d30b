// What accepted recoveries have given up, asked record by record: it is no damage any more. Damage comes in the order of its seqs, so
// that the generations of a stream are read once for all of it.
import type { SeqRange } from '../domain/recovery-vocabulary.ts';
import type { Journal } from '../journal/journal.ts';
import { gaveUp, generationBehind } from './chain-generation.ts';

interface Known {
  readonly stream: string;
  readonly from: number;
  readonly through: number;
  readonly generations: readonly { readonly firstSeq: number; readonly dropped: readonly SeqRange[] }[];
}

export class GivenUp {
  readonly #journal: Pick<Journal, 'head' | 'readFrom'>;
  #known: Known | undefined;

  constructor(journal: Pick<Journal, 'head' | 'readFrom'>) {
    this.#journal = journal;
  }

  async has(stream: string, seq: number): Promise<boolean> {
    const through = (await this.#journal.head(stream))?.seq ?? 0;
    const { generations } = await this.#generations(stream, seq, through);
    const isDropped = generations.some(({ firstSeq, dropped }) => gaveUp(firstSeq, dropped, seq));
    return isDropped || this.#beginsAnew(stream, seq);
  }

  /** The first record of a generation that holds by itself need not follow the one before it, which was given up. */
  async #beginsAnew(stream: string, seq: number): Promise<boolean> {
    const begun = await generationBehind(this.#journal, { stream, seq }, seq - 1);
    return begun !== undefined && gaveUp(seq, begun.data.dropped, seq - 1);
  }

  async #generations(stream: string, seq: number, through: number): Promise<Known> {
    const known = this.#known;
    if (known?.stream === stream && known.from <= seq && known.through === through) return known;
    const generations: { firstSeq: number; dropped: readonly SeqRange[] }[] = [];
    for (let after = seq; ; ) {
      const next = await generationBehind(this.#journal, { stream, seq: through }, after);
      if (next === undefined) break;
      generations.push({ firstSeq: next.seq, dropped: next.data.dropped });
      after = next.seq;
    }
    this.#known = { stream, from: seq, through, generations };
    return this.#known;
  }
}
