// Handoffs as they are shown, and how a matter went from session to session by them.
import { HoldfastError } from '../../base/errors.ts';
import { type Handoff, sourceOf } from '../../domain/handoff/handoff.ts';
import type { ChainLink, HandoffChain, HandoffInfo } from '../../operations/views/handoff-views.ts';

export function handoffInfo({ route, to, seq: _, bytes, formerOwner: __, ...handoff }: Handoff): HandoffInfo {
  return { ...handoff, ...route, sessionId: sourceOf(handoff.handoffId), target: to, contextBytes: bytes };
}

type Link = HandoffChain['links'][number];

/** `handoffs`: those of the chain, in the order in which they were offered. */
export function chainOf(handoffId: string, handoffs: readonly Handoff[]): HandoffChain {
  const [first] = handoffs;
  if (first === undefined) throw new HoldfastError('HANDOFF_NOT_FOUND', { handoffId });
  const created = linkOf(first, 'created', first.offeredAt, sourceOf(first.handoffId));
  const links = [created, ...handoffs.flatMap(linksOf).sort((a, b) => a.at - b.at)];
  return {
    chainId: first.chainId,
    state: links.at(-1)?.link ?? 'created',
    sessions: [...new Set(links.map(({ sessionId }) => sessionId))],
    links,
    handoffs: handoffs.map(handoffInfo),
  };
}

const linkOf = ({ handoffId }: Handoff, link: ChainLink, at: number, sessionId: string): Link => ({
  ...{ link, at, sessionId, handoffId },
});

/** What was passed on goes on elsewhere: that it is done says the last who has it. */
function linksOf(handoff: Handoff): Link[] {
  const { status, kind, acceptedBy, settledAt, endedAt, outcome, reason } = handoff;
  const source = sourceOf(handoff.handoffId);
  const taken =
    acceptedBy === null || settledAt === null
      ? []
      : [linkOf(handoff, kind === 'collaboration' ? 'joined' : 'transferred', settledAt, acceptedBy)];
  if (endedAt === null || reason === passedOn) return taken;
  if (status === 'completed')
    return [
      ...taken,
      linkOf(handoff, outcome === 'success' ? 'completed' : 'abandoned', endedAt, acceptedBy ?? source),
    ];
  const isAbandoned = status === 'withdrawn' && (reason?.startsWith('session.') ?? false);
  return [...taken, linkOf(handoff, isAbandoned ? 'abandoned' : 'resumed', endedAt, source)];
}

const passedOn = 'passed on';
