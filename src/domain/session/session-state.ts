// The state of a session: the machine's snapshot, and conversation, files and working context beside it.
import type { Json } from '../../base/json.ts';
import {
  type AgentOutcome,
  type AgentPlace,
  type AgentRuns,
  noAgents,
  withCrashed,
  withEnded,
  withReported,
  withRestarted,
  withSettled,
  withStarted,
  withWaiting,
} from '../agent/agent-runs.ts';
import { isStepEvent, withStepEvent } from '../agent/agent-step-state.ts';
import { type Branching, noBranching } from '../fork/branching.ts';
import { withMerge } from '../fork/merge-marks.ts';
import type { Ownership } from '../handoff/handoff.ts';
import { isHandoffEvent } from '../handoff/handoff-events.ts';
import { withHandoffEvent } from '../handoff/ownership.ts';
import type { LawEvent } from '../law.ts';
import {
  type ActiveFiles,
  type FileNotice,
  noFiles,
  withFile,
  withIndexed,
  withinLimits,
  withoutFile,
} from './active-files.ts';
import {
  type Checkpoints,
  noCheckpoints,
  withCheckpoint,
  withKept,
  withoutCheckpoint,
} from './checkpoints.ts';
import {
  type Conversation,
  clearedAt,
  emptyConversation,
  withLimits,
  withMessage,
  withoutPin,
  withPin,
} from './conversation.ts';
import { completeConfig, defaultSessionConfig } from './session-config.ts';
import type { MessageEvent, RestoredData, SessionEvent, SessionProfile } from './session-events.ts';
import {
  advanceLifecycle,
  initialLifecycle,
  type LifecycleContext,
  type LifecycleEvent,
  type LifecycleSnapshot,
  resolveLifecycle,
  type SessionStatus,
} from './session-lifecycle.ts';
import { emptyWorkingContext, type WorkingContext, withItem, withoutItem } from './working-context.ts';

export interface SessionState {
  readonly sessionId: string;
  readonly lifecycle: LifecycleSnapshot;
  readonly profile: SessionProfile;
  readonly conversation: Conversation;
  readonly files: ActiveFiles;
  readonly memory: WorkingContext;
  readonly agents: AgentRuns;
  readonly checkpoints: Checkpoints;
  readonly branching: Branching;
  /** Whose it is, and what is on offer; undefined for one that was never handed over, nor given anything. */
  readonly ownership?: Ownership;
}

const noProfile: SessionProfile = {
  name: null,
  agent: null,
  metadata: {},
  llmConfig: {},
  config: defaultSessionConfig,
  parentSessionId: null,
};

export function initialSession(stream: string): SessionState {
  return {
    sessionId: stream.slice(stream.indexOf('/') + 1),
    lifecycle: initialLifecycle,
    profile: noProfile,
    conversation: emptyConversation,
    files: noFiles,
    memory: emptyWorkingContext,
    agents: noAgents,
    checkpoints: noCheckpoints,
    branching: noBranching,
  };
}

export function deletedSession(stream: string): SessionState {
  return { ...initialSession(stream), lifecycle: resolveLifecycle('deleted', initialLifecycle.context) };
}

export const statusOf = (state: SessionState): SessionStatus => state.lifecycle.value as SessionStatus;
export const contextOf = (state: SessionState): LifecycleContext => state.lifecycle.context;

/** True while agents of the session run: it is then not quiet, whatever else happens. */
export const isAtWork = (state: SessionState): boolean =>
  state.agents.open.size > 0 && statusOf(state) === 'active';

/** The state after an event, or undefined when the machine does not take it. */
export function evolveSession(state: SessionState, event: LawEvent): SessionState | undefined {
  if (event.type === 'session.restored') return restored(state, event as LawEvent<string, RestoredData>);
  const lifecycle = advanceLifecycle(state.lifecycle, event as LifecycleEvent);
  if (lifecycle === state.lifecycle) return undefined;
  if (event.type !== 'message.sent') return fold({ ...state, lifecycle }, event as SessionEvent);
  const { sessionId, profile, files, memory, agents, checkpoints, branching } = state;
  const conversation = withMessage(state.conversation, event as MessageEvent, profile.config);
  const next = { sessionId, lifecycle, profile, conversation, files, memory, agents, checkpoints, branching };
  return state.ownership === undefined ? next : { ...next, ownership: state.ownership };
}

