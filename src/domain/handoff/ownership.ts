// What each event of a handoff makes of the ownership of a session. Projections fold with it too: there is no second model.
import type { Handoff, HandoffStatus, Ownership } from './handoff.ts';
import { findHandoff, maxKeptHandoffs, noOwnership } from './handoff.ts';
import type { HandoffEvent, HandoffEventData, OfferedData } from './handoff-events.ts';

/** The ownership after an event. What tells of a handoff that nobody knows changes what it says of the owner, and no more. */
export function withHandoffEvent(before: Ownership | undefined, event: HandoffEvent): Ownership {
  const ownership = before ?? noOwnership;
  const { at } = event;
  switch (event.type) {
    case 'handoff.offered':
      return { ...ownership, offer: offered(event.data, event.seq, at) };
    case 'handoff.accepted':
      return accepted(ownership, event.data, at);
    case 'handoff.rejected':
      return settled(ownership, event.data, 'rejected', at);
    case 'handoff.withdrawn':
      return settled(ownership, event.data, 'withdrawn', at);
    case 'handoff.expired':
      return settled(ownership, { ...event.data, reason: 'deadline' }, 'expired', at);
    case 'handoff.delivered':
      return changed(ownership, event.data.handoffId, { deliveredAt: at });
    case 'handoff.completed':
      return completed(ownership, event.data, at);
    case 'handoff.returned':
      return returned(ownership, event.data, at);
    case 'handoff.received':
      return { ...ownership, chainId: event.data.chainId };
  }
}

function offered({ package: _, reason: cause, ...data }: OfferedData, seq: number, at: number): Handoff {
  const { handoffId, key, chainId, kind, route, to, digest, bytes, deadlineAt } = data;
  return {
    ...{ handoffId, key, chainId, kind, status: 'pending', route, to, seq, digest, bytes, cause },
    ...{ offeredAt: at, deadlineAt, settledAt: null, acceptedBy: null, formerOwner: null },
    ...{ deliveredAt: null, endedAt: null, outcome: null, reason: null },
  };
}

/** The owner before is one no more: what he was handed himself has ended. */
function accepted(
  ownership: Ownership,
  { handoffId, by, owner, ownershipEpoch }: HandoffEventData['handoff.accepted'],
  at: number,
): Ownership {
  const { offer, collaborators } = ownership;
  const isShared = offer?.handoffId === handoffId && offer.kind === 'collaboration';
  const before = isShared ? ownership.handoffs : ownership.handoffs.map((handoff) => passedOn(handoff, at));
  const changes = { status: 'accepted', settledAt: at, acceptedBy: by } as const;
  const handoffs =
    offer?.handoffId === handoffId
      ? [...before, { ...offer, ...changes, formerOwner: ownership.owner }]
      : before;
  return {
    ...{ owner, ownershipEpoch, chainId: ownership.chainId, offer: null, handoffs: kept(handoffs) },
    collaborators: isShared ? [...collaborators.filter((id) => id !== by), by] : [],
  };
}

/** A new owner begins alone: nobody is left who shared with the one before. */
function passedOn(handoff: Handoff, at: number): Handoff {
  if (handoff.status !== 'accepted' || handoff.deliveredAt === null) return handoff;
  return { ...handoff, status: 'completed', endedAt: at, outcome: 'success', reason: 'passed on' };
}

function settled(
  ownership: Ownership,
  { handoffId, reason }: { readonly handoffId: string; readonly reason: string },
  status: HandoffStatus,
  at: number,
): Ownership {
  const { offer, handoffs } = ownership;
  if (offer?.handoffId !== handoffId) return ownership;
  const ended = { ...offer, status, settledAt: at, endedAt: at, outcome: null, reason };
  return { ...ownership, offer: null, handoffs: kept([...handoffs, ended]) };
}

function completed(
  ownership: Ownership,
  { handoffId, outcome, reason }: HandoffEventData['handoff.completed'],
  at: number,
): Ownership {
  const handoff = findHandoff(ownership, handoffId);
  const ended = { status: 'completed', endedAt: at, outcome, reason } as const;
  return leaving(changed(ownership, handoffId, ended), handoff);
}

function returned(
  ownership: Ownership,
  { handoffId, reason, owner, ownershipEpoch }: HandoffEventData['handoff.returned'],
  at: number,
): Ownership {
  const handoff = findHandoff(ownership, handoffId);
  const ended = { status: 'returned', endedAt: at, outcome: 'failure', reason } as const;
  return { ...leaving(changed(ownership, handoffId, ended), handoff), owner, ownershipEpoch };
}

/** Who shared by this handoff, and by no other, writes no more. */
function leaving(ownership: Ownership, handoff: Handoff | undefined): Ownership {
  if (handoff?.kind !== 'collaboration') return ownership;
  const { acceptedBy } = handoff;
  const shares = ownership.handoffs.some(
    ({ kind, status, acceptedBy: by }) =>
      kind === 'collaboration' && status === 'accepted' && by === acceptedBy,
  );
  if (shares) return ownership;
  return { ...ownership, collaborators: ownership.collaborators.filter((id) => id !== acceptedBy) };
}

function changed(ownership: Ownership, handoffId: string, changes: Partial<Handoff>): Ownership {
  const change = (handoff: Handoff): Handoff =>
    handoff.handoffId === handoffId ? { ...handoff, ...changes } : handoff;
  return { ...ownership, handoffs: kept(ownership.handoffs.map(change)) };
}

function kept(handoffs: readonly Handoff[]): readonly Handoff[] {
  let surplus = handoffs.reduce((count, { endedAt }) => count + (endedAt === null ? 0 : 1), -maxKeptHandoffs);
  if (surplus <= 0) return handoffs;
  return handoffs.filter(({ endedAt }) => endedAt === null || surplus-- <= 0);
}

/** Numbers, names and places; nothing that anybody said. */
export function ownershipWithoutWords(ownership: Ownership): Ownership {
  const plain = (handoff: Handoff): Handoff => ({ ...handoff, key: null, cause: null, reason: null });
  const { offer, handoffs } = ownership;
  return { ...ownership, offer: offer === null ? null : plain(offer), handoffs: handoffs.map(plain) };
}
