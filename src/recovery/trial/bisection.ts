// The search for the events of a session that nobody can fold: the shortest beginning that fails ends with one; without it the
// rest is tried again, until all of it can be folded, or there are too many.
import type { Parking } from '../../journal/replay-guard.ts';
import type { ProbeVerdict } from './probe.ts';

/** Folds up to a seq with what is parked by then. */
export type Attempt = (through: number, parked: readonly Parking[]) => Promise<ProbeVerdict>;

interface Poison {
  readonly seq: number;
  readonly how: string;
  readonly problem: string;
}

export interface BisectionTask {
  /** The place behind which it begins: so far it is known to go. */
  readonly from: number;
  /** The event without which there is no session. */
  readonly first: number;
  readonly through: number;
  /** What is parked already. */
  readonly parked: readonly Parking[];
  readonly attempt: Attempt;
  /** The hash of the record at a seq. */
  readonly hashOf: (seq: number) => Promise<string>;
}

/** So many events are parked for one session without anybody's word. */
const mostPoisonous = 8;
/** So often a search may find nothing where a try has failed. */
const mostMistaken = 3;

type Found = Poison & { readonly hash: string };

export type BisectionResult =
  | { readonly outcome: 'clean' }
  | { readonly outcome: 'poisoned'; readonly poison: readonly Found[] }
  /** It cannot be folded without them either. */
  | { readonly outcome: 'unfoldable'; readonly problem: string }
  /** There was no process to try it in, which says nothing of the session. */
  | { readonly outcome: 'untried'; readonly problem: string };

type Failure = ProbeVerdict & { readonly ok: false };

export async function bisect(task: BisectionTask): Promise<BisectionResult> {
  const poison: Found[] = [];
  for (let mistaken = 0; mistaken < mostMistaken; ) {
    const parked = [...task.parked, ...poison.map(({ seq, hash }) => skipped(seq, hash))];
    const verdict = await task.attempt(task.through, parked);
    if (verdict.ok) return poison.length === 0 ? { outcome: 'clean' } : { outcome: 'poisoned', poison };
    // Whoever reads that in this process hears it as it is.
    if (verdict.how === 'damaged' && poison.length === 0) return { outcome: 'clean' };
    if (verdict.how === 'unavailable' && poison.length === 0 && mistaken === 0)
      return { outcome: 'untried', problem: verdict.problem };
    if (verdict.how === 'unavailable' || verdict.how === 'damaged')
      return { outcome: 'unfoldable', problem: verdict.problem };
    if (poison.length === mostPoisonous)
      return { outcome: 'unfoldable', problem: `more than ${mostPoisonous} events cannot be folded` };
    const found = await firstFailing(task, parked, verdict);
    if (found === undefined) mistaken += 1;
    else if (isBeyondReach(task, parked, found)) return { outcome: 'unfoldable', problem: found.problem };
    else poison.push({ ...poisonIn(found), hash: await task.hashOf(found.seq) });
  }
  return { outcome: 'unfoldable', problem: 'it can be folded at one time and not at another' };
}

const poisonIn = ({ seq, how, problem }: Failure): Poison => ({ seq, how, problem });

/** Before all that can be left out, or left out already. */
const isBeyondReach = (
  { from, first }: BisectionTask,
  parked: readonly Parking[],
  { seq }: Failure,
): boolean => seq <= Math.max(from, first) || parked.some((known) => known.seq === seq);

const skipped = (seq: number, hash: string): Parking => ({ seq, hash, action: 'skip' });

/**
 * Half by half; what a try says of its own end is looked at first, as it is right nearly always. An event is found when two tries
 * have ended at it: a machine without memory ends processes that have done nothing. Undefined where that was so.
 */
async function firstFailing(
  { from, through, attempt }: BisectionTask,
  parked: readonly Parking[],
  whole: Failure,
): Promise<Failure | undefined> {
  // It came as far as that, and says itself why it did not go on.
  if (whole.how === 'threw') return whole;
  const ends = [whole.seq];
  let [passes, fails, failure] = [from, through, whole];
  let guesses = guessesOf(whole);
  while (fails - passes > 1) {
    const guess = guesses.find((seq) => seq > passes && seq < fails);
    const middle = guess ?? Math.floor((passes + fails) / 2);
    guesses = guesses.filter((seq) => seq !== guess);
    const verdict = await attempt(middle, parked);
    if (verdict.ok) passes = middle;
    else if (verdict.how === 'unavailable') return undefined;
    else {
      fails = middle;
      failure = verdict;
      ends.push(verdict.seq);
      guesses = guessesOf(verdict);
    }
  }
  const isSeenTwice = ends.filter((seq) => seq === fails).length > 1;
  if (isSeenTwice) return { ...failure, seq: fails };
  const again = await attempt(fails, parked);
  return again.ok || again.how === 'unavailable' ? undefined : { ...again, seq: fails };
}

const guessesOf = ({ seq }: Failure): readonly number[] => [seq - 1, seq];
