// What commands to the content of a session lead to: messages, files, working context, profile and published events.
import { assertNever } from '../../base/errors.ts';
import { byteLength, type Json } from '../../base/json.ts';
import { startAgent } from '../agent/agent-decisions.ts';
import type { StepCommand } from '../agent/agent-step-events.ts';
import { checkEvent } from '../event-catalogue.ts';
import { inheritedThrough } from '../fork/branching.ts';
import { decideMerge } from '../fork/merge-decisions.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import { indexBytesWith, maxIndexBytes } from './active-files.ts';
import { hidingRange, isFull, isKept, maxKept, mayHold } from './conversation.ts';
import { placed } from './placed-message.ts';
import type { AgentCommand, NewMessage, OrdinaryCommand } from './session-commands.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';
import { edge, wakesTo } from './status-edge.ts';
import { itemBytes } from './working-context.ts';

export type ContentCommand =
  | Exclude<OrdinaryCommand, AgentCommand | StepCommand | { type: `session.${string}` }>
  | (OrdinaryCommand & { type: 'session.configure' | 'session.merge' });

/** Content is taken by an active session; an idle or dormant one is woken by it, in the same append. */
export function decideContent(state: SessionState, command: ContentCommand): Decision {
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
    case 'session.merge':
      return decideMerge(state, command);
    case 'event.publish':
      return publish(state, command);
    case 'agent.start':
      return startAgent(state, command);
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

function pin(state: SessionState, seq: number): Decision {
  const { conversation, sessionId } = state;
  if (isKept(conversation, seq)) return { events: [] };
  if (!mayHold(conversation, seq) && !mayInherit(state, seq))
    return refuse('MESSAGE_NOT_FOUND', { sessionId, seq });
  return isFull(conversation) ? pinsFull(state) : { events: [{ type: 'message.pinned', data: { seq } }] };
}

/** A fork has nothing of what was said before it at hand. */
function mayInherit({ conversation, branching }: SessionState, seq: number): boolean {
  const { clearedThrough } = conversation;
  if (seq > inheritedThrough(branching) || seq <= clearedThrough) return false;
  return hidingRange(conversation, seq) === undefined;
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
    events: [{ type: 'file.added', data: { ...defined({ path, metadata, processingMs }), entry, size } }],
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
