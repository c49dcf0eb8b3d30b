// The law of a session, whole: what entity/ needs to run one.
import { AppendList } from '../base/append-list.ts';
import { deepFreeze } from '../base/json.ts';
import { ShardedMap } from '../base/sharded-map.ts';
import { type ActiveFile, type IndexedFile, listFiles, listIndex } from './active-files.ts';
import { fenceAgent } from './agent-decisions.ts';
import { type AgentRun, type EndedAgentRun, openRuns } from './agent-runs.ts';
import { keptSeqs } from './conversation.ts';
import type { Law, LawEvent, Proposal, Refusal } from './law.ts';
import type { SessionCommand } from './session-commands.ts';
import { dueCommand, nextDeadlineOf, summarizeSession } from './session-deadlines.ts';
import { decideSession } from './session-decisions.ts';
import { type MessageEvent, type SessionProfile, sessionEventVersions } from './session-events.ts';
import {
  type LifecycleContext,
  resolveLifecycle,
  type SessionStatus,
  type StatusChange,
} from './session-lifecycle.ts';
import {
  contextOf,
  deletedSession,
  evolveSession,
  initialSession,
  type SessionState,
  statusOf,
} from './session-state.ts';
import { listItems, type MemoryItem } from './working-context.ts';

export const sessionLaw: Law<SessionState, SessionCommand> = {
  kind: 'session',
  version: 2,
  eventVersions: sessionEventVersions,
  initial: initialSession,
  tombstone: deletedSession,
  fence: fenceAgent,
  decide: decideSession,
  evolve: evolveSession,
  explain: explainRefusal,
  isProgress,
  refersTo: eventsReferredTo,
  durability: ({ profile }) => profile.durability ?? 'fsync',
  due: dueCommand,
  summarize: summarizeSession,
  nextDeadline: nextDeadlineOf,
  encode: encodeState,
  decode: decodeState,
};

export const sessionStream = (sessionId: string): string => `${sessionLaw.kind}/${sessionId}`;

function explainRefusal(state: SessionState, { type, data }: Proposal): Refusal {
  const { sessionId } = state;
  const from = statusOf(state);
  if (type !== 'session.statusChanged')
    return { code: 'SESSION_NOT_ACTIVE', details: { sessionId, status: from, command: type } };
  return { code: 'INVALID_TRANSITION', details: { sessionId, from, to: (data as StatusChange).to } };
}

function isProgress({ type, data }: LawEvent): boolean {
  if (type === 'session.statusChanged') return (data as StatusChange).cause !== 'deadline';
  return type !== 'agent.crashed' && type !== 'agent.restarted';
}

/** What `agents.get` shows of runs, what an agent is started with again, and the messages that every built context holds. */
function eventsReferredTo({ agents, conversation }: SessionState): readonly number[] {
  const started = [...openRuns(agents), ...agents.ended].map(({ seq }) => seq);
  return [...started, ...agents.ended.map(({ endSeq }) => endSeq), ...keptSeqs(conversation)];
}

interface EncodedSession {
  readonly sessionId: string;
  readonly status: SessionStatus;
  readonly lifecycle: LifecycleContext;
  readonly profile: SessionProfile;
  readonly window: readonly Pick<MessageEvent, 'seq' | 'at' | 'typeVersion' | 'data'>[];
  readonly kept: readonly number[];
  readonly clearedThrough: number;
  readonly files: readonly ActiveFile[];
  readonly fileIndex: readonly IndexedFile[];
  readonly memory: readonly MemoryItem[];
  readonly agents: readonly AgentRun[];
  readonly endedAgents: readonly EndedAgentRun[];
}

/**
 * The members stand in one order, and JSON keeps the order of what is inside them, also through the journal: equal
 * histories give equal texts without sorting anything.
 */
function encodeState(state: SessionState): string {
  const { conversation, files, memory, agents } = state;
  const encoded: EncodedSession = {
    sessionId: state.sessionId,
    status: statusOf(state),
    lifecycle: contextOf(state),
    profile: state.profile,
    window: conversation.window
      .toArray()
      .map(({ seq, at, typeVersion, data }) => ({ seq, at, typeVersion, data })),
    kept: keptSeqs(conversation),
    clearedThrough: conversation.clearedThrough,
    files: listFiles(files),
    fileIndex: listIndex(files),
    memory: listItems(memory),
    agents: openRuns(agents),
    endedAgents: agents.ended,
  };
  return JSON.stringify(encoded);
}

function decodeState(text: string): SessionState {
  const encoded = deepFreeze(JSON.parse(text)) as EncodedSession;
  const stream = sessionStream(encoded.sessionId);
  const window = encoded.window.map(
    (message): MessageEvent => Object.freeze({ stream, type: 'message.sent', ...message }),
  );
  const bytesOf = (items: readonly { readonly bytes: number }[]): number =>
    items.reduce((sum, item) => sum + item.bytes, 0);
  return {
    sessionId: encoded.sessionId,
    lifecycle: resolveLifecycle(encoded.status, encoded.lifecycle),
    profile: encoded.profile,
    conversation: {
      window: AppendList.of(window),
      windowBytes: window.reduce((sum, { data }) => sum + data.size, 0),
      kept: ShardedMap.of(encoded.kept.map((seq) => [String(seq), seq])),
      clearedThrough: encoded.clearedThrough,
    },
    files: {
      active: ShardedMap.of(encoded.files.map((file) => [file.path, file])),
      index: ShardedMap.of(encoded.fileIndex.map((file) => [file.path, file])),
      indexBytes: bytesOf(encoded.fileIndex),
    },
    memory: {
      items: ShardedMap.of(encoded.memory.map((item) => [item.key, item])),
      bytes: bytesOf(encoded.memory),
    },
    agents: {
      open: ShardedMap.of(encoded.agents.map((run) => [run.runId, run])),
      ended: encoded.endedAgents,
    },
  };
}
