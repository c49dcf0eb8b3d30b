// The law of a session, whole: what entity/ needs to run one.
import { fenceAgent } from '../agent/agent-decisions.ts';
import { openRuns, withProgressOf } from '../agent/agent-runs.ts';
import { seqsOf } from '../agent/run-work.ts';
import { stateOfFork } from '../fork/session-fork.ts';
import { heldHandoffs } from '../handoff/handoff.ts';
import { decideWithHandoffs } from '../handoff/handoff-decisions.ts';
import { fenceOwner } from '../handoff/ownership-fence.ts';
import type { Law, LawEvent, Proposal, Refusal } from '../law.ts';
import type { CheckpointData } from './checkpoints.ts';
import { keptSeqs } from './conversation.ts';
import { evolveErased, forgotten } from './erasure.ts';
import { recoveredState } from './recovery-session.ts';
import type { SessionCommand } from './session-commands.ts';
import {
  dueCommand,
  nextDeadlineOf,
  offerDueAt,
  summarizeSession,
  summaryText,
} from './session-deadlines.ts';
import { type ErasedData, type RolledBackData, sessionEventVersions } from './session-events.ts';
import type { StatusChange } from './session-lifecycle.ts';
import { rolledBack } from './session-rollback.ts';
import {
  deletedSession,
  evolveSession,
  initialSession,
  type SessionState,
  statusOf,
} from './session-state.ts';
import { decodeSession, encodeSession, sessionLawVersion } from './session-text.ts';
import { edgeRefusal } from './status-edge.ts';

export const sessionLaw: Law<SessionState, SessionCommand> = {
  kind: 'session',
  version: sessionLawVersion,
  eventVersions: sessionEventVersions,
  initial: initialSession,
  tombstone: deletedSession,
  fence: fenceAgent,
  fenceOwner,
  decide: decideWithHandoffs,
  evolve,
  // What was rolled back to goes on with numbers, agents and checkpoints of the state before: it does not stand alone.
  carriesState: ({ type }) => type === 'session.recovered' || type === 'session.forked',
  explain: explainRefusal,
  isProgress,
  isUrgent: ({ type }) => urgent.has(type),
  refersTo: eventsReferredTo,
  durability: ({ profile }) => profile.durability ?? 'fsync',
  due: dueCommand,
  summarize: summarizeSession,
  summaryText,
  nextSpan: offerDueAt,
  nextDeadline: nextDeadlineOf,
  encode: encodeSession,
  decode: decodeSession,
};

/** What ends something, and what has become of agents. */
const urgent: ReadonlySet<SessionCommand['type']> = new Set<SessionCommand['type']>([
  ...(['session.terminate', 'session.finishTermination', 'session.expire', 'session.delete'] as const),
  ...([
    'agent.complete',
    'agent.fail',
    'agent.crash',
    'agent.wait',
    'agent.exhaust',
    'agent.restart',
    'agent.stop',
    'agent.stopAll',
  ] as const),
  ...(['step.complete', 'step.fail', 'effect.judge', 'timer.fire', 'wait.expire', 'run.park'] as const),
  ...(['handoff.reject', 'handoff.withdraw', 'handoff.expire', 'handoff.deliver', 'handoff.return'] as const),
]);

export const sessionStream = (sessionId: string): string => `${sessionLaw.kind}/${sessionId}`;

/** What replaces the state as a whole, or forgets some of it, is no step of the machine. */
function evolve(state: SessionState, event: LawEvent): SessionState | undefined {
  const next = event.data === undefined ? evolveErased(state, event) : evolveSession(state, event);
  if (next !== undefined) return event.meta?.agent === undefined ? next : credited(next, event);
  if (event.data === undefined) return undefined;
  if (event.type === 'session.rolledBack')
    return rolledBack(state, event as LawEvent<string, RolledBackData>);
  if (event.type === 'payload.erased') return forgotten(state, event as LawEvent<string, ErasedData>);
  return stateOfFork(event, decodeSession) ?? recoveredState(event, decodeSession);
}

/** What a run wrote is its own progress, and nobody else's. */
function credited(state: SessionState, event: LawEvent): SessionState {
  const { agents } = state;
  const now = isProgress(event) ? withProgressOf(agents, event.meta?.agent ?? '') : agents;
  return now === agents ? state : { ...state, agents: now };
}

function explainRefusal(state: SessionState, { type, data }: Proposal): Refusal {
  const { sessionId } = state;
  const from = statusOf(state);
  if (type !== 'session.statusChanged')
    return { code: 'SESSION_NOT_ACTIVE', details: { sessionId, status: from, command: type } };
  return edgeRefusal(sessionId, from, (data as StatusChange).to);
}

function isProgress({ type, data }: LawEvent): boolean {
  if (type === 'session.statusChanged') return (data as StatusChange).cause !== 'deadline';
  if (type === 'checkpoint.created') return (data as CheckpointData).reason === 'manual';
  return !noProgress.has(type);
}

/** What tells of a run, and of nothing that it has done. */
const noProgress: ReadonlySet<string> = new Set([
  ...['agent.crashed', 'agent.restarted', 'agent.rateLimited', 'agent.usageReported', 'agent.settled'],
  ...['effect.started', 'effect.unknown', 'timer.fired', 'wait.expired', 'wait.signaled', 'agent.parked'],
]);

/** What `agents.get` shows of runs, what an agent is started with again, what its steps have led to, the packages of its handoffs, and the messages that every built context holds. */
function eventsReferredTo({ agents, conversation, ownership }: SessionState): readonly number[] {
  const started = [...openRuns(agents), ...agents.ended].map(({ seq }) => seq);
  const ended = agents.ended.map(({ endSeq }) => endSeq);
  const steps = [...agents.work.entries()].flatMap(([, work]) => seqsOf(work));
  const packages = ownership === undefined ? [] : heldHandoffs(ownership).map(({ seq }) => seq);
  return [...started, ...ended, ...steps, ...packages, ...keptSeqs(conversation)];
}
