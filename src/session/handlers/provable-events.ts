// The events of a session that can be proven, one after the other, for who has to see them all: what a recovery has given up is passed
// over, and nothing else is.
import { HoldfastError } from '../../base/errors.ts';
import { readableEvents } from '../../entity/readable-events.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import { isGivenUp } from '../../recovery/chain/given-up.ts';

/**
 * A page at a time; nothing of it is kept. Answers with what cannot be read and was given up; throws `JOURNAL_CORRUPT` for what cannot
 * and was not.
 */
export async function eachProvable(
  journal: Journal,
  stream: string,
  after: number,
  look: (event: StoredEvent) => void,
): Promise<readonly number[]> {
  const givenUp: number[] = [];
  const { seq: end = 0 } = (await journal.head(stream)) ?? {};
  for (let at = after; at < end; ) {
    const through = Math.min(at + readAtOnce, end);
    const events = await readableEvents(journal, stream, at, through);
    const found = new Map(events.map((event) => [event.seq, event]));
    for (; at < through; at++) {
      const event = found.get(at + 1);
      if (event !== undefined) look(event);
      else {
        await assertGivenUp(journal, stream, at + 1);
        givenUp.push(at + 1);
      }
    }
  }
  return givenUp;
}

/** True when an error tells of a record that cannot be read, and was given up. */
export async function isGivenUpPlace(
  journal: Journal,
  stream: string,
  seq: number,
  error: unknown,
): Promise<boolean> {
  return HoldfastError.is(error, 'JOURNAL_CORRUPT') && isGivenUp(journal, stream, seq);
}

/** What it hears otherwise is what a reader of that record hears. */
async function assertGivenUp(journal: Journal, stream: string, seq: number): Promise<void> {
  if (!(await isGivenUp(journal, stream, seq))) await journal.readFrom(stream, seq - 1, { limit: 1 });
}

const readAtOnce = 256;
