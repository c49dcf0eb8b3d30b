// What a recovery finds of the effects of the runs that were open: those whose outcome stands in the journal, and those that were
// begun and have none. What is not in the journal was not started: that it begins is recorded before it does.

import type { FoundEffects, UnknownEffectPlace } from '../recovery/recovery-vocabulary.ts';
import type { AgentRuns } from './agent-runs.ts';

/** So many are named, oldest first. */
const named = 20;

/** Undefined when none is unknown. */
export function foundEffects({ work }: AgentRuns): FoundEffects | undefined {
  const open: UnknownEffectPlace[] = [];
  let done = 0;
  for (const [runId, { effects, steps }] of work.entries()) {
    done += steps.size;
    for (const { step, startedAt, seq } of effects) open.push({ runId, step, startedAt, startedSeq: seq });
  }
  if (open.length === 0) return undefined;
  open.sort((a, b) => a.startedSeq - b.startedSeq);
  return { unknown: open.length, done, first: open.slice(0, named) };
}
