// What each command leads to: the events that would follow, or why it is refused. The machine has the last word on edges.
import { assertNever } from '../base/errors.ts';
import { byteLength, type Json } from '../base/json.ts';
import { indexBytesWith, maxIndexBytes } from './active-files.ts';
import { isFull, isKept, maxKept, mayHold } from './conversation.ts';
import { checkEvent } from './event-catalogue.ts';
import { type Decision, type Proposal, refuse } from './law.ts';
import type {
  CreateSession,
  NewMessage,
  RestoreSession,
  SessionCommand,
  TerminateSession,
} from './session-commands.ts';
import type { MessageData } from './session-events.ts';
import type { SessionStatus, StatusChange } from './session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';
import { itemBytes } from './working-context.ts';

const gone: ReadonlySet<SessionStatus> = new Set(['terminating', 'terminated', 'archived', 'deleted']);

/** Ending what is ended succeeds, also when nothing is left of it. */
const endings: ReadonlySet<string> = new Set([
  'session.terminate',
  'session.finishTermination',
  'session.delete',
]);

export function decideSession(state: SessionState, command: SessionCommand): Decision {
  if (command.type === 'session.create') return create(state, command);
  if (command.type === 'session.restore') return restore(state, command);
  if (statusOf(state) === 'deleted' && endings.has(command.type))
    return { events: [], reply: { status: 'deleted' } };
  if (isMissing(state)) return refuse('SESSION_NOT_FOUND', { sessionId: state.sessionId });
  return isLifecycle(command) ? decideLifecycle(state, command) : decideContent(state, command);
}

/** No session was ever opened here, or nothing is left of it. */
function isMissing(state: SessionState): boolean {
  const status = statusOf(state);
  return status === 'deleted' || (status === 'initializing' && contextOf(state).updatedAt === 0);
}

type ContentCommand =
  | Exclude<SessionCommand, { type: `session.${Exclude<string, 'configure'>}` }>
  | (SessionCommand & { type: 'session.configure' });
type LifecycleCommand = Exclude<SessionCommand, CreateSession | RestoreSession | ContentCommand>;

function isLifecycle(command: SessionCommand): command is LifecycleCommand {
  return command.type.startsWith('session.') && command.type !== 'session.configure';
}

function create(state: SessionState, { profile, startError }: CreateSession): Decision {
  const { sessionId } = state;
  if (statusOf(state) !== 'initializing' || contextOf(state).updatedAt > 0)
    return refuse('SESSION_EXISTS', { sessionId });
  const created: Proposal = { type: 'session.created', data: profile };
  const reply = { sessionId };
  if (startError === undefined)
    return { events: [edge(state, 'active', 'created', 'session.create'), created], reply };
  const failed = edge(state, 'terminated', 'startFailed', 'session.create', { error: startError });
  return {
    events: [failed, { type: 'session.terminated', data: { reason: 'startFailed', error: startError } }],
    reply,
  };
}

function restore(state: SessionState, { data, messages }: RestoreSession): Decision {
  const { sessionId } = state;
  const { entries } = contextOf(state);
  if (statusOf(state) === 'terminating') {
    return refuse('INVALID_TRANSITION', { sessionId, from: 'terminating', to: 'active' });
  }
  const told = messages.map(
    ({ at: sentAt, message }, i): Proposal => ({
      type: 'message.sent',
      data: placed(message, entries + i + 1),
      at: sentAt,
    }),
  );
  const opened = changed(change('initializing', 'active', 'restored', 'session.restore'));
  return {
    events: [{ type: 'session.restored', data: { ...data, from: statusOf(state) } }, ...told, opened],
    reply: { sessionId, messages: told.length },
  };
}

function decideLifecycle(state: SessionState, command: LifecycleCommand): Decision {
  const status = statusOf(state);
  const go = (to: SessionStatus, reason: string, more: Partial<StatusChange> = {}): Decision => ({
    events: [edge(state, to, reason, command.type, more)],
    reply: { status: to },
  });
  const stay: Decision = { events: [], reply: { status } };
  switch (command.type) {
    case 'session.terminate':
      return terminate(state, command);
    case 'session.finishTermination':
      return status === 'terminating' ? finish(state) : stay;
    case 'session.expire':
      return { events: [edge(state, 'terminating', 'timeout', 'deadline')] };
    case 'session.fallQuiet':
      return { events: [{ ...edge(state, command.to, 'quiet', 'deadline'), at: command.at }] };
    case 'session.pause':
      return status === 'paused' ? stay : go('paused', command.reason);
    case 'session.resume':
      return status === 'active' ? stay : resume(state, command.reason);
    case 'session.hibernate':
      if (status === 'dormant') return stay;
      return go('dormant', command.reason, { resumeTo: status === 'paused' ? 'paused' : 'active' });
    case 'session.wake':
      if (status === 'active') return stay;
      return status === 'paused' ? notLawful(state, 'active') : go(wakesTo(state), command.reason);
    case 'session.archive':
      return status === 'archived' ? stay : go('archived', command.reason);
    case 'session.delete':
      return status === 'terminated' || status === 'archived'
        ? { events: deletion(command.reason, 'session.delete', status), reply: { status: 'deleted' } }
        : notLawful(state, 'deleted');
    default:
      return assertNever(command);
  }
}

