// Operations on what a session holds: messages, files, working context, events.
import { HoldfastError } from '../../base/errors.ts';
import { checkEvent, isTransient, type PublishableEventType } from '../../domain/event-catalogue.ts';
import { listFiles, listIndex } from '../../domain/session/active-files.ts';
import { isKept } from '../../domain/session/conversation.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import type { MessageEvent } from '../../domain/session/session-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import { type SessionState, statusOf } from '../../domain/session/session-state.ts';
import { listItems } from '../../domain/session/working-context.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { OperationName, ParsedInputOf } from '../../operations/registry.ts';
import type { Acknowledged, DeliveredEvent, MessageInfo, Page } from '../../operations/views/views.ts';
import { globalTopic, sessionTopic } from '../topics.ts';
import { deliveredEvent } from './delivered-event.ts';
import { checkPath } from './file-guard.ts';
import { isAnswered, type ReadingContext, sendCommand, sendPrepared, viewOf } from './handler-context.ts';
import { beginning, isOrWasMessage, readBackwards, readForwards, readMessage } from './reading.ts';

export type ContentOperation =
  | `messages.${'send' | 'list' | 'get' | 'clear' | 'pin' | 'unpin'}`
  | `files.${'add' | 'remove' | 'list' | 'index' | 'listIndex'}`
  | `memory.${'set' | 'get' | 'delete' | 'keys'}`
  | `events.${'publish' | 'list'}`;

interface Past {
  readonly sessionId: string;
  readonly at?: number | undefined;
}

export function contentHandlers(context: ReadingContext): Handlers<ContentOperation> {
  const stateOf = async (operation: OperationName, past: Past, call: Call): Promise<SessionState> =>
    (await viewOf(context, operation, past, call)).state;
  return {
    'messages.send': (message, call) =>
      sendCommand(context, message.sessionId, { type: 'message.send', message }, call),
    'messages.list': (input, call) => listMessages(context, input, call),
    'messages.get': async ({ seq, ...past }, call) =>
      getMessage(context, await stateOf('messages.get', past, call), seq, past.at),
    'messages.clear': ({ sessionId }, call) =>
      sendCommand(context, sessionId, { type: 'conversation.clear' }, call),
    'messages.pin': ({ sessionId, seq }, call) => {
      const checked = async (): Promise<SessionCommand> => {
        if (!(await isAnswered(context, sessionStream(sessionId), call))) {
          const { erased } = await getMessage(
            context,
            await stateOf('messages.pin', { sessionId }, call),
            seq,
          );
          if (erased) throw new HoldfastError('MESSAGE_NOT_FOUND', { sessionId, seq });
        }
        return { type: 'message.pin', seq };
      };
      return sendPrepared(context, sessionId, checked, call);
    },
    'messages.unpin': ({ sessionId, seq }, call) =>
      sendCommand(context, sessionId, { type: 'message.unpin', seq }, call),
    'files.add': ({ sessionId, path, ...more }, call) => {
      const checked = async (): Promise<SessionCommand> => ({
        type: 'file.add',
        path: await checkPath(path, context.fileRoot),
        ...more,
      });
      return sendPrepared(context, sessionId, checked, call);
    },
    'files.remove': ({ sessionId, path }, call) =>
      sendCommand(context, sessionId, { type: 'file.remove', path }, call),
    'files.list': async (past, call) =>
      listFiles((await stateOf('files.list', past, call)).files).map(({ path, addedAt }) => ({
        path,
        addedAt,
      })),
    'files.index': ({ sessionId, path, metadata }, call) => {
      const checked = async (): Promise<SessionCommand> => ({
        type: 'file.index',
        path: await checkPath(path, context.fileRoot),
        metadata,
      });
      return sendPrepared(context, sessionId, checked, call);
    },
    'files.listIndex': async (past, call) =>
      listIndex((await stateOf('files.listIndex', past, call)).files).map(
        ({ path, metadata, lastAccessedAt }) => ({
          path,
          metadata,
          lastAccessedAt,
        }),
      ),
    'memory.set': ({ sessionId, key, value }, call) =>
      sendCommand(context, sessionId, { type: 'memory.set', key, value }, call),
    'memory.get': async ({ key, ...past }, call) => {
      const { sessionId, memory } = await stateOf('memory.get', past, call);
      const item = memory.items.get(key);
      if (item === undefined) throw new HoldfastError('KEY_NOT_FOUND', { sessionId, key });
      return { key, value: item.value };
    },
    'memory.delete': ({ sessionId, key }, call) =>
      sendCommand(context, sessionId, { type: 'memory.delete', key }, call),
    'memory.keys': async (past, call) =>
      listItems((await stateOf('memory.keys', past, call)).memory).map(({ key }) => key),
    'events.publish': (input, call) => publishEvent(context, input, call),
    'events.list': (input) => listEvents(context, input),
  };
}

