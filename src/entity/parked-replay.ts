// One event of a replay: taken as it is recorded, or as it was parked. A stream of which nothing is parked goes the plain way.
import { HoldfastError } from '../base/errors.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Head, ReadPage, StoredEvent } from '../journal/journal.ts';
import { type Parkings, replayedAs } from '../journal/replay-guard.ts';

/** The state after an event; throws why there is none. */
export type Step = <State, C extends Command>(
  law: Law<State, C>,
  state: State,
  event: StoredEvent,
  head: Head,
) => State;

/** What was lawful once is lawful for ever. Where what came before was trimmed, an event may say nothing by itself. */
export const evolveStored: Step = (law, state, event, { stream, firstSeq }) => {
  const next = law.evolve(state, event);
  if (next !== undefined) return next;
  const { seq, type } = event;
  if (seq === firstSeq && seq > 1) throw new HoldfastError('HISTORY_TRIMMED', { stream, firstSeq });
  const problem = `${type} is not lawful after the records before it`;
  throw new HoldfastError('JOURNAL_CORRUPT', { stream, seq, problem });
};

/** The steps of a stream of which something is parked. */
export const stepThrough =
  (parked: Parkings): Step =>
  (law, state, event, head) => {
    const taken = replayedAs(event, parked);
    return taken === undefined ? state : evolveStored(law, state, taken, head);
  };

/** The seq of the next parked event, or `through`. */
export function endBefore(parked: Parkings, after: number, through: number): number {
  for (const seq of parked.keys()) if (seq > after && seq < through) return seq;
  return through;
}

/** What was parked was one record: in place of another it stands for nothing, and nobody can say what is to be folded. */
export function assertSameRecord(parked: Parkings, stream: string, { events, chain }: ReadPage): void {
  const seq = events.at(-1)?.seq;
  const parking = seq === undefined ? undefined : parked.get(seq);
  if (parking !== undefined && parking.hash !== chain)
    throw new HoldfastError('PARKED_ELSEWHERE', { stream, seq, found: chain, parked: parking.hash });
}
