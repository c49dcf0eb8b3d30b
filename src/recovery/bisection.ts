// The search for the events of a session that nobody can fold: the shortest beginning that fails ends with one; without it the
// rest is tried again, until all of it can be folded, or there are too many.
import type { Parking } from '../journal/replay-guard.ts';
import type { ProbeVerdict } from './probe.ts';

/** Folds up to a seq with what is parked by then. */
export type Attempt = (through: number, parked: readonly Parking[]) => Promise<ProbeVerdict>;

export interface Poison {
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

export type BisectionResult =
  | { readonly outcome: 'clean' }
  | { readonly outcome: 'poisoned'; readonly poison: readonly (Poison & { readonly hash: string })[] }
  /** It cannot be folded without them either, or nobody could try. */
  | { readonly outcome: 'unfoldable'; readonly problem: string };

type Failure = ProbeVerdict & { readonly ok: false };

export async function bisect(task: BisectionTask): Promise<BisectionResult> {
  const poison: (Poison & { readonly hash: string })[] = [];
  for (;;) {
    const parked = [...task.parked, ...poison.map(({ seq, hash }) => skipped(seq, hash))];
    const verdict = await task.attempt(task.through, parked);
    if (verdict.ok) return poison.length === 0 ? { outcome: 'clean' } : { outcome: 'poisoned', poison };
    // Whoever reads that in this process hears it as it is.
    if (verdict.how === 'damaged' && poison.length === 0) return { outcome: 'clean' };
    if (verdict.how === 'unavailable' || verdict.how === 'damaged')
      return { outcome: 'unfoldable', problem: verdict.problem };
    if (poison.length === mostPoisonous)
      return { outcome: 'unfoldable', problem: `more than ${mostPoisonous} events cannot be folded` };
    const { seq, how, problem } = await firstFailing(task, parked, verdict);
    if (seq <= Math.max(task.from, task.first) || parked.some((known) => known.seq === seq))
      return { outcome: 'unfoldable', problem };
    poison.push({ seq, how, problem, hash: await task.hashOf(seq) });
  }
}

const skipped = (seq: number, hash: string): Parking => ({ seq, hash, action: 'skip' });

/** Half by half; what a try says of its own end is looked at first, as it is right nearly always. */
async function firstFailing(
  { from, through, attempt }: BisectionTask,
  parked: readonly Parking[],
  whole: Failure,
): Promise<Failure> {
  // It came as far as that, and says itself why it did not go on. What was ended from outside may have suffered from events before.
  if (whole.how === 'threw') return whole;
  let [passes, fails, failure] = [from, through, whole];
  let guesses = guessesOf(whole);
  while (fails - passes > 1) {
    const guess = guesses.find((seq) => seq > passes && seq < fails);
    const middle = guess ?? Math.floor((passes + fails) / 2);
    guesses = guesses.filter((seq) => seq !== guess);
    const verdict = await attempt(middle, parked);
    if (verdict.ok) passes = middle;
    else {
      fails = middle;
      failure = verdict;
      guesses = guessesOf(verdict);
    }
  }
  return { ...failure, seq: fails };
}

const guessesOf = ({ seq }: Failure): readonly number[] => [seq - 1, seq];
