// What a session is once it was rolled back: as it was at a version, with the numbers, checkpoints and agents of now.
import { type Branching, noBranching } from '../fork/branching.ts';
import type { LawEvent } from '../law.ts';
import { withKept } from './checkpoints.ts';
import { withHidden } from './conversation.ts';
import type { RolledBackData } from './session-events.ts';
import { type LifecycleContext, resolveLifecycle } from './session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';
import { decodeSession } from './session-text.ts';

/** Whoever rolls back brings the session to `active` and stops its agents first. */
export function rolledBack(
  now: SessionState,
  { data, seq, at }: LawEvent<string, RolledBackData>,
): SessionState | undefined {
  if (statusOf(now) !== 'active' || now.agents.open.size > 0 || data.to >= seq) return undefined;
  const then = decodeSession(data.state);
  return {
    sessionId: now.sessionId,
    lifecycle: resolveLifecycle('active', contextAgain(now, then, data.reason, at)),
    profile: profileAgain(now, then),
    conversation: withHidden(then.conversation, data.to, seq),
    files: then.files,
    memory: then.memory,
    agents: now.agents,
    checkpoints: withKept(now.checkpoints, then.profile.config.checkpointsKept),
    branching: branchingAgain(now, then),
    ...(now.ownership && { ownership: now.ownership }),
  };
}

/** No entry's number is given twice, and an age counts from here: a life that was to end by now does not end at once. */
function contextAgain(now: SessionState, then: SessionState, reason: string, at: number): LifecycleContext {
  const { createdAt, entries } = contextOf(now);
  const { messages } = contextOf(then);
  return {
    ...{ createdAt, openedAt: at, updatedAt: at, lastActivityAt: at, messages, entries },
    ...{ resumeTo: 'active', reason, error: null, cleanup: false },
  };
}

/** What was merged since is hidden with the rest, and may be merged again. Where the session comes from stays. */
function branchingAgain({ branching: now }: SessionState, { branching: then }: SessionState): Branching {
  return now === noBranching && then === noBranching ? now : { ...then, lineage: now.lineage };
}

/** A stream stays where it is. */
function profileAgain(now: SessionState, then: SessionState): SessionState['profile'] {
  const { durability: own } = now.profile;
  if (then.profile.durability === own) return then.profile;
  const { durability: _, ...profile } = then.profile;
  return own === undefined ? profile : { ...profile, durability: own };
}
