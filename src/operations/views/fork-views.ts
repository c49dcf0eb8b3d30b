// What operations on forks and merges answer with.
import type { MergeConflict, MergeCounts, MergePart } from '../../domain/fork/session-merge-events.ts';
import type { Acknowledged } from './views.ts';

/** A version of a session, with the hash of its record. */
export interface ForkPoint {
  readonly sessionId: string;
  readonly seq: number;
  readonly chain: string;
}

export interface Forked extends Acknowledged {
  /** The fork's. */
  readonly sessionId: string;
  readonly from: ForkPoint;
  /** Runs of agents that were open at that version: the fork does not have them. */
  readonly agentsLeft: number;
}

export interface ForkInfo {
  readonly sessionId: string;
  readonly from: ForkPoint;
}

/** `gone`: deleted, and older pages with it; `differs`: there is another record in its place. */
export type AncestorStanding = 'held' | 'gone' | 'differs';

/** What a fork follows, as it stands now. */
export interface ForkAnchor extends ForkPoint {
  readonly standing: AncestorStanding;
}

export interface LineageInfo {
  readonly sessionId: string;
  /** Oldest first; the last one is what the session was forked from. */
  readonly ancestors: readonly ForkAnchor[];
  /** The newest merge of each part from each session, by the version that was merged. */
  readonly merges: readonly {
    readonly sessionId: string;
    readonly part: MergePart;
    readonly version: number;
    /** The event that records it. */
    readonly seq: number;
    readonly at: number;
  }[];
}

/** `onlyHere`: the other one has no such thing. */
export type DifferenceKind = 'onlyHere' | 'onlyThere' | 'differs';

export interface Difference {
  readonly part: 'message' | 'file' | 'index' | 'context' | 'task';
  readonly kind: DifferenceKind;
  /** The key, the path, the id of the task, or of a message the session and seq where it was said. */
  readonly key: string;
}

export interface Comparison {
  readonly sessionId: string;
  readonly version: number;
  readonly otherSessionId: string;
  readonly otherVersion: number;
  /** The newest version that both have been; null where they have nothing in common. */
  readonly ancestor: { readonly sessionId: string; readonly version: number } | null;
  readonly items: readonly Difference[];
  readonly cursor?: string;
}

export interface Merged extends Acknowledged {
  readonly fromSessionId: string;
  /** The version of it that is merged now. */
  readonly version: number;
  readonly merged: MergeCounts;
  /** The first hundred; each is also recorded in the session. */
  readonly conflicts: readonly MergeConflict[];
  readonly moreConflicts: number;
  /** Tasks that were made here of tasks there. */
  readonly tasks: number;
}
