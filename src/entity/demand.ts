// What a command wants its answer to have reached, against what the stream gives by itself.
import type { Durability } from '../base/durability.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Journal } from '../journal/journal.ts';
import type { Answer, CommandMeta } from './command-meta.ts';
import type { Flight } from './flights.ts';

type WithDurability<State> = Pick<Law<State>, 'durability'>;

export const durabilityOf = <State>(law: WithDurability<State>, state: State): Durability =>
  law.durability?.(state) ?? 'fsync';

/** What is not journaled has no part in what becomes of the disk. */
export function incidentOf<State>(
  {
    law,
    journal: { incident },
  }: { readonly law: WithDurability<State>; readonly journal: Pick<Journal, 'incident'> },
  state: State,
): Promise<void> | undefined {
  return incident === undefined || durabilityOf(law, state) === 'none' ? undefined : incident;
}

/** True when the answer must not be given before the disk has all that it tells of. */
export const wantsMore = (meta: CommandMeta, durability: Durability): boolean =>
  durability === 'os' && meta.durability === 'fsync';

/** An answer says what was reached, which may be more than it waited for. */
export const asReached = (answer: Answer, reached: Durability): Answer =>
  answer.durability === 'os' && reached === 'fsync' ? { ...answer, durability: reached } : answer;

/** What a batch waits for: as much as the most demanding of those that wait for it. */
export function demandOf<State>(
  law: WithDurability<State>,
  state: State,
  batch: readonly Flight<State, unknown>[],
): Durability {
  const durability = durabilityOf(law, state);
  if (durability !== 'os') return durability;
  return batch.some(({ job }) => job?.meta.durability === 'fsync') ? 'fsync' : 'os';
}

/** The outcome of the same command that is on its way; who wants more than it asks again once it is on record. */
export const joined = (
  known: Promise<Answer>,
  meta: CommandMeta,
  again: () => Promise<Answer>,
): Promise<Answer> => (meta.durability === undefined ? known : known.then(again));

/** Why what is wanted cannot be reached by any answer of the stream; undefined where it can. */
export function refusalOf(
  { type: operation }: Command,
  meta: CommandMeta,
  durability: Durability,
): HoldfastError | undefined {
  if (meta.durability === undefined || durability !== 'none') return undefined;
  const problem = 'the session is not journaled, so that no more can be reached';
  return new HoldfastError('INVALID_INPUT', { operation, field: 'options.durability', problem });
}