function fold(state: SessionState, event: SessionEvent): SessionState {
  const { config } = state.profile;
  switch (event.type) {
    case 'message.pinned':
      return { ...state, conversation: withPin(state.conversation, event.data.seq) };
    case 'message.unpinned':
      return { ...state, conversation: withoutPin(state.conversation, event.data.seq) };
    case 'conversation.cleared':
      return { ...state, conversation: clearedAt(state.conversation, event.seq) };
    case 'file.added':
      return withAddedFile(state, event);
    case 'file.removed':
      return { ...state, files: withoutFile(state.files, event.data.path) };
    case 'file.indexed':
      return { ...state, files: withIndexed(state.files, noticeOf(event, event.data.metadata), config) };
    case 'memory.updated':
      return { ...state, memory: withItem(state.memory, event.data.key, event.data.value, event.seq) };
    case 'memory.deleted':
      return { ...state, memory: withoutItem(state.memory, event.data.key) };
    case 'agent.started':
      return { ...state, agents: withStarted(state.agents, event.data, event.at, event.seq) };
    case 'agent.restarted':
      return { ...state, agents: withRestarted(state.agents, event.data) };
    case 'agent.crashed':
      return { ...state, agents: withCrashed(state.agents, event.data) };
    case 'agent.rateLimited':
      return { ...state, agents: withWaiting(state.agents, event.data) };
    case 'agent.usageReported':
      return { ...state, agents: withReported(state.agents, event.data) };
    case 'agent.settled':
      return { ...state, agents: withSettled(state.agents, event.data) };
    case 'agent.completed':
      return withoutAgent(state, event, 'completed');
    case 'agent.failed':
      return withoutAgent(state, event, 'failed');
    case 'agent.stopped':
      return withoutAgent(state, event, 'stopped');
    case 'checkpoint.created':
      return { ...state, checkpoints: withCheckpoint(state.checkpoints, event, config.checkpointsKept) };
    case 'checkpoint.deleted':
      return { ...state, checkpoints: withoutCheckpoint(state.checkpoints, event.data.checkpointId) };
    case 'session.merged':
      return { ...state, branching: withMerge(state.branching, event) };
    case 'session.created':
    case 'session.configured':
      return withProfile(state, { ...state.profile, ...event.data });
    default:
      if (isHandoffEvent(event)) return { ...state, ownership: withHandoffEvent(state.ownership, event) };
      return isStepEvent(event) ? { ...state, agents: withStepEvent(state.agents, event) } : state;
  }
}

function withoutAgent(
  state: SessionState,
  { data, at, seq }: LawEvent<string, AgentPlace>,
  outcome: AgentOutcome,
): SessionState {
  return { ...state, agents: withEnded(state.agents, data.runId, outcome, at, seq) };
}

function withAddedFile(state: SessionState, event: SessionEvent & { type: 'file.added' }): SessionState {
  const { config } = state.profile;
  const { path, metadata } = event.data;
  const files = withFile(state.files, { path, addedAt: event.at, seq: event.seq }, config);
  if (metadata === undefined) return { ...state, files };
  return { ...state, files: withIndexed(files, noticeOf(event, metadata), config) };
}

function noticeOf(
  { data, seq, at }: SessionEvent & { type: 'file.added' | 'file.indexed' },
  metadata: Json,
): FileNotice {
  return { path: data.path, metadata, lastAccessedAt: at, seq };
}

/** New numbers hold at once. */
function withProfile(state: SessionState, given: SessionProfile): SessionState {
  const profile = completed(given);
  const { config } = profile;
  return {
    ...state,
    profile,
    conversation: withLimits(state.conversation, config),
    files: withinLimits(state.files, config),
    checkpoints: withKept(state.checkpoints, config.checkpointsKept),
  };
}

function completed(profile: SessionProfile): SessionProfile {
  const config = completeConfig(profile.config);
  return config === profile.config ? profile : { ...profile, config };
}

/**
 * A new life under the same id: a fresh machine, with what was saved beside it. The journal keeps the old life, so that
 * the numbers of its entries are not given again.
 */
function restored(
  state: SessionState,
  { data, seq, at }: LawEvent<string, RestoredData>,
): SessionState | undefined {
  const status = statusOf(state);
  // Only of a tombstone it can be told what the session was before: that nothing is left of it.
  if (status === 'terminating' || (status === 'deleted' && data.from !== status)) return undefined;
  const former = status === 'deleted' ? initialSession(`session/${state.sessionId}`) : state;
  const context = {
    ...initialLifecycle.context,
    createdAt: data.createdAt,
    openedAt: at,
    updatedAt: at,
    lastActivityAt: at,
    entries: contextOf(state).entries,
  };
  const profile = completed(data.profile);
  const fresh: SessionState = {
    ...initialSession(`session/${state.sessionId}`),
    lifecycle: resolveLifecycle('initializing', context),
    profile,
    conversation: clearedAt(former.conversation, seq),
    checkpoints: withKept(former.checkpoints, profile.config.checkpointsKept),
    branching: former.branching,
    ...(former.ownership && { ownership: former.ownership }),
  };
  return { ...fresh, files: restoredFiles(data, seq), memory: restoredMemory(data, seq) };
}

function restoredFiles(data: RestoredData, seq: number): ActiveFiles {
  const { config } = data.profile;
  let files = noFiles;
  for (const [i, [path, addedAt]] of data.files.entries()) {
    files = withFile(files, { path, addedAt, seq: orderWithin(seq, i, data.files.length) }, config);
  }
  for (const [i, [path, metadata, lastAccessedAt]] of data.fileIndex.entries()) {
    const notice = { path, metadata, lastAccessedAt, seq: orderWithin(seq, i, data.fileIndex.length) };
    files = withIndexed(files, notice, config);
  }
  return files;
}

function restoredMemory(data: RestoredData, seq: number): WorkingContext {
  let memory = emptyWorkingContext;
  for (const [i, [key, value]] of data.memory.entries()) {
    memory = withItem(memory, key, value, orderWithin(seq, i, data.memory.length));
  }
  return memory;
}

/** What one event sets all at once keeps its order: fractions below the event's own seq. */
function orderWithin(seq: number, index: number, count: number): number {
  return seq - 1 + (index + 1) / (count + 1);
}
