// Where a new generation of a session's chain begins: an event `session.recovered`, which carries the state that was accepted. What
// stands before it need not be readable.
import type { RecoveredData, SeqRange } from '../domain/recovery-vocabulary.ts';
import { sessionLaw } from '../domain/session-law.ts';
import { readableEvents } from '../entity/readable-events.ts';
import type { Head, Journal, StoredEvent } from '../journal/journal.ts';
import type { IntegrityProblem } from '../operations/integrity-views.ts';
import type { Base } from './provable.ts';

export type GenerationEvent = StoredEvent<'session.recovered', RecoveredData>;

export const beginsGeneration = (event: StoredEvent): event is GenerationEvent =>
  event.type === 'session.recovered' && event.data !== undefined;

/** Whether it was given up when the generation began. Of a lost end seqs are given again behind that. */
export const gaveUp = (firstSeq: number, dropped: readonly SeqRange[], seq: number): boolean =>
  seq < firstSeq && dropped.some(({ from, to }) => from <= seq && seq <= to);

/** What a replay of the generation begins from. */
export const baseOf = ({ stream }: Head, { seq }: GenerationEvent): Base => ({
  state: sessionLaw.initial(stream),
  seq: seq - 1,
  chain: undefined,
});

/** The first generation behind the broken record. */
export async function nextGeneration(
  journal: Pick<Journal, 'readFrom'>,
  head: Pick<Head, 'stream' | 'seq'>,
  broken: IntegrityProblem,
): Promise<GenerationEvent | undefined> {
  return broken.code === 'JOURNAL_CORRUPT' ? generationBehind(journal, head, broken.seq) : undefined;
}

/** The first record behind a seq that begins a generation and can be read, one by one where a page cannot. */
export async function generationBehind(
  journal: Pick<Journal, 'readFrom'>,
  { stream, seq: end }: Pick<Head, 'stream' | 'seq'>,
  seq: number,
): Promise<GenerationEvent | undefined> {
  for (let after = seq; after < end; after += readAtOnce) {
    const events = await readableEvents(journal, stream, after, Math.min(after + readAtOnce, end));
    const found = events.find(beginsGeneration);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Each may be large. */
const readAtOnce = 64;