async function listMessages(
  context: ReadingContext,
  input: ParsedInputOf<'messages.list'>,
  call: Call,
): Promise<Page<MessageInfo>> {
  const { sessionId, limit, cursor, newestFirst } = input;
  const { state, seq } = await viewOf(context, 'messages.list', input, call);
  const position = cursor === undefined ? undefined : seqFrom(cursor);
  const info = (event: MessageEvent): MessageInfo => messageInfo(state, event);
  if (newestFirst) {
    const { items, next } = await readBackwards(
      context.journal,
      state,
      Math.min(position ?? seq + 1, seq + 1),
      limit,
      isOrWasMessage,
    );
    return page(items.map(info), next);
  }
  const { conversation, branching } = state;
  const first = Math.max(conversation.clearedThrough, await beginning(context.journal, state));
  const after = Math.max(position ?? first, conversation.clearedThrough);
  const span = { after, through: seq, conversation, asReplayed: true, lineage: branching.lineage };
  const { items, next } = await readForwards(context.journal, sessionId, span, limit, (event) =>
    isOrWasMessage(event) ? info(event) : undefined,
  );
  return page(items, next);
}

async function getMessage(
  { journal }: ReadingContext,
  state: SessionState,
  seq: number,
  at = Number.POSITIVE_INFINITY,
): Promise<MessageInfo> {
  const event = seq <= at ? await readMessage(journal, state, seq, isOrWasMessage) : undefined;
  if (event === undefined) throw new HoldfastError('MESSAGE_NOT_FOUND', { sessionId: state.sessionId, seq });
  return messageInfo(state, event);
}

function messageInfo(state: SessionState, { seq, at, data }: MessageEvent): MessageInfo {
  if (data === undefined)
    return { seq, at, entry: null, role: null, content: null, pinned: false, erased: true };
  const { size: _size, pinned = false, ...message } = data;
  return { seq, at, ...message, pinned: data.role === 'system' ? pinned : isKept(state.conversation, seq) };
}

/** Transient kinds go to whoever listens now; the others become part of the session. */
async function publishEvent(
  context: ReadingContext,
  { sessionId, type, data }: ParsedInputOf<'events.publish'>,
  call: Call,
): Promise<Partial<Acknowledged>> {
  const refusal = checkEvent(type, data);
  if (refusal !== undefined) throw new HoldfastError(refusal.code, { ...refusal.details, sessionId });
  if (!isTransient(type as PublishableEventType)) {
    return sendCommand(context, sessionId, { type: 'event.publish', event: type, data }, call);
  }
  if (call.durability !== undefined) throw transientAsked(type);
  // Whoever may change his mind is given the time to.
  const present = call.signal === undefined ? context.manager.peek(sessionId) : undefined;
  const { state } = present ?? (await context.manager.read(sessionId));
  call.signal?.throwIfAborted();
  const status = statusOf(state);
  if (status !== 'active' && status !== 'idle')
    throw new HoldfastError('SESSION_NOT_ACTIVE', { sessionId, status, command: type });
  const transient = Object.freeze({ stream: sessionStream(sessionId), at: context.clock.now(), type, data });
  for (const topic of [sessionTopic(sessionId), globalTopic]) context.pubsub.publish(topic, { transient });
  return {};
}

function transientAsked(type: string): HoldfastError {
  const problem = `${type} is transient and reaches no disk`;
  return new HoldfastError('INVALID_INPUT', {
    operation: 'events.publish',
    field: 'options.durability',
    problem,
  });
}

async function listEvents(
  context: ReadingContext,
  { sessionId, limit, cursor, since }: ParsedInputOf<'events.list'>,
): Promise<Page<DeliveredEvent>> {
  const { state } = await context.manager.read(sessionId);
  const after = cursor === undefined ? await beginning(context.journal, state) : seqFrom(cursor);
  const span = { after, lineage: state.branching.lineage };
  const { items, next } = await readForwards(context.journal, sessionId, span, limit, (event) =>
    since !== undefined && event.at < since ? undefined : deliveredEvent(event, String(event.seq)),
  );
  return page(items, next);
}

export function seqFrom(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new HoldfastError('INVALID_CURSOR', { value: cursor });
}

export function page<Item>(items: readonly Item[], next: number | undefined): Page<Item> {
  return next === undefined ? { items } : { items, cursor: String(next) };
}