function terminate(state: SessionState, { reason, cleanup }: TerminateSession): Decision {
  const status = statusOf(state);
  if (gone.has(status)) return { events: [], reply: { status } };
  return {
    events: [edge(state, 'terminating', reason, 'session.terminate', { cleanup })],
    reply: { status: 'terminating' },
  };
}

function finish(state: SessionState): Decision {
  const { reason, cleanup } = contextOf(state);
  const said = reason ?? 'terminated';
  const events: Proposal[] = [
    edge(state, 'terminated', said, 'session.finishTermination'),
    { type: 'session.terminated', data: { reason: said } },
  ];
  if (cleanup) events.push(...deletion(said, 'session.finishTermination', 'terminated'));
  return { events, reply: { status: cleanup ? 'deleted' : 'terminated' } };
}

function deletion(reason: string, cause: string, from: 'terminated' | 'archived'): Proposal[] {
  const archiving = from === 'terminated' ? [changed(change('terminated', 'archived', reason, cause))] : [];
  return [...archiving, changed(change('archived', 'deleted', reason, cause))];
}

/** Back to active from wherever it rests: a session that was paused before it was hibernated passes through paused. */
function resume(state: SessionState, reason: string): Decision {
  const toActive = (from: SessionStatus): Proposal =>
    changed(change(from, 'active', reason, 'session.resume'));
  const viaPaused = statusOf(state) === 'dormant' && wakesTo(state) === 'paused';
  const events = viaPaused
    ? [edge(state, 'paused', reason, 'session.resume'), toActive('paused')]
    : [toActive(statusOf(state))];
  return { events, reply: { status: 'active' } };
}

/** Content is taken by an active session; an idle or dormant one is woken by it, in the same append. */
function decideContent(state: SessionState, command: ContentCommand): Decision {
  const wake = wakingEvents(state, command.type);
  if (wake === undefined) {
    const details = { sessionId: state.sessionId, status: statusOf(state), command: command.type };
    return refuse('SESSION_NOT_ACTIVE', details);
  }
  const decision = content(state, command);
  if ('refusal' in decision || decision.events.length === 0) return decision;
  return wake.length === 0 ? decision : { ...decision, events: [...wake, ...decision.events] };
}

const awake: readonly Proposal[] = [];

function wakingEvents(state: SessionState, cause: string): readonly Proposal[] | undefined {
  const status = statusOf(state);
  if (status === 'active') return awake;
  const wakes = status === 'idle' || (status === 'dormant' && wakesTo(state) === 'active');
  return wakes ? [edge(state, 'active', 'activity', cause)] : undefined;
}

function content(state: SessionState, command: ContentCommand): Decision {
  const { sessionId } = state;
  switch (command.type) {
    case 'message.send':
      return sendMessage(state, command.message);
    case 'message.pin':
      return pin(state, command.seq);
    case 'message.unpin':
      if (!isKept(state.conversation, command.seq)) return { events: [] };
      return { events: [{ type: 'message.unpinned', data: { seq: command.seq } }] };
    case 'conversation.clear': {
      const { messages } = contextOf(state);
      return messages === 0
        ? { events: [], reply: { messages } }
        : { events: [{ type: 'conversation.cleared', data: { messages } }], reply: { messages } };
    }
    case 'file.add':
      return addFile(state, command);
    case 'file.remove': {
      const { path } = command;
      if (!state.files.active.has(path) && !state.files.index.has(path))
        return refuse('FILE_NOT_FOUND', { sessionId, path });
      return { events: [{ type: 'file.removed', data: { path } }] };
    }
    case 'file.index':
      return indexFile(state, command.path, command.metadata);
    case 'memory.set':
      return setMemory(state, command);
    case 'memory.delete':
      if (!state.memory.items.has(command.key))
        return refuse('KEY_NOT_FOUND', { sessionId, key: command.key });
      return { events: [{ type: 'memory.deleted', data: { key: command.key } }] };
    case 'session.configure':
      return configure(state, command);
    case 'event.publish':
      return publish(state, command);
    default:
      return assertNever(command);
  }
}

function configure(
  state: SessionState,
  { changes, config }: ContentCommand & { type: 'session.configure' },
): Decision {
  const named = defined(changes);
  const numbers = config === undefined ? {} : defined(config);
  const data =
    Object.keys(numbers).length === 0
      ? named
      : { ...named, config: Object.freeze({ ...state.profile.config, ...numbers }) };
  return Object.keys(data).length === 0 ? { events: [] } : { events: [{ type: 'session.configured', data }] };
}

