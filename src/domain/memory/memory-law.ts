// The law of the memories of one session, whole. What was proposed is judged by command or when it is due, also late and after a
// restart; the numbers by which it was judged stand in the event, so that a replay needs no policy.
import { type Law, refuse } from '../law.ts';
import { defaultPromotion, type PromotionPolicy } from './memory-confidence.ts';
import { decideMemories, type MemoryCommand } from './memory-decisions.ts';
import { evolveMemories } from './memory-evolve.ts';
import { decodeMemories, encodeMemories, type MemoriesState, nextDue, noMemories } from './memory-state.ts';

const kind = 'memories';

export const memoriesStream = (sessionId: string): string => `${kind}/${sessionId}`;

export function memoriesLaw(policy: PromotionPolicy = defaultPromotion): Law<MemoriesState, MemoryCommand> {
  return {
    kind,
    version: 1,
    eventVersions: {},
    initial: noMemories,
    tombstone: noMemories,
    decide: (state, command, at, seq) => decideMemories(policy, state, command, at, seq),
    evolve: evolveMemories,
    explain: ({ sessionId }) => refuse('MEMORY_NOT_FOUND', { sessionId, memoryId: 'none' }).refusal,
    durability: ({ durability }) => durability,
    due: (state, now) => ((nextDue(state) ?? now + 1) <= now ? { type: 'memory.evaluate' } : undefined),
    isUrgent: ({ type }) => type === 'memory.forget' || type === 'memory.reject' || type === 'memory.unshare',
    summarize: (state) => ({
      status: state.pending.length > 0 ? 'waiting' : 'quiet',
      dueAt: nextDue(state),
      summary: { pending: state.pending.length, kept: state.kept.size, bytes: state.keptBytes },
    }),
    nextDeadline: nextDue,
    encode: encodeMemories,
    decode: decodeMemories,
  };
}
