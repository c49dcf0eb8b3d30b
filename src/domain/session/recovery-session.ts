// A session that goes on from less than it had: the event that carries the state which was accepted, and the states that a
// recovery can offer when not all can be proven. Nothing is erased: what was dropped stays where it is.

import { type Decision, type LawEvent, refuse } from '../law.ts';
import type { RecoveredData } from '../recovery/recovery-vocabulary.ts';
import { clearedAt, emptyConversation, withHidden } from './conversation.ts';
import type { RecoverSession } from './session-commands.ts';
import { defaultSessionConfig } from './session-config.ts';
import { resolveLifecycle, sessionStatuses } from './session-lifecycle.ts';
import { contextOf, initialSession, type SessionState, statusOf } from './session-state.ts';

/** So many of the newest messages a partial recovery keeps at hand; all that can be read stay in the journal. */
const partialMessages = 50;

/** Whoever sends it decides on the very state that it carries. */
export function decideRecover({ sessionId }: SessionState, { data }: RecoverSession): Decision {
  if (data.to === 'deleted') return refuse('SESSION_NOT_FOUND', { sessionId });
  return { events: [{ type: 'session.recovered', data }], reply: { status: data.to } };
}

/** The state that the event carries, whatever the one before it; undefined for any other event. */
export function recoveredState(
  event: LawEvent,
  decode: (text: string) => SessionState,
): SessionState | undefined {
  if (event.type !== 'session.recovered') return undefined;
  return decode((event.data as RecoveredData).state);
}

/** Numbers of entries that were given once are not given again. */
export function withEntriesOf(state: SessionState, entries: number): SessionState {
  const context = contextOf(state);
  if (context.entries >= entries) return state;
  return { ...state, lifecycle: resolveLifecycle(statusOf(state), { ...context, entries }) };
}

/** With the newest messages alone at hand. */
export function partialSession(state: SessionState): SessionState {
  const { conversation } = state;
  const drop = Math.max(0, conversation.window.length - partialMessages);
  if (drop === 0) return state;
  const window = conversation.window.dropFirst(drop);
  const windowBytes = window.toArray().reduce((sum, { data }) => sum + data.size, 0);
  return { ...state, conversation: { ...conversation, window, windowBytes } };
}

/** What was said behind `through`, up to `headSeq`, is part of it no more, as if it had been rolled back. */
export function withoutDropped(state: SessionState, through: number, headSeq: number): SessionState {
  if (through >= headSeq) return state;
  return { ...state, conversation: withHidden(state.conversation, through, headSeq) };
}

/** Profile, status and the list of checkpoints, and nothing else; what was said up to `through` is part of it no more. */
export function minimalSession(state: SessionState, through: number): SessionState {
  const fresh = initialSession(`session/${state.sessionId}`);
  const context = { ...contextOf(state), messages: 0 };
  return {
    ...fresh,
    lifecycle: resolveLifecycle(statusOf(state), context),
    profile: state.profile,
    conversation: clearedAt(state.conversation, through),
    checkpoints: state.checkpoints,
    branching: state.branching,
    ...(state.ownership && { ownership: state.ownership }),
  };
}

/** What is left when no state can be read at all: what the head says of it. */
export function sessionOfHead(
  sessionId: string,
  head: { readonly status: string; readonly updatedAt: number; readonly seq: number },
  said: Readonly<Record<string, unknown>>,
): SessionState | undefined {
  const status = sessionStatuses.find((known) => known === head.status);
  if (status === undefined) return undefined;
  const fresh = initialSession(`session/${sessionId}`);
  const { updatedAt } = head;
  const context = {
    ...contextOf(fresh),
    createdAt: number(said.createdAt) ?? updatedAt,
    openedAt: number(said.createdAt) ?? updatedAt,
    updatedAt,
    lastActivityAt: number(said.activeAt) ?? updatedAt,
    entries: number(said.entries) ?? 0,
  };
  const profile = {
    ...fresh.profile,
    name: text(said.name),
    agent: text(said.agent),
    parentSessionId: text(said.parentSessionId),
    config: defaultSessionConfig,
  };
  const lifecycle = resolveLifecycle(status, context);
  const conversation = { ...emptyConversation, clearedThrough: head.seq };
  return { ...fresh, lifecycle, profile, conversation };
}

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