/** Without the members that are undefined: they name nothing, and a journal would not keep them. */
function defined<T extends object>(given: T): Partial<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function sendMessage(state: SessionState, message: NewMessage): Decision {
  const { entries, messages } = contextOf(state);
  if (message.pinned === true && isFull(state.conversation)) return pinsFull(state);
  const data = placed(message, entries + 1);
  return { events: [{ type: 'message.sent', data }], reply: { entry: data.entry, messages: messages + 1 } };
}

function placed(message: NewMessage, entry: number): MessageData {
  return { ...message, entry, size: sizeOf(message) };
}

/** Bytes of what a model reads of it. */
function sizeOf({ content, toolCalls }: NewMessage): number {
  const text = typeof content === 'string' ? content : content === null ? '' : JSON.stringify(content);
  return byteLength(text) + (toolCalls === undefined ? 0 : byteLength(JSON.stringify(toolCalls)));
}

function pin(state: SessionState, seq: number): Decision {
  const { conversation, sessionId } = state;
  if (isKept(conversation, seq)) return { events: [] };
  if (!mayHold(conversation, seq)) return refuse('MESSAGE_NOT_FOUND', { sessionId, seq });
  return isFull(conversation) ? pinsFull(state) : { events: [{ type: 'message.pinned', data: { seq } }] };
}

function pinsFull({ sessionId, conversation }: SessionState): Decision {
  const { size } = conversation.kept;
  return refuse('AT_CAPACITY', { what: 'list of pinned messages', sessionId, size, limit: maxKept });
}

function addFile(state: SessionState, command: ContentCommand & { type: 'file.add' }): Decision {
  const { path, metadata, processingMs } = command;
  if (state.files.active.has(path))
    return metadata === undefined ? { events: [] } : indexFile(state, path, metadata);
  const full = metadata === undefined ? undefined : indexFull(state, path, metadata);
  if (full !== undefined) return full;
  const entry = contextOf(state).entries + 1;
  const size = byteLength(path) + (metadata === undefined ? 0 : byteLength(JSON.stringify(metadata)));
  return {
    events: [{ type: 'file.added', data: { path, metadata, processingMs, entry, size } }],
    reply: { entry },
  };
}

function indexFile(state: SessionState, path: string, metadata: Json): Decision {
  return indexFull(state, path, metadata) ?? { events: [{ type: 'file.indexed', data: { path, metadata } }] };
}

function indexFull({ sessionId, files }: SessionState, path: string, metadata: Json): Decision | undefined {
  const size = indexBytesWith(files, path, metadata);
  if (size <= maxIndexBytes) return undefined;
  return refuse('AT_CAPACITY', { what: 'file index in bytes', sessionId, size, limit: maxIndexBytes });
}

function setMemory(state: SessionState, { key, value }: ContentCommand & { type: 'memory.set' }): Decision {
  const { sessionId, memory } = state;
  const { maxMemoryKeys, maxMemoryBytes } = state.profile.config;
  const known = memory.items.get(key);
  if (known === undefined && memory.items.size >= maxMemoryKeys) {
    return refuse('AT_CAPACITY', {
      what: 'working context',
      sessionId,
      size: memory.items.size,
      limit: maxMemoryKeys,
    });
  }
  const bytes = memory.bytes - (known?.bytes ?? 0) + itemBytes(key, value);
  if (bytes > maxMemoryBytes) {
    return refuse('AT_CAPACITY', {
      what: 'working context in bytes',
      sessionId,
      size: bytes,
      limit: maxMemoryBytes,
    });
  }
  return { events: [{ type: 'memory.updated', data: { key, value } }] };
}

function publish(state: SessionState, { event, data }: ContentCommand & { type: 'event.publish' }): Decision {
  const refusal = checkEvent(event, data);
  if (refusal !== undefined) return { refusal };
  if (event !== 'tool.called') return { events: [{ type: event, data }] };
  const entry = contextOf(state).entries + 1;
  return {
    events: [{ type: event, data: { ...data, entry, size: byteLength(JSON.stringify(data)) } }],
    reply: { entry },
  };
}

const wakesTo = (state: SessionState): 'active' | 'paused' =>
  statusOf(state) === 'dormant' ? contextOf(state).resumeTo : 'active';

function edge(
  state: SessionState,
  to: SessionStatus,
  reason: string,
  cause: string,
  more: Partial<StatusChange> = {},
): Proposal {
  return changed({ ...change(statusOf(state), to, reason, cause), ...more });
}

const change = (from: SessionStatus, to: SessionStatus, reason: string, cause: string): StatusChange => ({
  from,
  to,
  reason,
  cause,
});

const changed = (data: StatusChange): Proposal => ({ type: 'session.statusChanged', data });

function notLawful(state: SessionState, to: SessionStatus): Decision {
  return refuse('INVALID_TRANSITION', { sessionId: state.sessionId, from: statusOf(state), to });
}
