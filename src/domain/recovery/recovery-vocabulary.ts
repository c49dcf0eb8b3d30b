// The words of recovery: why a process or a session had to be recovered, by which tier, and what a receipt says of it. All
// of it is plain data, as it is journaled and shown.
import type { UnknownDecision } from '../agent/agent-step-events.ts';
import type { RecordedError } from '../recorded-error.ts';
import type { SessionStatus } from '../session/session-lifecycle.ts';

/** What the layers of the crash cascade can find. `unknown`: it was not closed in order, and no layer says why. */
export const crashReasons = [
  'state_corrupted',
  'disk_full',
  'machine_restarted',
  'process_hung',
  'process_died',
  'heartbeat_timeout',
  'orphaned',
  'unknown',
] as const;
export type CrashReason = (typeof crashReasons)[number];

/** In the order in which they are tried: each takes up more, promises less, or both. */
export const recoveryTiers = ['hot', 'warm', 'cold', 'emergency'] as const;
export type RecoveryTier = (typeof recoveryTiers)[number];

/** `minimal`: profile and status alone. `failed`: nothing could be proven, or the work itself failed. */
export const recoveryStatuses = ['complete', 'partial', 'minimal', 'failed'] as const;
export type RecoveryStatus = (typeof recoveryStatuses)[number];
export type Completeness = Exclude<RecoveryStatus, 'failed'>;

export const validationLevels = ['minimal', 'standard', 'comprehensive', 'forensic'] as const;
export type ValidationLevel = (typeof validationLevels)[number];

/** Why a session needed more than a clean replay. */
export type RecoveryReason =
  | 'process_restarted'
  | 'actors_crashed'
  | 'snapshot_passed_over'
  | 'history_lost'
  | 'history_damaged'
  | 'poisoned'
  | 'revived'
  | 'requested';

/** Events that are not part of the state any more: lost, damaged, or behind what could be proven. */
export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

/** A deadline that passed while nobody could keep it. */
export interface LateTimer {
  readonly dueAt: number;
  readonly lateMs: number;
}

/** One strategy that was tried. */
export interface RecoveryAttempt {
  readonly strategy: string;
  readonly outcome: RecoveryStatus | 'timedOut' | 'missing';
  readonly tookMs: number;
  readonly problem?: string;
}

/** An effect that was begun and has no outcome on record. */
export interface UnknownEffectPlace {
  readonly runId: string;
  readonly step: string;
  readonly startedAt: number;
  /** Of the event with which it was begun. */
  readonly startedSeq: number;
  /** What its policy has decided since, where that was found when the receipt was read; it is not stored. */
  readonly decision?: UnknownDecision;
}

/** What was known of the effects of all open runs. What stands in neither of these was not started. */
export interface FoundEffects {
  readonly unknown: number;
  /** Finished steps, effects among them: their outcomes are on record, and they are not run again. */
  readonly done: number;
  /** The first 20 of those that are unknown. */
  readonly first: readonly UnknownEffectPlace[];
}

/** What became of one session that needed more than a clean replay. */
export interface RecoveryReceipt {
  readonly recoveryId: string;
  readonly sessionId: string;
  readonly reason: RecoveryReason;
  /** How its state was brought back; null where none was, as nothing but its actors had failed or nothing could be proven. */
  readonly tier: RecoveryTier | null;
  readonly status: RecoveryStatus;
  readonly detectedAt: number;
  readonly startedAt: number;
  readonly completedAt: number;
  /** The snapshot that the replay began from, or 0. */
  readonly snapshotSeq: number;
  readonly headSeq: number;
  /** Events that were read and folded again. */
  readonly replayed: number;
  /** Snapshots that could not be used, newest first. */
  readonly passedOver: readonly number[];
  readonly dropped: readonly SeqRange[];
  /** Agent runs that begin once more with what they were started with. */
  readonly reRun: readonly string[];
  /** Of these the runs that were at work: whether what they did last outside took effect is not known. */
  readonly unknown: readonly string[];
  /** Absent when no effect was interrupted, and from receipts of before. */
  readonly effects?: FoundEffects;
  readonly timers: readonly LateTimer[];
  /** True when something that was acknowledged is not part of the state any more. */
  readonly dataLost: boolean;
  readonly attempts: readonly RecoveryAttempt[];
  readonly error: RecordedError | null;
}

