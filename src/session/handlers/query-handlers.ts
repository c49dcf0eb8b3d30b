// Operations that look at sessions, keep copies of them and build contexts from them.
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import {
  type BuiltContext,
  buildContext,
  type LoadedConversation,
} from '../../domain/session/built-context.ts';
import { keptSeqs } from '../../domain/session/conversation.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import { statusAt } from '../../domain/session/session-deadlines.ts';
import type { FileData, MessageData, MessageEvent } from '../../domain/session/session-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { contextOf, type SessionState, statusOf } from '../../domain/session/session-state.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import { deserializeSession, type SessionRecord, serializeSession } from '../../operations/session-record.ts';
import type { ContextEntry, SavedInfo, SessionDetails } from '../../operations/views/views.ts';
import type { Condition } from '../../recovery/conditions/condition.ts';
import type { SessionView } from '../session-view.ts';
import { conditionInfo } from './condition-handlers.ts';
import { page, seqFrom } from './content-handlers.ts';
import {
  answeredBefore,
  type HandlerContext,
  isAnswered,
  type ReadingContext,
  sendPrepared,
  viewOf,
} from './handler-context.ts';
import { type PreparedWrite, writeOnce } from './keyed-write.ts';
import { beginning, isMessage, readBackwards, readForwards, readMessage } from './reading.ts';

export type QueryOperation =
  `sessions.${'get' | 'save' | 'restore' | 'listSaved' | 'deleteSaved' | 'buildContext' | 'entries'}`;

const savedPrefix = 'saved/';
export const savedKey = (sessionId: string): string => `${savedPrefix}${sessionId}`;

export function queryHandlers(context: ReadingContext): Handlers<QueryOperation> {
  return {
    'sessions.get': ({ sessionId, at }, call) =>
      at === undefined ? getSession(context, sessionId) : getPastSession(context, sessionId, at, call),
    'sessions.save': ({ sessionId }, call) =>
      writeOnce(context.journal, sessionId, call, () => prepareSave(context, sessionId)),
    'sessions.restore': ({ sessionId }, call) => restoreSession(context, sessionId, call),
    'sessions.listSaved': () => listSaved(context),
    'sessions.deleteSaved': ({ sessionId }, call) =>
      writeOnce(context.journal, sessionId, call, async () => {
        await getSaved(context, sessionId);
        return { answer: { sessionId }, writes: [{ key: savedKey(sessionId), value: undefined }] };
      }),
    'sessions.buildContext': (input, call) => buildFor(context, input, call),
    'sessions.entries': async ({ limit, cursor, ...past }, call) => {
      const { sessionId } = past;
      const { state, seq: through } = await viewOf(context, 'sessions.entries', past, call);
      const after = cursor === undefined ? await beginning(context.journal, state) : seqFrom(cursor);
      const { conversation, branching } = state;
      const span = { after, through, conversation, asReplayed: true, lineage: branching.lineage };
      const { items, next } = await readForwards(context.journal, sessionId, span, limit, contextEntry);
      return page(items, next);
    },
  };
}

function getSession(context: HandlerContext, sessionId: string): SessionDetails | Promise<SessionDetails> {
  const present = context.manager.peek(sessionId);
  if (present !== undefined) return sessionDetails(context, sessionId, present);
  return context.manager.read(sessionId).then((view) => sessionDetails(context, sessionId, view));
}

/** As it was shown then: at the time of its newest event, and without a condition, which is of now. */
async function getPastSession(
  context: ReadingContext,
  sessionId: string,
  at: number,
  call: Call,
): Promise<SessionDetails> {
  const view = await viewOf(context, 'sessions.get', { sessionId, at }, call);
  return detailsAt(view, contextOf(view.state).updatedAt, undefined);
}

function sessionDetails(
  { manager, clock }: HandlerContext,
  sessionId: string,
  view: SessionView,
): SessionDetails {
  return detailsAt(view, clock.now(), manager.health.condition(sessionId));
}

function detailsAt(
  { state, seq }: SessionView,
  now: number,
  condition: Condition | undefined,
): SessionDetails {
  const { sessionId } = state;
  const { createdAt, updatedAt, lastActivityAt, messages, entries, reason, error } = contextOf(state);
  const { name, agent, parentSessionId, metadata, llmConfig, config, durability = 'fsync' } = state.profile;
  const quiet = {
    activeAt: lastActivityAt,
    idleAfterMs: config.idleAfterMs,
    dormantAfterMs: config.dormantAfterMs,
    agents: state.agents.open.size,
  };
  const status = statusAt(statusOf(state), quiet, now);
  return {
    sessionId,
    status: condition?.condition ?? status,
    name,
    agent,
    parentSessionId,
    createdAt: createdAt ?? updatedAt,
    updatedAt,
    lastActivityAt,
    messages,
    agents: state.agents.open.size,
    entries,
    metadata,
    llmConfig,
    config,
    durability,
    reason,
    error,
    seq,
    condition: condition === undefined ? null : conditionInfo(condition),
  };
}

