// What an event means whose payload was erased: that it happened, and where it stands. What it said is as if it had never been
// said; what is left of a session that was erased as a whole stands in the event that records it.

import type { PublishableEventType } from '../event-catalogue.ts';
import { noBranching } from '../fork/branching.ts';
import { forkedWithout } from '../fork/session-fork.ts';
import { ownershipWithoutWords } from '../handoff/ownership.ts';
import type { LawEvent } from '../law.ts';
import type { MemoryEventType } from '../memory/memory-events.ts';
import { clearedAt, emptyConversation, withoutMessages } from './conversation.ts';
import type { ErasedData, RolledBackData, SessionEventType, SessionRemains } from './session-events.ts';
import { advanceLifecycle, type LifecycleEvent, resolveLifecycle } from './session-lifecycle.ts';
import { contextOf, initialSession, type SessionState, statusOf } from './session-state.ts';
import { decodeSession } from './session-text.ts';

/**
 * `alone`: the state does not build on it. `session`: only together with everything else that the session said. `never`: it
 * says what became of the session, and holds nothing of what was said in it.
 */
type Erasability = 'alone' | 'session' | 'never';

const erasability: Readonly<Record<SessionEventType | PublishableEventType | MemoryEventType, Erasability>> =
  {
    'session.statusChanged': 'never',
    'session.terminated': 'never',
    'checkpoint.deleted': 'never',
    'message.pinned': 'never',
    'message.unpinned': 'never',
    'conversation.cleared': 'never',
    'agent.restarted': 'never',
    'payload.erased': 'never',
    'agent.rateLimited': 'never',
    'agent.settled': 'never',
    'agent.usageReported': 'never',
    'effect.started': 'never',
    'timer.set': 'never',
    'timer.fired': 'never',
    'wait.started': 'never',
    'wait.signaled': 'never',
    'wait.expired': 'never',
    'agent.parked': 'never',
    'step.completed': 'session',
    'step.failed': 'session',
    'effect.unknown': 'session',
    'signal.received': 'session',
    'handoff.accepted': 'never',
    'handoff.rejected': 'never',
    'handoff.withdrawn': 'never',
    'handoff.expired': 'never',
    'handoff.delivered': 'never',
    'handoff.returned': 'never',
    'handoff.offered': 'session',
    'handoff.completed': 'session',
    'handoff.received': 'never',
    'session.created': 'session',
    'session.configured': 'session',
    'session.recovered': 'session',
    'session.restored': 'session',
    'session.rolledBack': 'session',
    'session.forked': 'session',
    'session.merged': 'session',
    'checkpoint.created': 'session',
    'file.added': 'session',
    'file.removed': 'session',
    'file.indexed': 'session',
    'memory.updated': 'session',
    'memory.deleted': 'session',
    'agent.started': 'session',
    'agent.crashed': 'session',
    'agent.completed': 'session',
    'agent.failed': 'session',
    'agent.stopped': 'session',
    // In the stream of memories: a memory alone, the rest with all of them.
    'memory.proposed': 'alone',
    'memory.promoted': 'session',
    'memory.rejected': 'session',
    'memory.evicted': 'session',
    'memory.forgotten': 'session',
    'memory.shared': 'session',
    'memory.unshared': 'session',
    'message.sent': 'alone',
    'tool.called': 'alone',
    'tool.returned': 'alone',
    'llm.responded': 'alone',
    'llm.chunkStreamed': 'alone',
    'analysis.completed': 'alone',
    'issue.found': 'alone',
    'context.updated': 'alone',
    'agent.statusChanged': 'alone',
    'agent.streamed': 'alone',
  };

/** Of an event that nobody knows nothing can be said. */
export function erasabilityOf(type: string): Erasability {
  return Object.hasOwn(erasability, type) ? erasability[type as SessionEventType] : 'never';
}

