// What a fork is when it begins: the state of a version of another session, without its messages, runs and checkpoints. Messages
// stay where they were said and are read there, so that what is erased there is erased here.

import { noAgents } from '../agent/agent-runs.ts';
import type { LawEvent } from '../law.ts';
import { noCheckpoints } from '../session/checkpoints.ts';
import { emptyConversation } from '../session/conversation.ts';
import type { ForkedData, SessionProfile } from '../session/session-events.ts';
import { resolveLifecycle } from '../session/session-lifecycle.ts';
import { contextOf, initialSession, type SessionState } from '../session/session-state.ts';
import { type Ancestor, type Branching, noBranching } from './branching.ts';

/** A version of a session as another one inherits it. Whose it was, it stays; nobody owns the other one. */
export function inherited(then: SessionState, sessionId: string, lineage: readonly Ancestor[]): SessionState {
  const { ownership: _ownership, ...others } = then;
  const { kept, clearedThrough, hidden } = then.conversation;
  const branching: Branching = { ...then.branching, lineage };
  return {
    ...others,
    sessionId,
    conversation: { ...emptyConversation, kept, clearedThrough, hidden },
    agents: noAgents,
    checkpoints: noCheckpoints,
    branching,
  };
}

/** As it begins: active, with an age that counts from here, and numbers of entries that go on. */
export function forkedState(
  then: SessionState,
  sessionId: string,
  lineage: readonly Ancestor[],
  { seq, at }: { readonly seq: number; readonly at: number },
  changes: Partial<SessionProfile>,
): SessionState {
  const { messages, entries } = contextOf(then);
  const { tree: _tree, ...profile } = then.profile;
  const times = { createdAt: at, openedAt: at, updatedAt: at, lastActivityAt: at };
  const fresh = { resumeTo: 'active', reason: null, error: null, cleanup: false } as const;
  return {
    ...inherited(then, sessionId, lineage),
    lifecycle: resolveLifecycle('active', { ...times, messages, entries, ...fresh }),
    profile: { ...profile, ...changes },
    checkpoints: { list: noCheckpoints.list, lastSeq: seq, lastAt: at },
  };
}

/** The state that the first event of a fork carries, whatever there was before; undefined for any other event. */
export function stateOfFork(
  event: LawEvent,
  decode: (text: string) => SessionState,
): SessionState | undefined {
  return event.type === 'session.forked' ? decode((event.data as ForkedData).state) : undefined;
}

/** The same once that was erased: open, and nothing is known of it. */
export function forkedWithout({ stream, at }: LawEvent): SessionState {
  const fresh = initialSession(stream);
  const times = { createdAt: at, openedAt: at, updatedAt: at, lastActivityAt: at };
  const lifecycle = resolveLifecycle('active', { ...contextOf(fresh), ...times });
  return { ...fresh, lifecycle, branching: noBranching };
}
