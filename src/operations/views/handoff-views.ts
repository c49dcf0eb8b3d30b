// Handoffs as they are shown: plain data, times in milliseconds since the epoch.
import type {
  Addressee,
  HandoffKind,
  HandoffOutcome,
  HandoffPackage,
  HandoffStatus,
} from '../../domain/handoff/handoff.ts';
import type { Acknowledged } from './views.ts';

export interface HandoffInfo {
  /** The id of the session that was offered, a slash, and a number. */
  readonly handoffId: string;
  /** All handoffs by which one matter has gone from session to session. */
  readonly chainId: string;
  readonly key: string | null;
  readonly kind: HandoffKind;
  readonly status: HandoffStatus;
  /** The session that was offered. */
  readonly sessionId: string;
  readonly target: Addressee;
  /** The route as it is counted. */
  readonly from: string;
  readonly to: string;
  /** Why it was offered. */
  readonly cause: string | null;
  readonly offeredAt: number;
  /** When it comes back by itself. */
  readonly deadlineAt: number;
  /** When it was accepted, rejected, withdrawn or expired. */
  readonly settledAt: number | null;
  readonly acceptedBy: string | null;
  /** When the target had the package. */
  readonly deliveredAt: number | null;
  readonly endedAt: number | null;
  readonly outcome: HandoffOutcome | null;
  /** Why it ended as it did. */
  readonly reason: string | null;
  readonly contextBytes: number;
  /** SHA-256 of the package. */
  readonly digest: string;
}

export interface HandoffDetails extends HandoffInfo {
  /** Null once it was erased. */
  readonly package: HandoffPackage | null;
  /** The hash of the record at `package.context.seq`: what the offer builds on. Null where it cannot be read. */
  readonly chainHead: string | null;
}

export interface HandoffOffered extends Acknowledged {
  readonly handoffId: string;
  readonly status: HandoffStatus;
  /** True when the key had led to it before. */
  readonly existing: boolean;
  readonly handoff: HandoffDetails;
}

export interface HandoffAccepted extends Acknowledged {
  readonly handoffId: string;
  readonly status: HandoffStatus;
  /** Name both in the option `ownership` of what is written to the session that was handed over. */
  readonly owner: string | null;
  readonly ownershipEpoch: number;
  /** True when the target has the package by now; otherwise it follows, or the handoff comes back. */
  readonly delivered: boolean;
}

export interface HandoffSettled extends Acknowledged {
  readonly handoffId: string;
  readonly status: HandoffStatus;
}

export interface OwnershipInfo {
  readonly sessionId: string;
  readonly owner: string | null;
  readonly ownershipEpoch: number;
  readonly collaborators: readonly string[];
  readonly offer: HandoffInfo | null;
}

export type ChainLink = 'created' | 'transferred' | 'joined' | 'resumed' | 'completed' | 'abandoned';

/** How one matter went from session to session. */
export interface HandoffChain {
  readonly chainId: string;
  /** The newest link. */
  readonly state: ChainLink;
  /** The sessions that it went through, in order. */
  readonly sessions: readonly string[];
  readonly links: readonly {
    readonly link: ChainLink;
    readonly at: number;
    readonly sessionId: string;
    readonly handoffId: string;
  }[];
  readonly handoffs: readonly HandoffInfo[];
}

interface Durations {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
}

/** What became of the handoffs of one route, of those that are held. */
export interface RouteMetrics {
  readonly from: string;
  readonly to: string;
  readonly offered: number;
  readonly byStatus: Readonly<Record<HandoffStatus, number>>;
  /** Delivered and not failed, of those that were settled otherwise than by a withdrawal; null for none. */
  readonly successRate: number | null;
  /** From the offer to the acceptance; null for none. */
  readonly acceptMs: Durations | null;
  /** From the offer to the end; null for none. */
  readonly totalMs: Durations | null;
  readonly contextBytes: { readonly total: number; readonly mean: number };
  /** Why handoffs ended, the most frequent first, at most ten. */
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
}
