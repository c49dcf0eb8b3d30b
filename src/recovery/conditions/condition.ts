// What is shown of a condition: what is known of its stream, and what was asked for since and is on its way. Pure.
import {
  type ConditionCommand,
  type ConditionState,
  conditionLaw,
  conditionStream,
  type StandingCondition,
} from '../../domain/recovery/condition-law.ts';
import { decideCommand } from '../../entity/decide.ts';

/** A condition as it is shown. */
export interface Condition extends StandingCondition {
  readonly sessionId: string;
  /** The event in the stream `condition/<sessionId>` that set it; 0 while it is not durable. */
  readonly seq: number;
}

/** The state in which the stream is, as far as it is known. */
export interface Known {
  readonly state: ConditionState;
  readonly seq: number;
}

/** What was asked for: a command, or that the stream goes. */
export type Wish = ConditionCommand | { readonly type: 'forget' };

/** What is known of a stream of which nothing was read but its head, if it has one. */
export function knownOf(sessionId: string, durable: Omit<Condition, 'sessionId'> | undefined): Known {
  const state = conditionLaw.initial(conditionStream(sessionId));
  if (durable === undefined) return { state, seq: 0 };
  const { seq, ...current } = durable;
  return { state: { ...state, current, changedAt: current.since }, seq };
}

/** The state after a wish, as the law will decide it. */
export function stateAfter(state: ConditionState, wish: Wish): ConditionState {
  const stream = conditionStream(state.sessionId);
  if (wish.type === 'forget') return conditionLaw.tombstone(stream);
  const decided = decideCommand(conditionLaw, stream, { state, seq: 0, at: wish.askedAt }, wish, {}, 2 ** 20);
  return 'refusal' in decided ? state : (decided.events.at(-1)?.state ?? state);
}

/** The last condition that was asked for; what clears one shows when it is durable. */
export function shownAfter(known: Known, wishes: readonly Wish[]): Condition | undefined {
  let { state } = known;
  let shown = shownOf(known, state);
  for (const wish of wishes) {
    state = stateAfter(state, wish);
    shown = shownOf(known, state) ?? shown;
  }
  return shown;
}

function shownOf(known: Known, { sessionId, current }: ConditionState): Condition | undefined {
  if (current === null) return undefined;
  return Object.freeze({ sessionId, ...current, seq: current === known.state.current ? known.seq : 0 });
}
