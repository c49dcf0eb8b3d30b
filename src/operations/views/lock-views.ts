// Locks as users see them: plain data, times in milliseconds since the epoch.
import type { ConflictKind, ConflictStrategy } from '../../domain/lock/conflicts.ts';
import type { LockClaimant } from '../../domain/lock/lock-events.ts';
import type { Acknowledged } from './views.ts';

/** A lock in the hands of whoever asked for it. */
export interface LockGranted extends Acknowledged {
  readonly name: string;
  /** `held`: it was theirs already. */
  readonly outcome: 'granted' | 'held';
  /** Greater than all that were given before: name it in what is done under the lock, and let the resource refuse older ones. */
  readonly fencingToken: number;
  /** Until when it is theirs without a word. */
  readonly until: number;
}

export interface LockRenewed extends Acknowledged {
  readonly fencingToken: number;
  /** Until when it is theirs: no later than its interruption says. */
  readonly until: number;
  /** True when it is to be given up. */
  readonly interrupted: boolean;
}

export interface LockHolderInfo extends LockClaimant {
  readonly fencingToken: number;
  readonly priority: number;
  readonly interruptible: boolean;
  readonly grantedAt: number;
  readonly until: number;
  /** The session for which it is to be given up; null when it is not. */
  readonly interruptedBy: string | null;
}

export interface LockWaiterInfo extends LockClaimant {
  readonly priority: number;
  readonly since: number;
  readonly deadlineAt: number;
  /** How many who came later went first; at most 8. */
  readonly passed: number;
}

export interface LockInfo {
  readonly name: string;
  /** Null while it is free. */
  readonly holder: LockHolderInfo | null;
  /** In the order in which they came. */
  readonly waiters: readonly LockWaiterInfo[];
}

export interface LockChecked {
  readonly name: string;
  readonly fencingToken: number;
  readonly sessionId: string;
  readonly until: number;
  readonly interrupted: boolean;
}

export interface LockNotice {
  /** `interrupted`: it is to be given up until then. `lost`: it is not held under this token any more. */
  readonly outcome: 'interrupted' | 'lost';
  readonly until: number | null;
}

/** What was counted since the store was made. */
export interface LockStats {
  readonly held: number;
  readonly waiting: number;
  readonly granted: number;
  readonly released: number;
  readonly expired: number;
  readonly interrupted: number;
  readonly timedOut: number;
  /** Broken after they had come about; those that were refused beforehand are counted in `deadlocksRefused`. */
  readonly deadlocks: number;
  /** Since the process began. */
  readonly deadlocksRefused: number;
  /** Of all that were granted, those that had to wait for nothing included; null before the first. */
  readonly averageWaitMs: number | null;
  readonly averageHeldMs: number | null;
}

export interface StrategyChoice {
  readonly kind: ConflictKind;
  readonly strategy: ConflictStrategy;
  /** What the kind allows, what is done by default first. */
  readonly lawful: readonly ConflictStrategy[];
}
