// Behind damage: the newest event that carries the whole state of its stream. What was before it need not be readable, for
// somebody has looked at that and recorded what is to be held true from there on.
import { HoldfastError } from '../base/errors.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Head, Journal, StoredEvent } from '../journal/journal.ts';
import { readWhole } from './readable-events.ts';

type Reader = Pick<Journal, 'readFrom'>;

const blockEvents = 256;

/** The newest event of the kind, or undefined when there is none behind what is damaged. */
export async function newestBase<State, C extends Command>(
  law: Law<State, C>,
  journal: Reader,
  { stream, firstSeq, seq }: Pick<Head, 'stream' | 'firstSeq' | 'seq'>,
): Promise<StoredEvent | undefined> {
  if (law.carriesState === undefined) return undefined;
  for (let end = seq; end >= firstSeq; ) {
    const start = Math.max(firstSeq - 1, end - blockEvents);
    const events = await readable(journal, stream, start, end);
    const base = events.findLast((event) => law.carriesState?.(event));
    if (base !== undefined) return base;
    // Damage lies between: what is before it cannot be tied to the head.
    if ((events[0]?.seq ?? end + 1) > start + 1) return undefined;
    end = start;
  }
  return undefined;
}

/**
 * The events behind `start` up to `end`; where they do not hold together, those behind the last place at which they do not. That is
 * looked for by halves: a record may be sound by itself and follow from none.
 */
async function readable(
  journal: Reader,
  stream: string,
  start: number,
  end: number,
): Promise<readonly StoredEvent[]> {
  const all = await readTo(journal, stream, start, end);
  if (all !== undefined) return all;
  let found: readonly StoredEvent[] = [];
  for (let [broken, from] = [start, end]; from - broken > 1; ) {
    const middle = Math.floor((broken + from) / 2);
    const events = await readTo(journal, stream, middle, end);
    if (events === undefined) broken = middle;
    else [from, found] = [middle, events];
  }
  return found;
}

/** Undefined for what is not there for good; what the disk refuses for a while says nothing of the records. */
async function readTo(...place: Parameters<typeof readWhole>): ReturnType<typeof readWhole> {
  try {
    return await readWhole(...place);
  } catch (error) {
    if (HoldfastError.is(error) && error.retryable) throw error;
    return undefined;
  }
}