/** What the process that had the store before is known by. */
export interface KnownProcess {
  readonly pid: number;
  readonly startedAt: string;
  readonly bootId: string;
}

/** A stream whose end is gone: events from `found + 1` to `witnessed` were durable once. */
export interface LostEvents {
  readonly stream: string;
  readonly found: number;
  readonly witnessed: number;
}

export interface DamagedEvents {
  readonly stream: string;
  readonly seq: number | string;
  readonly problem: string;
}

/** What one start of a system found, and what it did about it. */
export interface BootReceipt {
  readonly at: number;
  readonly epoch: number;
  readonly previousEpoch: number | null;
  readonly shutdown: 'new' | 'clean' | 'unclean';
  readonly crashed: boolean;
  readonly reasons: readonly CrashReason[];
  readonly primary: CrashReason | null;
  readonly previousOwner: KnownProcess | null;
  readonly lastBeatAt: number | null;
  /** Where the feed ended when the sessions stood. */
  readonly feedPosition: string;
  readonly store: {
    /** Where the damaged database is kept, and the first 20 reasons of its repair; null when it needed none. */
    readonly repaired: { readonly evidence: string; readonly reasons: readonly string[] } | null;
    readonly witness: string;
    /** What was wrong with the marker of the store, where it was made anew or a hint of it could not be read. */
    readonly marker?: string;
    readonly logFindings: number;
    readonly checkedStreams: number;
    readonly lostStreams: number;
    readonly damagedStreams: number;
    /** The first 20 of each. */
    readonly lost: readonly LostEvents[];
    readonly damaged: readonly DamagedEvents[];
  };
  readonly sessions: {
    readonly adopted: number;
    readonly due: number;
    readonly quarantined: number;
    /** They were ending when the process ended, and go on ending. */
    readonly terminating: number;
    /** Their start was never finished, and they are ended. */
    readonly orphaned: number;
  };
  readonly timers: { readonly armed: number; readonly late: number; readonly latestMs: number };
  readonly agents: { readonly reRun: number; readonly unknown: number };
  /** From the last sign of life until now; null when there was none to judge by. */
  readonly lostMs: number | null;
  /** What the process before it said of its own end, when it ended on an error that nobody caught. */
  readonly lastWords: EmergencyRecord | null;
  /** From the beginning of this start until the sessions stood. */
  readonly tookMs: number;
  readonly checks: readonly string[];
}

/** A process that ended on an error that nobody caught. */
export interface EmergencyRecord {
  readonly at: number;
  readonly origin: string;
  readonly error: RecordedError;
  /** Sessions in memory of which a snapshot was kept, and those of which it was not, in time or at all. */
  readonly snapshots: number;
  readonly missed: number;
}

/** A record, by its place and its hash. */
export interface ChainAnchor {
  readonly seq: number;
  readonly chain: string;
}

/** What an event `session.recovered` says of the chain that it began anew. */
export interface ChainFacts {
  readonly firstSeq: number;
  readonly anchor: ChainAnchor | null;
  readonly dropped: readonly SeqRange[];
}

/** The data of `session.recovered`. */
export interface RecoveredData {
  /** The status that the head told of, and the one that the session has now. */
  readonly from: SessionStatus;
  readonly to: SessionStatus;
  readonly completeness: Completeness;
  readonly tier: RecoveryTier;
  readonly recoveryId: string;
  /** The last event that is part of the state. */
  readonly through: number;
  /** Its record, by its hash: what the new generation of the chain goes on from. Null where it could not be read, absent from older events. */
  readonly anchor?: ChainAnchor | null;
  readonly dropped: readonly SeqRange[];
  /** What lists show of it. */
  readonly summary: { readonly [key: string]: string | number | boolean | null };
  /** The state as its law encodes it. */
  readonly state: string;
  /** Set where it takes the place of one that was erased: `rest` where only a part of what that carried was, `nothing` where nothing is left. */
  readonly afterErasure?: 'rest' | 'nothing';
}