async function prepareSave(context: HandlerContext, sessionId: string): Promise<PreparedWrite<SavedInfo>> {
  const record = await sessionRecord(context, sessionId);
  return {
    answer: savedInfo(record),
    writes: [{ key: savedKey(sessionId), value: record as unknown as Json }],
  };
}

/** All that a session holds, as it is saved and exported. */
export async function sessionRecord(
  { manager, journal, clock }: HandlerContext,
  sessionId: string,
): Promise<SessionRecord> {
  const { state, seq } = await manager.read(sessionId);
  const { conversation, branching } = state;
  const first = Math.max(conversation.clearedThrough, await beginning(journal, state));
  const span = { after: first, through: seq, conversation, asReplayed: true, lineage: branching.lineage };
  const whole = await readForwards(journal, sessionId, span, Number.POSITIVE_INFINITY, (event) =>
    isMessage(event) ? event : undefined,
  );
  return serializeSession(state, whole.items, clock.now(), seq);
}

async function restoreSession(
  context: HandlerContext,
  sessionId: string,
  call: Call,
): Promise<OutputOf<'sessions.restore'>> {
  const saved = async (): Promise<SessionCommand> =>
    (await isAnswered(context, sessionStream(sessionId), call))
      ? answeredBefore
      : deserializeSession(await getSaved(context, sessionId));
  return sendPrepared(context, sessionId, saved, call);
}

async function getSaved({ journal }: HandlerContext, sessionId: string): Promise<Json> {
  const stored = await journal.kv.get(savedKey(sessionId));
  if (stored === undefined) throw new HoldfastError('SAVED_SESSION_NOT_FOUND', { sessionId });
  return stored;
}

async function listSaved({ journal }: HandlerContext): Promise<SavedInfo[]> {
  const saved: SavedInfo[] = [];
  for (const key of await journal.kv.keys(savedPrefix)) {
    const stored = await journal.kv.get(key);
    if (stored !== undefined) saved.push(savedInfo(stored as unknown as Parameters<typeof savedInfo>[0]));
  }
  return saved;
}

function savedInfo(record: {
  sessionId: string;
  savedAt: string;
  savedSeq: number;
  messageCount: number;
}): SavedInfo {
  const { sessionId, savedAt, savedSeq, messageCount } = record;
  return { sessionId, savedAt: Date.parse(savedAt), seq: savedSeq, messages: messageCount };
}

async function buildFor(
  context: ReadingContext,
  input: ParsedInputOf<'sessions.buildContext'>,
  call: Call,
): Promise<BuiltContext> {
  const { sessionId, at, ...request } = input;
  const { state, seq } = await viewOf(context, 'sessions.buildContext', { sessionId, at }, call);
  const wanted = request.include.includes('conversation');
  const count = request.maxMessages ?? inheritedWindow(state);
  const loaded = wanted ? await loadConversation(context, state, seq, count) : { messages: [] };
  return buildContext(state, loaded, request, context.clock.now(), context.countTokens);
}

/** A fork begins with nothing at hand: what its window would hold is read where it was said. */
const inheritedWindow = ({ branching, profile }: SessionState): number | undefined =>
  branching.lineage.length === 0 ? undefined : profile.config.messageWindow;

/** The window, older messages when more are asked for, and the kept ones before them; what cannot be read is left out. */
async function loadConversation(
  { journal }: HandlerContext,
  state: SessionState,
  seq: number,
  maxMessages: number | undefined,
): Promise<LoadedConversation> {
  const { window } = state.conversation;
  const inMemory = window.toArray();
  try {
    const more =
      maxMessages !== undefined && maxMessages > window.length && contextOf(state).messages > window.length;
    const older = more
      ? await readBackwards(journal, state, window.at(0)?.seq ?? seq + 1, maxMessages - window.length)
      : undefined;
    const recent = [...(older?.items ?? [])].reverse().concat(inMemory);
    const first = recent[0]?.seq ?? seq + 1;
    const kept: MessageEvent[] = [];
    for (const at of keptSeqs(state.conversation)) {
      const message = at < first ? await readMessage(journal, state, at) : undefined;
      if (message !== undefined) kept.push(message);
    }
    return { messages: [...kept, ...recent] };
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    return { messages: inMemory, problem: error.message };
  }
}

function contextEntry({ type, data, seq, at }: StoredEvent): ContextEntry | undefined {
  if (type !== 'message.sent' && type !== 'file.added' && type !== 'tool.called') return undefined;
  if (data === undefined) return { entry: null, type: entryType(type, data), seq, at, size: 0, erased: true };
  const { entry, size, processingMs } = data as MessageData | FileData;
  const timed = processingMs === undefined ? {} : { processingMs };
  return { entry, type: entryType(type, data), seq, at, size, ...timed };
}

function entryType(type: 'message.sent' | 'file.added' | 'tool.called', data: unknown): ContextEntry['type'] {
  if (type === 'file.added') return 'file';
  if (type === 'tool.called') return 'tool_call';
  return (data as MessageData | undefined)?.role === 'system' ? 'system' : 'message';
}
