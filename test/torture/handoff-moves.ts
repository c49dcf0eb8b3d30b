// Random commands about handoffs, mostly about one that there is.
import { findHandoff, handoffKinds, heldHandoffs, noOwnership } from '../../src/domain/handoff/handoff.ts';
import type { HandoffCommand } from '../../src/domain/handoff/handoff-events.ts';
import { packageOf } from '../../src/domain/handoff/handoff-package.ts';
import type { Moment, Random } from './random-moves.ts';

type Makers = {
  readonly [Type in HandoffCommand['type']]: (random: Random, moment: Moment) => HandoffCommand;
};

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const sessions = ['desk', 'boss'] as const;
const agents = ['a', null] as const;

function likely(random: Random, { state }: Moment): string {
  const held = heldHandoffs(state.ownership ?? noOwnership);
  const newest = held.at(-1);
  return newest === undefined || random() < 0.05
    ? 's1/999'
    : (random() < 0.8 ? newest : pick(random, held)).handoffId;
}

/** Whoever it is for, or whoever has it, in most cases. */
function answer(random: Random, moment: Moment) {
  const handoffId = likely(random, moment);
  const handoff = findHandoff(moment.state.ownership ?? noOwnership, handoffId);
  const right = handoff?.acceptedBy ?? handoff?.to.sessionId ?? 'desk';
  const isRight = random() < 0.8;
  return {
    handoffId,
    by: isRight ? right : pick(random, sessions),
    agent: isRight ? 'a' : pick(random, agents),
  };
}

export const handoffMakers: Makers = {
  'handoff.offer': (random) => ({
    ...{ type: 'handoff.offer', kind: pick(random, handoffKinds), key: pick(random, ['k', 'l', null, null]) },
    to: random() < 0.7 ? { sessionId: pick(random, sessions), agent: null } : { sessionId: null, agent: 'a' },
    ...{ route: { from: 'a', to: 'b' }, deadlineMs: Math.floor(random() * 9_000), reason: null },
    given: random() < 0.5 ? {} : { summary: 'in short', nextActions: ['go on'] },
  }),
  'handoff.accept': (random, moment) => ({
    ...{ type: 'handoff.accept', ...answer(random, moment) },
    ...(random() < 0.1 && { digest: 'other' }),
  }),
  'handoff.reject': (random, moment) => ({
    type: 'handoff.reject',
    ...answer(random, moment),
    reason: 'busy',
  }),
  'handoff.withdraw': (random, moment) => ({
    ...{ type: 'handoff.withdraw', handoffId: likely(random, moment), reason: 'changed' },
  }),
  'handoff.expire': () => ({ type: 'handoff.expire' }),
  'handoff.complete': (random, moment) => {
    const { handoffId, by } = answer(random, moment);
    const outcome = pick(random, ['success', 'failure'] as const);
    return { type: 'handoff.complete', handoffId, by, outcome, reason: null, result: { n: 1 } };
  },
  'handoff.deliver': (random, moment) => ({ type: 'handoff.deliver', handoffId: likely(random, moment) }),
  'handoff.return': (random, moment) => ({
    ...{ type: 'handoff.return', handoffId: likely(random, moment), reason: 'SESSION_NOT_ACTIVE' },
  }),
  'handoff.receive': (random, { state, seq }) => ({
    ...{ type: 'handoff.receive', handoffId: 'other/7', chainId: pick(random, ['other/7', 'first/3']) },
    ...{ kind: pick(random, handoffKinds), route: { from: 'x', to: 'y' }, digest: 'd' },
    package: packageOf(state, seq, { preservedState: { n: [1, null] } }),
  }),
};
