// What each command leads to: the events that would follow, or why it is refused. The machine has the last word on edges.
import { assertNever } from '../../base/errors.ts';
import { decideAgent, staleRun, stopAll } from '../agent/agent-decisions.ts';
import { decideStep } from '../agent/agent-step-decisions.ts';
import { type StepCommand, stepCommandTypes } from '../agent/agent-step-events.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import { type ContentCommand, decideContent } from './content-decisions.ts';
import { placedWithOrigin } from './placed-message.ts';
import { decideRecover } from './recovery-session.ts';
import type {
  AgentCommand,
  CreateSession,
  MergeSession,
  OrdinaryCommand,
  RecoverSession,
  RestoreSession,
  TerminateSession,
} from './session-commands.ts';
import type { SessionProfile } from './session-events.ts';
import type { SessionStatus, StatusChange } from './session-lifecycle.ts';
import { contextOf, type SessionState, statusOf } from './session-state.ts';
import { edge, laterEdge, notLawful, wakesTo } from './status-edge.ts';

const gone: ReadonlySet<SessionStatus> = new Set(['terminating', 'terminated', 'archived', 'deleted']);

/** Ending what is ended succeeds, also when nothing is left of it. */
const endings: ReadonlySet<string> = new Set([
  'session.terminate',
  'session.finishTermination',
  'session.delete',
]);

export function decideSession(state: SessionState, command: OrdinaryCommand): Decision {
  if (command.type === 'session.create') return create(state, command);
  if (command.type === 'session.restore') return restore(state, command);
  if (statusOf(state) === 'deleted' && endings.has(command.type))
    return { events: [], reply: { status: 'deleted' } };
  if (isMissing(state)) return refuse('SESSION_NOT_FOUND', { sessionId: state.sessionId });
  if (command.type === 'session.recover') return decideRecover(state, command);
  if (isAgent(command)) return decideAgent(state, command);
  if (isStep(command))
    return decideStep(state, command, (runId, incarnation, run) => staleRun(state, runId, incarnation, run));
  return isLifecycle(command) ? decideLifecycle(state, command) : decideContent(state, command);
}

/** No session was ever opened here, or nothing is left of it. */
export function isMissing(state: SessionState): boolean {
  const status = statusOf(state);
  return status === 'deleted' || isNew(state);
}

function isNew(state: SessionState): boolean {
  return statusOf(state) === 'initializing' && contextOf(state).updatedAt === 0;
}

type LifecycleCommand = Exclude<
  OrdinaryCommand,
  CreateSession | RestoreSession | RecoverSession | MergeSession | ContentCommand | AgentCommand | StepCommand
>;

function isAgent(command: OrdinaryCommand): command is AgentCommand {
  return command.type.startsWith('agent.') && command.type !== 'agent.start';
}

const stepCommands: ReadonlySet<string> = new Set(stepCommandTypes);

function isStep(command: OrdinaryCommand): command is StepCommand {
  return stepCommands.has(command.type);
}

const contentOfSession: ReadonlySet<string> = new Set(['session.configure', 'session.merge']);

function isLifecycle(command: OrdinaryCommand): command is LifecycleCommand {
  return command.type.startsWith('session.') && !contentOfSession.has(command.type);
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
  const profile = withDurability(data.profile, durabilityOnceRestored(state, data.profile));
  if (statusOf(state) === 'terminating') {
    return notLawful(state, 'active');
  }
  const told = messages.map(
    ({ at: sentAt, message }, i): Proposal => ({
      type: 'message.sent',
      data: placedWithOrigin(message, entries + i + 1),
      at: sentAt,
    }),
  );
  const opened = laterEdge('initializing', 'active', 'restored', 'session.restore');
  return {
    events: [
      ...stopAll(state, 'restored'),
      { type: 'session.restored', data: { ...data, profile, from: statusOf(state) } },
      ...told,
      opened,
    ],
    reply: { sessionId, messages: told.length },
  };
}

/** A stream stays where it is: only one that is new, or of which a tombstone is left, takes on what the record says. */
function durabilityOnceRestored(state: SessionState, saved: SessionProfile): SessionProfile['durability'] {
  const own = state.profile.durability;
  if (isNew(state)) return saved.durability;
  if (statusOf(state) !== 'deleted' || own !== undefined) return own;
  return saved.durability === 'none' ? undefined : saved.durability;
}

function withDurability(profile: SessionProfile, durability: SessionProfile['durability']): SessionProfile {
  if (profile.durability === durability) return profile;
  const { durability: _, ...others } = profile;
  return Object.freeze(durability === undefined ? others : { ...others, durability });
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
    case 'session.noteAnswer':
      return { events: [], reply: command.reply };
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
  if (status === 'initializing') return neverStarted(state, reason);
  return {
    events: [edge(state, 'terminating', reason, 'session.terminate', { cleanup })],
    reply: { status: 'terminating' },
  };
}

/** Its start was never finished: there is nothing to be ended in order. */
function neverStarted(state: SessionState, reason: string): Decision {
  const ended = edge(state, 'terminated', reason, 'session.terminate', { error: reason });
  return {
    events: [ended, { type: 'session.terminated', data: { reason, error: reason } }],
    reply: { status: 'terminated' },
  };
}

function finish(state: SessionState): Decision {
  const { reason, cleanup } = contextOf(state);
  const said = reason ?? 'terminated';
  const events: Proposal[] = [
    ...stopAll(state, said),
    edge(state, 'terminated', said, 'session.finishTermination'),
    { type: 'session.terminated', data: { reason: said } },
  ];
  if (cleanup) events.push(...deletion(said, 'session.finishTermination', 'terminated'));
  return { events, reply: { status: cleanup ? 'deleted' : 'terminated' } };
}

function deletion(reason: string, cause: string, from: 'terminated' | 'archived'): Proposal[] {
  const archiving = from === 'terminated' ? [laterEdge('terminated', 'archived', reason, cause)] : [];
  return [...archiving, laterEdge('archived', 'deleted', reason, cause)];
}

/** Back to active from wherever it rests: a session that was paused before it was hibernated passes through paused. */
function resume(state: SessionState, reason: string): Decision {
  const toActive = (from: SessionStatus): Proposal => laterEdge(from, 'active', reason, 'session.resume');
  const viaPaused = statusOf(state) === 'dormant' && wakesTo(state) === 'paused';
  const events = viaPaused
    ? [edge(state, 'paused', reason, 'session.resume'), toActive('paused')]
    : [toActive(statusOf(state))];
  return { events, reply: { status: 'active' } };
}
