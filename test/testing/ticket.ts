// The machine of the guide to lifecycle proofs, as it stands there.
import { assertLifecycle } from 'holdfast/testing';
import { createMachine } from 'xstate';

const ticket = createMachine({
  id: 'ticket',
  initial: 'open',
  states: {
    open: { on: { take: 'taken' }, after: { 86400000: 'lapsed' } },
    taken: { on: { solve: 'solved', release: 'open' }, after: { 3600000: 'open' } },
    solved: { type: 'final' },
    lapsed: { type: 'final' },
  },
});

assertLifecycle({
  machine: ticket,
  events: [{ type: 'take' }, { type: 'solve' }, { type: 'release' }],
  edges: [
    ['open', 'taken'],
    ['open', 'lapsed'],
    ['taken', 'solved'],
    ['taken', 'open'],
  ],
});
