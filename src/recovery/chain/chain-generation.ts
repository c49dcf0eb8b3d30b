// Where a new generation of a session's chain begins: an event `session.recovered`, which carries the state that was accepted. What
// stands before it need not be readable.
import type { ChainFacts, RecoveredData, SeqRange } from '../../domain/recovery/recovery-vocabulary.ts';
import type { ErasedData } from '../../domain/session/session-events.ts';
import { sessionLaw } from '../../domain/session/session-law.ts';
import { readableEvents } from '../../entity/readable-events.ts';
import type { Head, Journal, StoredEvent } from '../../journal/journal.ts';
import type { IntegrityProblem } from '../../operations/views/integrity-views.ts';
import type { Base } from './provable.ts';

/** A generation, by its first event. */
export interface Generation extends ChainFacts {
  /** True where the state that it carried was erased: its records are proven, and nothing is made of them. */
  readonly isErased: boolean;
}

/** What an event says of the generation that it begins; of one whose payload was erased a later event says that. */
export function generationOf({ seq: firstSeq, type, data }: StoredEvent): Generation | undefined {
  if (type !== 'session.recovered') return undefined;
  if (data === undefined) return { firstSeq, anchor: null, dropped: [], isErased: true };
  const { anchor = null, dropped } = data as RecoveredData;
  return { firstSeq, anchor, dropped, isErased: false };
}

/** What an erasure says of generations that began with what it has erased. */
export const factsIn = ({ type, data }: StoredEvent): readonly ChainFacts[] =>
  type === 'payload.erased' && data !== undefined ? ((data as ErasedData).generations ?? []) : [];

/** Whether it was given up when the generation began. Of a lost end seqs are given again behind that. */
export const gaveUp = (firstSeq: number, dropped: readonly SeqRange[], seq: number): boolean =>
  seq < firstSeq && dropped.some(({ from, to }) => from <= seq && seq <= to);

/** What a replay of the generation begins from. */
export const baseOf = ({ stream }: Head, { firstSeq }: Pick<Generation, 'firstSeq'>): Base => ({
  state: sessionLaw.initial(stream),
  seq: firstSeq - 1,
  chain: undefined,
});

/** The first generation behind the broken record. */
export async function nextGeneration(
  journal: Pick<Journal, 'readFrom'>,
  head: Pick<Head, 'stream' | 'seq'>,
  broken: IntegrityProblem,
): Promise<Generation | undefined> {
  return broken.code === 'JOURNAL_CORRUPT' ? generationBehind(journal, head, broken.seq) : undefined;
}

/** The first one behind a seq whose first event can be read, one by one where a page cannot. */
export async function generationBehind(
  journal: Pick<Journal, 'readFrom'>,
  { stream, seq: end }: Pick<Head, 'stream' | 'seq'>,
  seq: number,
): Promise<Generation | undefined> {
  let found: Generation | undefined;
  for (let after = seq; after < end; after += readAtOnce) {
    const events = await readableEvents(journal, stream, after, Math.min(after + readAtOnce, end));
    for (const event of events) {
      found ??= generationOf(event);
      if (found?.isErased === false) return found;
      const facts = factsIn(event).find(({ firstSeq }) => firstSeq === found?.firstSeq);
      if (facts !== undefined) return { ...facts, isErased: true };
    }
  }
  return found;
}

/** Each may be large. */
const readAtOnce = 64;
