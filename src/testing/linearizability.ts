// Was there one order in which all of it could have happened? Calls that overlapped may have taken effect in any order, one that
// had ended before another began took effect before it. The search is that of Wing and Gong with the memory of Lowe, as in
// Porcupine: from any set of calls that took effect and any state one goes on but once.

/** A call as its caller saw it. Times need only be comparable; two that are equal overlap. */
export interface ObservedCall<Input, Output> {
  readonly input: Input;
  readonly calledAt: number;
  /** Undefined for a call whose outcome nobody knows: it may have taken effect at any time since, or never. */
  readonly returnedAt?: number | undefined;
  readonly output?: Output | undefined;
}

export interface LinearModel<State, Input, Output> {
  readonly initial: State;
  /** The state after the call; undefined when a call in this state could not have answered so. An output of undefined fits. */
  step(state: State, input: Input, output: Output | undefined): { readonly state: State } | undefined;
  /** Equal texts for equal states; JSON of the state by default. */
  key?(state: State): string;
}

export interface LinearVerdict<Input, Output> {
  /** `unknown` when the search was ended before it knew. */
  readonly verdict: 'linearizable' | 'violated' | 'unknown';
  /** An order in which it may have happened, or the longest that was found. */
  readonly order: readonly ObservedCall<Input, Output>[];
  /** States that were looked at. */
  readonly looked: number;
}

export interface LinearOptions {
  /** So many states are looked at, at most; 1,000,000 by default. */
  readonly maxStates?: number;
}

/** One end of a call, in the order of time: an answer lies behind the call that it belongs to. */
interface Mark {
  readonly call: number;
  /** The answer to a call; undefined at an answer, and at a call that was never answered. */
  answer: Mark | undefined;
  readonly isAnswer: boolean;
  previous: Mark | undefined;
  next: Mark | undefined;
}

/**
 * Looks for an order of the calls that the model allows and that no caller can contradict. Keep histories apart that have nothing
 * to do with each other, such as those of different keys: each is then judged alone, and much faster.
 */
export function checkLinearizable<State, Input, Output>(
  history: readonly ObservedCall<Input, Output>[],
  model: LinearModel<State, Input, Output>,
  { maxStates = 1_000_000 }: LinearOptions = {},
): LinearVerdict<Input, Output> {
  const head = marksOf(history);
  const known = new Set<string>();
  const taken = new TakenCalls(history);
  const chosen: { readonly mark: Mark; readonly before: State }[] = [];
  const keyOf = model.key?.bind(model) ?? ((state: State) => JSON.stringify(state) ?? '');
  const orderOf = (marks: readonly Mark[]) => marks.flatMap(({ call }) => history[call] ?? []);
  let answered = history.filter(({ returnedAt }) => returnedAt !== undefined).length;
  let best: readonly Mark[] = [];
  /** Copied where it cannot grow any more, not at each step. */
  const longest = (): readonly Mark[] => {
    if (chosen.length > best.length) best = chosen.map((one) => one.mark);
    return best;
  };
  let looked = 0;
  let state = model.initial;
  let mark = head.next;
  while (answered > 0) {
    if (mark !== undefined && !mark.isAnswer) {
      const next = stepOf(history, model, state, mark);
      if (next !== undefined) {
        looked += 1;
        if (looked > maxStates) return { verdict: 'unknown', order: orderOf(longest()), looked };
        taken.add(mark.call);
        const place = `${taken.key} ${keyOf(next.state)}`;
        if (!known.has(place)) {
          known.add(place);
          chosen.push({ mark, before: state });
          state = next.state;
          lift(mark);
          if (mark.answer !== undefined) answered -= 1;
          mark = head.next;
          continue;
        }
        taken.delete(mark.call);
      }
      mark = mark.next;
      continue;
    }
    // Its answer is here, and it could not have taken effect by now: what was chosen last was wrong.
    longest();
    const last = chosen.pop();
    if (last === undefined) return { verdict: 'violated', order: orderOf(best), looked };
    state = last.before;
    taken.delete(last.mark.call);
    unlift(last.mark);
    if (last.mark.answer !== undefined) answered += 1;
    mark = last.mark.next;
  }
  return { verdict: 'linearizable', order: orderOf(chosen.map((one) => one.mark)), looked };
}

