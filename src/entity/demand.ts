// What a command wants its answer to have reached, against what the stream gives by itself.
import type { Durability } from '../base/durability.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Command, Law } from '../domain/law.ts';
import type { Append, Journal } from '../journal/journal.ts';
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

export type Landed = Extract<Append, { readonly ok: true }>;

/** True when the answer must not be given before the disk has all that it tells of. */
export const wantsMore = (meta: CommandMeta, durability: Durability): boolean =>
  durability === 'os' && meta.durability === 'fsync';

/** True when no answer of the stream can have reached what is wanted. */
export const isTooMuch = (meta: CommandMeta, durability: Durability): boolean =>
  meta.durability !== undefined && durability === 'none';

/** An answer says what was reached, which may be more than it waited for. */
export const asReached = (answer: Answer, reached: Durability): Answer =>
  answer.durability === 'os' && reached === 'fsync' ? { ...answer, durability: reached } : answer;

/** What a batch waits for: as much as the most demanding of those that wait for it. */
export function atLeast(durability: Durability, batch: readonly Flight<unknown, unknown>[]): Durability {
  if (durability !== 'os') return durability;
  return batch.some(({ job }) => job?.meta.durability === 'fsync') ? 'fsync' : 'os';
}

export function notJournaled({ type: operation }: Command): HoldfastError {
  const problem = 'the session is not journaled, so that no more can be reached';
  return new HoldfastError('INVALID_INPUT', { operation, field: 'options', problem });
}
