// Streams of receipts of which records are damaged: these tell of damage themselves, so that what of them can be proven is read,
// and they are written on behind what cannot.
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import type { Json } from '../../base/json.ts';
import type { Command, Law } from '../../domain/law.ts';
import { Entity } from '../../entity/entity.ts';
import type { EntityOptions } from '../../entity/entity-options.ts';
import { readableEvents } from '../../entity/readable-events.ts';
import type { Head, Journal } from '../../journal/journal.ts';

/** So many of the newest events make the state that a damaged stream goes on from. */
const newest = 200;

/**
 * Opens a stream to write to it. One that cannot be folded gets a snapshot of what can be proven of its newest events, with
 * the counts that `counted` takes from its head; none of its records is touched.
 */
export async function openReceipts<State, C extends Command>(
  options: EntityOptions<State, C> & { readonly stream: string },
  counted: (state: State, summary: Json) => State,
): Promise<Entity<State, C>> {
  try {
    return await Entity.hydrate(options);
  } catch (error) {
    if (!HoldfastError.is(error, 'JOURNAL_CORRUPT')) throw error;
    const { journal, law, stream } = options;
    const head = await journal.head(stream);
    if (head === undefined) throw error;
    await keepProven(journal, law, head, counted);
    return Entity.hydrate(options);
  }
}

async function keepProven<State, C extends Command>(
  journal: Journal,
  law: Law<State, C>,
  { stream, seq, firstSeq, chain, updatedAt: at, summary }: Head,
  counted: (state: State, summary: Json) => State,
): Promise<void> {
  const events = await readableEvents(journal, stream, Math.max(firstSeq - 1, seq - newest), seq);
  const proven = events.reduce((state, event) => law.evolve(state, event) ?? state, law.initial(stream));
  const state = law.encode(counted(proven, summary));
  const hashes = { chain, stateHash: sha256(state), lawVersion: law.version };
  await journal.putSnapshot(stream, { seq, at, state, ...hashes });
}