/**
 * The calls that took effect, as a text that does not grow with the history: how far all that were answered are in, in the order in
 * which they were made, and which are in beside.
 */
class TakenCalls {
  /** Of each call that was answered, its place among them. */
  readonly #ranks = new Map<number, number>();
  readonly #beside = new Set<number>();
  #through = 0;

  constructor(history: readonly ObservedCall<unknown, unknown>[]) {
    const answered = history.flatMap(({ calledAt, returnedAt }, call) =>
      returnedAt === undefined ? [] : [{ call, calledAt }],
    );
    answered.sort((a, b) => a.calledAt - b.calledAt);
    for (const [rank, { call }] of answered.entries()) this.#ranks.set(call, rank);
  }

  get key(): string {
    return `${this.#through} ${[...this.#beside].sort((a, b) => a - b).join()}`;
  }

  add(call: number): void {
    this.#beside.add(this.#idOf(call));
    while (this.#beside.delete(this.#through)) this.#through += 1;
  }

  delete(call: number): void {
    const id = this.#idOf(call);
    if (this.#beside.delete(id)) return;
    for (let above = id + 1; above < this.#through; above++) this.#beside.add(above);
    this.#through = id;
  }

  /** One whose outcome nobody knows is never waited for. */
  #idOf(call: number): number {
    return this.#ranks.get(call) ?? -1 - call;
  }
}

function stepOf<State, Input, Output>(
  history: readonly ObservedCall<Input, Output>[],
  model: LinearModel<State, Input, Output>,
  state: State,
  { call }: Mark,
): { readonly state: State } | undefined {
  const observed = history[call];
  return observed && model.step(state, observed.input, observed.output);
}

/** A list of all ends in the order of time, calls before answers of the same time. The head is none of them. */
function marksOf(history: readonly ObservedCall<unknown, unknown>[]): Mark {
  const marks: { readonly at: number; readonly mark: Mark }[] = [];
  history.forEach(({ calledAt, returnedAt }, call) => {
    if (returnedAt !== undefined && returnedAt < calledAt)
      throw new RangeError(`Call ${call} was answered before it was made`);
    const links = { previous: undefined, next: undefined };
    const answer: Mark | undefined =
      returnedAt === undefined ? undefined : { call, isAnswer: true, answer: undefined, ...links };
    marks.push({ at: calledAt, mark: { call, isAnswer: false, answer, ...links } });
    if (answer !== undefined) marks.push({ at: returnedAt ?? 0, mark: answer });
  });
  marks.sort((a, b) => a.at - b.at || Number(a.mark.isAnswer) - Number(b.mark.isAnswer));
  const head: Mark = { call: -1, isAnswer: false, answer: undefined, previous: undefined, next: undefined };
  let last = head;
  for (const { mark } of marks) {
    last.next = mark;
    mark.previous = last;
    last = mark;
  }
  return head;
}

function lift(mark: Mark): void {
  unlink(mark);
  if (mark.answer !== undefined) unlink(mark.answer);
}

/** In the opposite order: each still knows its neighbours. */
function unlift(mark: Mark): void {
  if (mark.answer !== undefined) relink(mark.answer);
  relink(mark);
}

function unlink({ previous, next }: Mark): void {
  if (previous !== undefined) previous.next = next;
  if (next !== undefined) next.previous = previous;
}

function relink(mark: Mark): void {
  if (mark.previous !== undefined) mark.previous.next = mark;
  if (mark.next !== undefined) mark.next.previous = mark;
}
