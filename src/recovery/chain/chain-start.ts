// Where the proof of a chain begins: at its first record, or, where that says too little because what came before was trimmed, at
// the oldest snapshot, to which the records must lead.
import { HoldfastError } from '../../base/errors.ts';
import { sessionLaw } from '../../domain/session/session-law.ts';
import { startOf } from '../../entity/state-at.ts';
import type { Head, Journal, Snapshot } from '../../journal/journal.ts';
import { isOfReplay } from '../../journal/replay-guard.ts';
import type { Base } from './provable.ts';

export async function chainStart(journal: Journal, head: Head): Promise<Base> {
  const start = startOf(sessionLaw, head);
  if (head.firstSeq === 1) return start;
  const { events } = await journal.readFrom(head.stream, start.seq, { limit: 1 });
  if (events.every((event) => sessionLaw.evolve(start.state, event) !== undefined)) return start;
  let oldest: Snapshot | undefined;
  for await (const snapshot of journal.snapshots(head.stream))
    if (
      snapshot.lawVersion === sessionLaw.version &&
      isOfReplay(snapshot, journal.guard?.parked(head.stream))
    )
      oldest = snapshot;
  if (oldest === undefined)
    throw new HoldfastError('HISTORY_TRIMMED', { stream: head.stream, firstSeq: head.firstSeq });
  await assertLeadsTo(journal, head, oldest);
  return { ...oldest, state: sessionLaw.decode(oldest.state) };
}

/** The records between the first and the snapshot: proven as a chain, though no state can be made of them. */
async function assertLeadsTo(journal: Journal, { stream, firstSeq }: Head, to: Snapshot): Promise<void> {
  let chain: string | undefined;
  for (let seq = firstSeq - 1; seq < to.seq; ) {
    const limit = Math.min(256, to.seq - seq);
    const page = await journal.readFrom(stream, seq, chain === undefined ? { limit } : { limit, chain });
    seq = page.events.at(-1)?.seq ?? to.seq;
    chain = page.chain;
  }
  if (chain === undefined || chain === to.chain) return;
  const problem = 'it is not the record that the snapshot was made of';
  throw new HoldfastError('JOURNAL_CORRUPT', { stream, seq: to.seq, problem });
}
