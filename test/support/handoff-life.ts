// Commands about handoffs as tests send them, with what they do not care about filled in.
import type { HandoffPackage } from '../../src/domain/handoff/handoff.ts';
import type { HandoffCommandOf, OfferHandoff } from '../../src/domain/handoff/handoff-events.ts';

export const offer = (given: Partial<OfferHandoff>): OfferHandoff => ({
  ...{ type: 'handoff.offer', kind: 'context_transfer', key: null },
  ...{ to: { sessionId: 'desk', agent: null }, route: { from: 'a', to: 'b' } },
  ...{ deadlineMs: 1_000, reason: null, given: {} },
  ...given,
});

export const receive = (contents: HandoffPackage): HandoffCommandOf<'handoff.receive'> => ({
  ...{ type: 'handoff.receive', handoffId: 'other/7', chainId: 'other/7', kind: 'context_transfer' },
  ...{ route: { from: 'x', to: 'y' }, digest: 'd', package: contents },
});
