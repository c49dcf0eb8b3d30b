// What a handoff is: work that one session offers to another, from the offer to its end, and who owns what is handed over. The
// package stays in the journal; the state holds where.
import type { Json } from '../../base/json.ts';

/**
 * `context_transfer`: the target is given the context and owns the session from then on. `full_handoff`: the same, and the session
 * ends. `collaboration`: the owner stays, and the target may write too.
 */
export const handoffKinds = ['context_transfer', 'full_handoff', 'collaboration'] as const;
export type HandoffKind = (typeof handoffKinds)[number];

export const handoffStatuses = [
  'pending',
  'accepted',
  'completed',
  'rejected',
  'withdrawn',
  'expired',
  'returned',
] as const;
/** `returned`: it was accepted, and could not be delivered. */
export type HandoffStatus = (typeof handoffStatuses)[number];

export type HandoffOutcome = 'success' | 'failure';

/** Who it is for: one session, or any that is an agent's. */
export interface Addressee {
  readonly sessionId: string | null;
  readonly agent: string | null;
}

/** From whom to whom, as they are counted. */
export interface HandoffRoute {
  readonly from: string;
  readonly to: string;
}

/** What the context is that is handed over: a version of the session, and what it must hash to. */
export interface ContextReference {
  readonly stream: string;
  readonly seq: number;
  /** SHA-256 of the state at `seq`, as the law of that version encodes it. */
  readonly stateHash: string;
  readonly lawVersion: number;
  readonly messages: number;
  readonly files: readonly string[];
  readonly memoryKeys: readonly string[];
}

export interface HandoffPackage {
  readonly summary: string;
  readonly keyPoints: readonly string[];
  readonly instructions: string | null;
  /** Where to go on. */
  readonly resumePoint: string | null;
  readonly nextActions: readonly string[];
  readonly preservedState: Json;
  readonly participants: readonly string[];
  readonly context: ContextReference;
}

/** A handoff as the state holds it. */
export interface Handoff {
  readonly handoffId: string;
  /** The caller's, under which a repeat finds this one. */
  readonly key: string | null;
  readonly chainId: string;
  readonly kind: HandoffKind;
  readonly status: HandoffStatus;
  readonly route: HandoffRoute;
  readonly to: Addressee;
  /** Of its `handoff.offered`, where the package is. */
  readonly seq: number;
  /** SHA-256 of the package, and its bytes. */
  readonly digest: string;
  readonly bytes: number;
  /** Why it was offered. */
  readonly cause: string | null;
  readonly offeredAt: number;
  readonly deadlineAt: number;
  /** When it was accepted, rejected, withdrawn or expired. */
  readonly settledAt: number | null;
  readonly acceptedBy: string | null;
  /** Who owned the session before. */
  readonly formerOwner: string | null;
  readonly deliveredAt: number | null;
  /** When nothing more can come of it. */
  readonly endedAt: number | null;
  readonly outcome: HandoffOutcome | null;
  /** Why it ended as it did. */
  readonly reason: string | null;
}

export interface Ownership {
  /** A session; null while nobody was ever named, or what was handed over came back to nobody in particular. */
  readonly owner: string | null;
  /** Counts the changes of the owner. */
  readonly ownershipEpoch: number;
  /** Sessions that may write beside the owner. */
  readonly collaborators: readonly string[];
  /** The one that waits for an answer. */
  readonly offer: Handoff | null;
  /** Those that were settled, oldest first; ended ones beyond {@link maxKeptHandoffs} are dropped. */
  readonly handoffs: readonly Handoff[];
  /** Of the newest handoff that this session was given: what it hands on belongs to the same. */
  readonly chainId: string | null;
}

/** Of one session, ended ones; the journal has them all. */
export const maxKeptHandoffs = 50;
/** Of one session, accepted and not ended. */
export const maxLiveHandoffs = 50;

export const noOwnership: Ownership = Object.freeze({
  owner: null,
  ownershipEpoch: 0,
  collaborators: Object.freeze([]),
  offer: null,
  handoffs: Object.freeze([]),
  chainId: null,
});

/** Whose word a writer says he has. */
export interface OwnershipClaim {
  readonly owner: string;
  readonly epoch: number;
}

export const handoffIdOf = (sessionId: string, seq: number): string => `${sessionId}/${seq}`;

/** The session whose stream a handoff lives in. */
export const sourceOf = (handoffId: string): string => handoffId.slice(0, handoffId.lastIndexOf('/'));

/** Settled ones first, oldest first. */
export const heldHandoffs = ({
  offer,
  handoffs,
}: Pick<Ownership, 'offer' | 'handoffs'>): readonly Handoff[] =>
  offer === null ? handoffs : [...handoffs, offer];

/** What an offer under this key has led to before, whatever has become of it. */
export const handoffUnder = (
  ownership: Pick<Ownership, 'offer' | 'handoffs'>,
  key: string | null,
): Handoff | undefined =>
  key === null ? undefined : heldHandoffs(ownership).findLast((handoff) => handoff.key === key);

/** The handoff of a session, if it is held. */
export function findHandoff(
  { offer, handoffs }: Pick<Ownership, 'offer' | 'handoffs'>,
  handoffId: string,
): Handoff | undefined {
  return offer?.handoffId === handoffId
    ? offer
    : handoffs.findLast((handoff) => handoff.handoffId === handoffId);
}
