// What operations on recoveries answer with.
import type {
  BootReceipt,
  RecoveryAttempt,
  RecoveryReceipt,
  RecoveryStatus,
  RecoveryTier,
  SeqRange,
  ValidationLevel,
} from '../../domain/recovery/recovery-vocabulary.ts';
import type { Page, Repeatable } from './views.ts';

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
  /**
   * Set where its list of parked events was damaged: what could be read of it, and goes on to be left out or edited, and how many records
   * of it could not be; null where nobody knows how many there were.
   */
  readonly parked?: { readonly kept: readonly number[]; readonly unreadable: number | null };
  /** When a copy of the session was saved that `sessions.restore` can bring back; null when there is none. */
  readonly savedAt: number | null;
  /** The receipt, when one was written. */
  readonly recoveryId: string | null;
}

/** Receipts of sessions. What is not kept any more is counted in the statistics all the same. */
export interface ReceiptPage extends Page<RecoveryReceipt> {
  /** Of the sessions that begin on this page those that once had more. */
  readonly notKept: readonly { readonly sessionId: string; readonly receipts: number }[];
  /** Of the sessions of this page those of which receipts are damaged, and left out. */
  readonly damaged: readonly { readonly sessionId: string; readonly receipts: number }[];
}

/** Receipts of starts, newest first. */
export interface BootPage extends Page<BootReceipt> {
  /** How often the system was started, receipts that are not kept any more included. */
  readonly total: number;
  /** When the oldest was written that is kept; null while all are. */
  readonly keptSince: number | null;
  /** Records of this page's part that are damaged, and left out. */
  readonly damaged: number;
}

/** What became of many. */
export interface BulkRecoveryInfo extends Repeatable {
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
