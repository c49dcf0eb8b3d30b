// Damage that a recovery has given up: it was looked at and accepted, and is no reason to take the session out of service again.
// By the records alone: nothing is folded, so that it can be asked before anything is served.
import { HoldfastError } from '../base/errors.ts';
import { sessionStream } from '../domain/session-law.ts';
import type { Head, Journal } from '../journal/journal.ts';
import type { StoreReport } from '../journal/store/store-report.ts';
import { type Generation, gaveUp, nextGeneration } from './chain-generation.ts';

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
    const broken = { code: 'JOURNAL_CORRUPT', seq: after, problem: '' } as const;
    const begun = await nextGeneration(journal, head, broken);
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
