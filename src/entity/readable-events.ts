// What of a stream can be proven where not all of it can: whole, or each record by itself.
import { HoldfastError } from '../base/errors.ts';
import type { Journal, StoredEvent } from '../journal/journal.ts';

type Reader = Pick<Journal, 'readFrom'>;

/** The events behind `after` up to `through` that can be proven, each by itself where not all of them can. */
export async function readableEvents(
  journal: Reader,
  stream: string,
  after: number,
  through: number,
): Promise<readonly StoredEvent[]> {
  const whole = await readWhole(journal, stream, after, through);
  if (whole !== undefined) return whole;
  const events: StoredEvent[] = [];
  for (let at = after; at < through; at++)
    events.push(...((await readWhole(journal, stream, at, at + 1)) ?? []));
  return events;
}

/** All of them, link by link; undefined when one of them is damaged. */
export async function readWhole(
  journal: Reader,
  stream: string,
  after: number,
  through: number,
): Promise<readonly StoredEvent[] | undefined> {
  try {
    const events: StoredEvent[] = [];
    for (let at = after, chain: string | undefined; at < through; ) {
      const limit = through - at;
      const page = await journal.readFrom(stream, at, chain === undefined ? { limit } : { limit, chain });
      events.push(...page.events);
      chain = page.chain;
      at = page.events.at(-1)?.seq ?? through;
    }
    return events;
  } catch (error) {
    if (HoldfastError.is(error, 'JOURNAL_CORRUPT')) return undefined;
    throw error;
  }
}
