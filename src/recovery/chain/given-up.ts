// Damage that a recovery has given up: it was looked at and accepted, and is no reason to take the session out of service again.
// By the records alone: nothing is folded, so that it can be asked before anything is served.
import { HoldfastError } from '../../base/errors.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { Head, Journal } from '../../journal/journal.ts';
import type { StoreReport } from '../../journal/store/store-report.ts';
import { type Generation, gaveUp, generationBehind } from './chain-generation.ts';

type Reader = Pick<Journal, 'head' | 'readFrom'>;

const prefix = sessionStream('');

/** What the opening of a store found, without the damage behind which a recovery has begun the chain anew, and which holds from there. */
export async function withoutGivenUp(journal: Reader, report: StoreReport): Promise<StoreReport> {
  const damaged: StoreReport['damaged'][number][] = [];
  for (const found of report.damaged) {
    const { stream, seq } = found;
    if (typeof seq !== 'number' || !(await holdsBehind(journal, stream, seq))) damaged.push(found);
  }
  return damaged.length === report.damaged.length ? report : { ...report, damaged };
}

/** True for a record of a session that was given up by a generation of its chain which can be read. */
export async function isGivenUp(journal: Reader, stream: string, seq: number): Promise<boolean> {
  const head = await headOf(journal, stream);
  return head !== undefined && (await givingUp(journal, head, seq)) !== undefined;
}

interface Known {
  readonly stream: string;
  readonly from: number;
  readonly through: number;
  readonly generations: readonly Generation[];
}

/** The same, asked record by record in the order of their seqs: the generations of a stream are read once for all of its damage. */
export class GivenUp {
  readonly #journal: Reader;
  #known: Known | undefined;

  constructor(journal: Reader) {
    this.#journal = journal;
  }

  async has(stream: string, seq: number): Promise<boolean> {
    const head = await headOf(this.#journal, stream);
    if (head === undefined) return false;
    const generations = await this.#generations(head, seq);
    const isDropped = generations.some(({ firstSeq, dropped }) => gaveUp(firstSeq, dropped, seq));
    return isDropped || this.#beginsAnew(head, seq);
  }

  /** The first record of a generation that holds by itself need not follow the one before it, which was given up. */
  async #beginsAnew(head: Head, seq: number): Promise<boolean> {
    const begun = await generationBehind(this.#journal, head, seq - 1);
    return begun?.firstSeq === seq && gaveUp(seq, begun.dropped, seq - 1);
  }

  async #generations({ stream, seq: through }: Head, seq: number): Promise<readonly Generation[]> {
    const known = this.#known;
    if (known?.stream === stream && known.from <= seq && known.through === through) return known.generations;
    const generations: Generation[] = [];
    for (let after = seq; ; ) {
      const next = await generationBehind(this.#journal, { stream, seq: through }, after);
      if (next === undefined) break;
      generations.push(next);
      after = next.firstSeq;
    }
    this.#known = { stream, from: seq, through, generations };
    return generations;
  }
}

/** An opening names the first place alone: what stands behind it is looked at here. */
async function holdsBehind(journal: Reader, stream: string, seq: number): Promise<boolean> {
  const head = await headOf(journal, stream);
  for (let damaged: number | undefined = seq; head !== undefined; ) {
    const begun = await givingUp(journal, head, damaged);
    if (begun === undefined) return false;
    damaged = await firstDamage(journal, head, begun.firstSeq - 1);
    if (damaged === undefined) return true;
  }
  return false;
}

async function headOf(journal: Reader, stream: string): Promise<Head | undefined> {
  return stream.startsWith(prefix) ? unlessCorrupt(() => journal.head(stream)) : undefined;
}

async function givingUp(journal: Reader, head: Head, seq: number): Promise<Generation | undefined> {
  for (let after = seq; ; ) {
    const begun = await generationBehind(journal, head, after);
    if (begun === undefined || gaveUp(begun.firstSeq, begun.dropped, seq)) return begun;
    after = begun.firstSeq;
  }
}

async function firstDamage(
  journal: Reader,
  { stream, seq: end }: Head,
  from: number,
): Promise<number | undefined> {
  let at = from;
  try {
    for (let chain: string | undefined; at < end; ) {
      const page = await journal.readFrom(stream, at, chain === undefined ? {} : { chain });
      at = page.events.at(-1)?.seq ?? end;
      chain = page.chain;
    }
    return undefined;
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    return typeof error.details.seq === 'number' ? error.details.seq : at + 1;
  }
}

async function unlessCorrupt<T>(job: () => Promise<T>): Promise<T | undefined> {
  try {
    return await job();
  } catch (error) {
    if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) return undefined;
    throw error;
  }
}
