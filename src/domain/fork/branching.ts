// Where a session comes from and what was merged into it. A fork goes on from a version of another session, under the same numbers:
// what is older is read from the streams of its ancestors, and nothing of it is copied.
import type { MergePart } from './session-merge-events.ts';
import { noRanges, type TakenRanges } from './taken-ranges.ts';

/** A session whose records up to `through` belong to the past of a fork. */
export interface Ancestor {
  readonly sessionId: string;
  readonly through: number;
  /** The hash of the record at `through`, which the first record of the fork names as the one before it. */
  readonly chain: string;
}

/** How far a part of a session was merged. */
export interface MergeMark {
  readonly sessionId: string;
  readonly part: MergePart;
  /** Its version. */
  readonly through: number;
  /** Of the event that records it, in the session that it was merged into. */
  readonly seq: number;
  readonly at: number;
}

export interface Branching {
  /** Oldest first; the last one is what the session was forked from. None for a session that is no fork. */
  readonly lineage: readonly Ancestor[];
  /** The newest merge of each part from each session, in the order of their first. */
  readonly merges: readonly MergeMark[];
  /** Which records of other sessions were looked through for messages: none of these is merged again. */
  readonly taken: TakenRanges;
}

/** So often a fork can be forked again. */
export const maxLineage = 64;

/** So many parts of sessions one session takes. */
export const maxMerges = 1_500;

/** Shared by all sessions that are no forks and have merged nothing. */
export const noBranching: Branching = Object.freeze({
  lineage: Object.freeze([]),
  merges: Object.freeze([]),
  taken: noRanges,
});

/** The session whose record `seq` is, among those that a session with this lineage comes from. */
export function ownerOf({ lineage }: Branching, sessionId: string, seq: number): string {
  return lineage.find(({ through }) => seq <= through)?.sessionId ?? sessionId;
}

/** The seq up to which everything is inherited; 0 in a session that is no fork. */
export const inheritedThrough = ({ lineage }: Branching): number => lineage.at(-1)?.through ?? 0;

/** The ancestors that a version has, which may lie before some of them. */
export function lineageAt({ lineage }: Branching, version: number): readonly Ancestor[] {
  const older = lineage.findIndex(({ through }) => version <= through);
  return older < 0 ? lineage : lineage.slice(0, older);
}

/** Records of one session that are the past of another. */
export interface Segment {
  readonly sessionId: string;
  readonly after: number;
  readonly through: number;
}

/** The records that lead to a version, as pieces of the streams that hold them. */
export function segmentsOf(
  { lineage }: Branching,
  sessionId: string,
  after: number,
  through: number,
): readonly Segment[] {
  const segments: Segment[] = [];
  let from = after;
  for (const piece of [...lineage, { sessionId, through: Number.POSITIVE_INFINITY }]) {
    const to = Math.min(piece.through, through);
    if (to > from) segments.push({ sessionId: piece.sessionId, after: from, through: to });
    from = Math.max(from, to);
  }
  return segments;
}

export interface CommonAncestor {
  readonly sessionId: string;
  readonly version: number;
}

type Line = Pick<Branching, 'lineage'>;

/** The newest version that two sessions have both been; undefined where they have nothing in common. */
export function commonAncestor(a: Line, aId: string, b: Line, bId: string): CommonAncestor | undefined {
  const [mine, theirs] = [pathOf(a, aId), pathOf(b, bId)];
  let found: CommonAncestor | undefined;
  for (const [i, { sessionId, through }] of mine.entries()) {
    const other = theirs[i];
    if (other?.sessionId !== sessionId) break;
    found = { sessionId, version: Math.min(through, other.through) };
    if (through !== other.through) break;
  }
  return found;
}

const pathOf = ({ lineage }: Line, sessionId: string) => [
  ...lineage,
  { sessionId, through: Number.POSITIVE_INFINITY },
];

/** The mark of the newest merge of a part from a session. */
export function mergedFrom(
  { merges }: Pick<Branching, 'merges'>,
  sessionId: string,
  part: MergePart,
): MergeMark | undefined {
  return merges.find((mark) => mark.sessionId === sessionId && mark.part === part);
}
