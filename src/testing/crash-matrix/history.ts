// What is known of each command when a process ends, and which histories a disk may hold then.
import { HoldfastError } from '../../base/errors.ts';

/**
 * `acked`: it must be there. `written`: answered, but a loss of power may take it. `open`: under way. `unknown`: it may have
 * happened. `refused`: it has not.
 */
export type Outcome = 'unsent' | 'open' | 'acked' | 'written' | 'refused' | 'unknown';

/** Indexes of commands in the order in which they took effect. */
export type History = readonly number[];

export const outcomeOfAnswer = (answer: unknown): Outcome =>
  (answer as { readonly durability?: unknown } | undefined)?.durability === 'os' ? 'written' : 'acked';

export function outcomeOfError(error: unknown): 'refused' | 'unknown' {
  return HoldfastError.is(error) && error.code !== 'OUTCOME_UNKNOWN' ? 'refused' : 'unknown';
}

/**
 * All histories that keep the promise, the longest first. What may have happened did, or did not. A loss of power may take
 * answers of less than a sync, but none before one that it leaves.
 */
export function lawfulHistories(outcomes: readonly Outcome[], powerLost: boolean): History[] {
  const found = subsets(
    outcomes.flatMap((outcome, index) => (outcome === 'refused' || outcome === 'unsent' ? [] : [index])),
    (index) => {
      const outcome = outcomes[index];
      return outcome === 'open' || outcome === 'unknown';
    },
  );
  if (!powerLost || !outcomes.includes('written')) return found;
  const floor = outcomes.lastIndexOf('acked');
  const cut = found.flatMap((history) =>
    history.map((_, end) => history.slice(0, end)).filter((short) => covers(short, history, floor)),
  );
  return unique([...found, ...cut]);
}

/** A shortened history still has all that stood up to the last that was synced. */
function covers(short: History, whole: History, floor: number): boolean {
  return whole.slice(short.length).every((index) => index > floor);
}

/** Every way of leaving some of the doubtful ones out. */
function subsets(indexes: readonly number[], isDoubtful: (index: number) => boolean): History[] {
  return indexes.reduce<History[]>(
    (all, index) => {
      const taken = all.map((history) => [...history, index]);
      return isDoubtful(index) ? [taken, all].flat() : taken;
    },
    [[]],
  );
}

function unique(histories: readonly History[]): History[] {
  return [...new Map(histories.map((history) => [history.join(), history])).values()];
}
