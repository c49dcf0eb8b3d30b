// The words of a merge: where what was merged was said, what one records, and what a command to merge brings along.
import type { Json } from '../../base/json.ts';
import type { TakenSpan } from './taken-ranges.ts';

/** Where something was first said: in which session, by which of its events, and when. */
export interface MergedOrigin {
  readonly sessionId: string;
  readonly seq: number;
  readonly at?: number;
}

export const mergeParts = ['messages', 'files', 'context'] as const;
export type MergePart = (typeof mergeParts)[number];

/** `keep`: what is there stays. `take`: what comes stands. Either way the conflict is recorded. */
export const mergePolicies = ['keep', 'take'] as const;
export type MergePolicy = (typeof mergePolicies)[number];

/** What both sides changed since they were the same, to different ends. */
export interface MergeConflict {
  readonly part: 'context' | 'files' | 'index';
  /** The key of the working context, or the path. */
  readonly key: string;
  /** The event that set what came, in the session that it came from; null where it was taken away. */
  readonly theirSeq: number | null;
  readonly kept: 'ours' | 'theirs';
  /** Null where there was none. Left out where one of the three is larger than a kilobyte. */
  readonly values?: { readonly base: Json; readonly ours: Json; readonly theirs: Json };
}

/** Of each part how much was taken over; `removed` counts keys and files that went. */
export interface MergeCounts {
  readonly messages: number;
  readonly files: number;
  readonly context: number;
  readonly removed: number;
}

/** What `session.merged` records. A long merge is recorded in several, the last of which names its parts. */
export interface MergedData {
  readonly from: { readonly sessionId: string; readonly through: number; readonly chain: string };
  readonly policy: MergePolicy;
  /** Parts of which all is there now, up to `from.through`. */
  readonly parts: readonly MergePart[];
  readonly taken: readonly TakenSpan[];
  readonly counts: MergeCounts;
  readonly conflicts: readonly MergeConflict[];
  /** Conflicts beyond those that are listed. */
  readonly moreConflicts: number;
}
