// What a strategy of recovery is: a way to bring a state back that can be proven, within a budget. Its kinds stand beside it;
// others are given to the system by whoever has more to recover from.
import type { Failure } from '../domain/recovery/recovery-failures.ts';
import type { Completeness, RecoveryTier } from '../domain/recovery/recovery-vocabulary.ts';
import type { Head, Journal } from '../journal/journal.ts';

export interface RecoveryTask {
  readonly sessionId: string;
  readonly stream: string;
  readonly head: Head;
  readonly failure: Failure;
  readonly journal: Journal;
  /** Aborted when the budget is spent. */
  readonly signal: AbortSignal;
}

/** A state that was brought back. */
export interface RecoveredState {
  readonly completeness: Completeness;
  /** The state as the session's law encodes it. */
  readonly state: string;
  /** The last event that is part of it. */
  readonly through: number;
  readonly snapshotSeq: number;
  readonly replayed: number;
  /** Snapshots that could not be used. */
  readonly passedOver?: readonly number[];
}

export interface RecoveryStrategy {
  readonly name: string;
  /** What it counts as in receipts and statistics. */
  readonly tier: RecoveryTier;
  /** How long it may take, in milliseconds. */
  readonly budgetMs: number;
  /** Resolves with undefined when it has nothing to offer; whatever it throws is noted, and the next is tried. */
  recover(task: RecoveryTask): Promise<RecoveredState | undefined>;
}

/** The built-in tiers, and `repair` when there is one. */
export type StrategyName = RecoveryTier | 'repair';

export interface RecoveryOptions {
  /**
   * Which strategy a failure begins with: a name, a strategy of one's own, or undefined for the built-in map. What fails
   * or takes too long gives way to the next built-in tier.
   */
  readonly strategies?: (failure: Failure) => StrategyName | RecoveryStrategy | undefined;
  /** Makes a damaged stream whole again; tried behind `cold` and where `strategies` names it. */
  readonly repair?: RecoveryStrategy;
  /** The process in which sessions are tried that cannot be folded here. */
  readonly trials?: {
    /** How long one event may be folded, in milliseconds; 5,000 by default. */
    readonly stallMs?: number;
    /** The heap that it may take, in megabytes; 1,024 by default. */
    readonly memoryMb?: number;
  };
}
