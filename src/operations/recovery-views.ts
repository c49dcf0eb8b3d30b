// What operations on recoveries answer with.
import type {
  RecoveryAttempt,
  RecoveryStatus,
  RecoveryTier,
  SeqRange,
  ValidationLevel,
} from '../domain/recovery-vocabulary.ts';
import type { Repeatable } from './views.ts';

/** What a validation found. */
export interface ValidationInfo {
  readonly level: ValidationLevel;
  /** True when there is no error; warnings do not fail. */
  readonly ok: boolean;
  readonly checks: readonly string[];
  /** Events that were read for it. */
  readonly events: number;
  readonly findings: readonly {
    readonly severity: 'error' | 'warning';
    readonly check: string;
    readonly seq: number | null;
    readonly problem: string;
  }[];
}

/** What a recovery came to, or would come to. */
export interface RecoveryInfo extends Repeatable {
  readonly sessionId: string;
  readonly status: RecoveryStatus;
  /** True when the session is as `status` says; false for what it would be, and for what failed. */
  readonly recovered: boolean;
  /** True when it would be recovered with `accept: true`. */
  readonly needsAcceptance: boolean;
  readonly tier: RecoveryTier | null;
  readonly attempts: readonly RecoveryAttempt[];
  readonly headSeq: number;
  /** The last event that is part of the state. */
  readonly through: number;
  readonly dropped: readonly SeqRange[];
  readonly validation: ValidationInfo;
  /** When a copy of the session was saved that `sessions.restore` can bring back; null when there is none. */
  readonly savedAt: number | null;
  /** The receipt, when one was written. */
  readonly recoveryId: string | null;
}

/** What became of many. */
export interface BulkRecoveryInfo {
  readonly attempted: number;
  readonly complete: number;
  /** Recovered in part only, which somebody has to accept. */
  readonly waiting: number;
  readonly failed: number;
  readonly tookMs: number;
  /** The first 1,000 that were not recovered, and why. */
  readonly notRecovered: readonly {
    readonly sessionId: string;
    readonly status: RecoveryStatus;
    readonly problem: string;
  }[];
}

export interface RecoveryStatistics {
  readonly attempts: number;
  readonly byStatus: Readonly<Record<RecoveryStatus, number>>;
  /** Of all attempts those that brought the session back, whole or in part; null before the first. */
  readonly successRate: number | null;
  readonly byReason: Readonly<Record<string, number>>;
  readonly byTier: Readonly<Record<string, number>>;
  /** From the detection until the session was back, in milliseconds; null before the first success. */
  readonly meanMs: number | null;
  readonly longestMs: number;
  /** Receipts that this process could not keep. */
  readonly droppedReceipts: number;
}