/** The state after an event without its payload, or undefined where there must be one. */
export function evolveErased(state: SessionState, event: LawEvent): SessionState | undefined {
  if (erasabilityOf(event.type) === 'never') return undefined;
  if (event.type === 'session.restored') return restoredWithout(state, event);
  if (event.type === 'session.rolledBack') return rolledBackWithout(state, event);
  if (event.type === 'session.forked') return forkedWithout(event);
  // What was accepted was a part of the state before; where nothing before it can be read, a new life of which nothing is known.
  if (event.type === 'session.recovered')
    return contextOf(state).createdAt === null ? forkedWithout(event) : state;
  const lifecycle = advanceLifecycle(state.lifecycle, event as LifecycleEvent);
  return lifecycle === state.lifecycle ? undefined : { ...state, lifecycle };
}

/** A new life of which nothing is known; its messages follow. */
function restoredWithout(state: SessionState, { seq, at }: LawEvent): SessionState | undefined {
  if (statusOf(state) === 'terminating') return undefined;
  const fresh = initialSession(`session/${state.sessionId}`);
  const former = statusOf(state) === 'deleted' ? fresh : state;
  const times = { createdAt: at, openedAt: at, updatedAt: at, lastActivityAt: at };
  const { entries } = contextOf(state);
  return {
    ...fresh,
    lifecycle: resolveLifecycle('initializing', { ...contextOf(fresh), ...times, entries }),
    conversation: clearedAt(former.conversation, seq),
    checkpoints: former.checkpoints,
    ...(former.ownership && { ownership: former.ownership }),
  };
}

function rolledBackWithout(state: SessionState, { at }: LawEvent): SessionState | undefined {
  if (statusOf(state) !== 'active') return undefined;
  const times = { openedAt: at, updatedAt: at, lastActivityAt: at };
  const again = { ...contextOf(state), ...times, resumeTo: 'active', error: null, cleanup: false } as const;
  return { ...state, lifecycle: resolveLifecycle('active', again) };
}

/** The state after `payload.erased`: of a session that is, whatever its status. Recording it is no use of the session. */
export function forgotten(
  state: SessionState,
  { data, at }: LawEvent<string, ErasedData>,
): SessionState | undefined {
  const status = statusOf(state);
  if (status === 'initializing' || status === 'deleted') return undefined;
  if (data.left !== null) return remaining(state.sessionId, data.left, at);
  const lifecycle = resolveLifecycle(status, { ...contextOf(state), updatedAt: at });
  return { ...state, lifecycle, conversation: withoutMessages(state.conversation, data.seqs) };
}

/** All of the state comes from here, whatever the events before it still said when they were read. */
function remaining(sessionId: string, left: SessionRemains, updatedAt: number): SessionState {
  const { status, context, config, parentSessionId, durability, clearedThrough, hidden } = left;
  const { branching = noBranching, ownership } = left;
  const fresh = initialSession(`session/${sessionId}`);
  const profile = { ...fresh.profile, config, parentSessionId };
  return {
    ...fresh,
    lifecycle: resolveLifecycle(status, { ...context, updatedAt, reason: null, error: null }),
    profile: durability === undefined ? profile : { ...profile, durability },
    conversation: { ...emptyConversation, clearedThrough, hidden },
    branching,
    ...(ownership && { ownership }),
  };
}

/** What may stay of a session: numbers, times, and its place. Its agents must have ended. */
export function remainsOf(state: SessionState): SessionRemains {
  const { reason: _reason, error: _error, ...context } = contextOf(state);
  const { config, parentSessionId, durability } = state.profile;
  const { clearedThrough, hidden } = state.conversation;
  const numbers = { status: statusOf(state), context, config, parentSessionId, clearedThrough, hidden };
  const { branching } = state;
  const left: SessionRemains = {
    ...numbers,
    // What it inherited is no part of it any more.
    ...(branching.merges.length > 0 && { branching: { ...branching, lineage: [] } }),
    ...(state.ownership && { ownership: ownershipWithoutWords(state.ownership) }),
  };
  return durability === undefined ? left : { ...left, durability };
}

/** The messages that an event holds beside the events that sent them: in the state that it carries. */
export function messagesCarriedBy({ type, data }: LawEvent): readonly number[] {
  if ((type !== 'session.rolledBack' && type !== 'session.recovered') || data === undefined) return [];
  const { conversation } = decodeSession((data as RolledBackData).state);
  return conversation.window.toArray().map(({ seq }) => seq);
}
