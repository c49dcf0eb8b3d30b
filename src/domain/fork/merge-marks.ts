// What a session remembers of its merges: how far each part of each session was merged, and which records were looked through.

import type { LawEvent } from '../law.ts';
import { type Branching, type MergeMark, mergedFrom } from './branching.ts';
import type { MergedData } from './session-merge-events.ts';
import { withTaken } from './taken-ranges.ts';

export function withMerge(branching: Branching, { data, seq, at }: LawEvent<string, MergedData>): Branching {
  const { sessionId, through } = data.from;
  let { merges } = branching;
  for (const part of data.parts) merges = withMark(merges, { sessionId, part, through, seq, at });
  return { ...branching, merges, taken: withTaken(branching.taken, data.taken) };
}

/** An older version than the one that was merged takes nothing back. */
function withMark(merges: readonly MergeMark[], mark: MergeMark): readonly MergeMark[] {
  const known = mergedFrom({ merges }, mark.sessionId, mark.part);
  if (known === undefined) return [...merges, mark];
  return known.through > mark.through ? merges : merges.map((other) => (other === known ? mark : other));
}
