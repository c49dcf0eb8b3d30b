// What operations on checkpoints, versions and proofs answer with.
import type { ErrorCode } from '../../base/errors.ts';
import type { ChainAnchor, SeqRange } from '../../domain/recovery/recovery-vocabulary.ts';
import type { Checkpoint } from '../../domain/session/checkpoints.ts';
import type { ForkAnchor } from './fork-views.ts';
import type { Page } from './views.ts';

export interface CheckpointInfo extends Checkpoint {
  /** The seq of the newest event that its state knows of: the one below its own. */
  readonly version: number;
}

export interface CheckpointDetails extends CheckpointInfo {
  /** Of its record, which covers the hash of the state and, through the chain, every record before it. */
  readonly hash: string;
}

/** Whether a checkpoint is what it says. */
export interface CheckpointVerdict {
  readonly checkpointId: string;
  /** True when the chain leads from the first record over this one to the head, and the state is the one that was hashed. */
  readonly valid: boolean;
  readonly version: number | null;
  readonly seq: number | null;
  /** Of its record; null where that cannot be read. */
  readonly hash: string | null;
  /** The hash of the state that it was made of. */
  readonly expected?: string;
  /** The hash of the state that its version leads to now. */
  readonly found?: string;
  /** Set when the difference is that something was erased which its state knew: nothing is damaged. */
  readonly erased?: true;
  readonly problem?: string;
}

/**
 * `notCompared`: another version of the law made it, or what it tells of was not reached. `erased`: its state knew something
 * that was erased since, and cannot be made again.
 */
export type IntegrityVerdict = 'holds' | 'differs' | 'notCompared' | 'erased';

export interface IntegrityProblem {
  readonly code: ErrorCode;
  readonly seq: number;
  readonly problem: string;
}

/**
 * A part of a session's chain. Each event `session.recovered` begins one: it carries the state that was accepted, and what stands between
 * the record that it goes on from and itself was given up.
 */
export interface ChainGeneration {
  /** Its first event. */
  readonly firstSeq: number;
  /** The last one of it that was read and proven. */
  readonly through: number;
  /** The last good record before it, and its hash; null for the first, and where none could be read. */
  readonly anchor: ChainAnchor | null;
}

/** What was found of a whole session. */
export interface SessionVerdict {
  readonly sessionId: string;
  /** True when there are no problems. */
  readonly valid: boolean;
  /** Events that were read and proven, one after the other from the first of each generation. */
  readonly events: number;
  readonly firstSeq: number;
  readonly seq: number;
  /** The hash that the head names. */
  readonly chain: string;
  /** Oldest first; one, unless it was recovered with less than all of it. */
  readonly generations: readonly ChainGeneration[];
  /** What was given up when they began: damage in it is no problem any more. */
  readonly dropped: readonly SeqRange[];
  readonly snapshots: readonly {
    readonly seq: number;
    readonly lawVersion: number;
    readonly verdict: IntegrityVerdict;
  }[];
  readonly checkpoints: readonly {
    readonly checkpointId: string;
    readonly seq: number;
    readonly verdict: IntegrityVerdict;
  }[];
  /** Of a fork: the record that it follows. */
  readonly anchor?: ForkAnchor;
  readonly problems: readonly IntegrityProblem[];
}

/** Where a stream stood: kept outside, it shows later whether what was before is still what it was. */
export interface Anchor {
  readonly stream: string;
  readonly sessionId: string;
  readonly seq: number;
  /** The hash of the record at `seq`, which covers all before it. */
  readonly chain: string;
}

export interface AnchorPage extends Page<Anchor> {
  /** SHA-256 of the items as canonical JSON. */
  readonly digest: string;
  /** Sessions whose head cannot be read, and that have no anchor therefore. */
  readonly damaged: readonly string[];
}

/**
 * `holds`: the stream ends there, as it did; `longer`: it went on from there; `missing`: there is no such record any more;
 * `differs`: there is another, or it cannot be proven.
 */
export interface AnchorVerdict {
  readonly stream: string;
  readonly seq: number;
  readonly verdict: 'holds' | 'longer' | 'missing' | 'differs';
  readonly problem?: string;
}
