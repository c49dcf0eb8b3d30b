// The state of a session as text: all that a reader can see, in a fixed order, and back.
import { AppendList } from '../../base/append-list.ts';
import { deepFreeze } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import {
  type AgentRun,
  type AgentRuns,
  type EndedAgentRun,
  earliestOf,
  openRuns,
} from '../agent/agent-runs.ts';
import { readWork, type WrittenWork, writtenWork } from '../agent/run-work.ts';
import { type Branching, noBranching } from '../fork/branching.ts';
import type { Ownership } from '../handoff/handoff.ts';
import { type ActiveFile, type IndexedFile, listFiles, listIndex } from './active-files.ts';
import { type Checkpoints, noCheckpoints } from './checkpoints.ts';
import { emptyConversation, type HiddenRange, keptSeqs } from './conversation.ts';
import type { MessageEvent, SessionProfile } from './session-events.ts';
import { type LifecycleContext, resolveLifecycle, type SessionStatus } from './session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';
import { listItems, type MemoryItem } from './working-context.ts';

/**
 * Raised by hand when the same events lead to another state, or the same state to another text. Texts of version 3 and
 * later stand in `session.rolledBack` for good: {@link decodeSession} must go on reading them.
 */
export const sessionLawVersion = 4;

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
  readonly hidden: readonly HiddenRange[];
  readonly checkpoints: Checkpoints;
  /** The durable steps of open runs; absent where there are none, as in all older texts. */
  readonly work?: readonly WrittenWork[];
  /** Absent in a session that is no fork and has merged nothing. */
  readonly branching?: Branching;
  /** Absent where nothing was ever handed over, as in all texts before version 4. */
  readonly ownership?: Ownership;
}

/**
 * The members stand in one order, and JSON keeps the order of what is inside them, also through the journal: equal
 * histories give equal texts without sorting anything.
 */
export function encodeSession(state: SessionState): string {
  const { conversation, files, memory, agents, checkpoints } = state;
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
    hidden: conversation.hidden,
    checkpoints,
    ...(agents.work.size > 0 && { work: worksOf(agents) }),
    ...(state.branching !== noBranching && { branching: state.branching }),
    ...(state.ownership && { ownership: state.ownership }),
  };
  return JSON.stringify(encoded);
}

export function decodeSession(text: string): SessionState {
  const encoded = deepFreeze(JSON.parse(text)) as EncodedSession;
  const stream = `session/${encoded.sessionId}`;
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
      hidden: encoded.hidden.length === 0 ? emptyConversation.hidden : encoded.hidden,
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
    agents: agentsOf(encoded),
    checkpoints: encoded.checkpoints.lastSeq === 0 ? noCheckpoints : encoded.checkpoints,
    branching: encoded.branching ?? noBranching,
    ...(encoded.ownership && { ownership: encoded.ownership }),
  };
}

/** In the order in which the runs were started. */
function worksOf(agents: AgentRuns): WrittenWork[] {
  return openRuns(agents).flatMap(({ runId }) => {
    const work = agents.work.get(runId);
    return work === undefined ? [] : [writtenWork(runId, work)];
  });
}

function agentsOf({ agents, endedAgents: ended, work: works = [] }: EncodedSession): AgentRuns {
  const work = ShardedMap.of(works.map((written) => [written.runId, readWork(written)]));
  return {
    open: ShardedMap.of(agents.map((run) => [run.runId, run])),
    ended,
    work,
    dueAt: earliestOf(work),
    parked: agents.filter(({ status }) => status === 'parked').length,
  };
}
