// What commands to the agents of a session lead to. Which incarnation may speak for a run is decided here, so that a zombie
// can burn time and never commit.
import { assertNever } from '../../base/errors.ts';
import { type Decision, type Proposal, type Refusal, refuse } from '../law.ts';
import type { AgentCommand, StartAgent } from '../session/session-commands.ts';
import { type SessionState, statusOf } from '../session/session-state.ts';
import {
  exhaustedBy,
  isCharged,
  noAccount,
  type RestartReason,
  type Usage,
  wholeBudget,
} from './agent-budget.ts';
import { type AgentRun, findRun, openRuns, workOf } from './agent-runs.ts';

/** Who sends a command on behalf of a run. */
export interface AgentWriter {
  readonly run: string;
  readonly incarnation: number;
}

/** Why this incarnation may not write any more, or undefined when it may. */
export function fenceAgent(state: SessionState, { run, incarnation }: AgentWriter): Refusal | undefined {
  const open = state.agents.open.get(run);
  return open?.incarnation === incarnation && open.status === 'running'
    ? undefined
    : staleRun(state, run, incarnation, open);
}

/** A child is started once for each step of its parent. */
export function startAgent(state: SessionState, { type: _, ...start }: StartAgent): Decision {
  const { parentRunId: parent, parentStep: step = '' } = start;
  if (parent === undefined) return startRun(state, start);
  if (!state.agents.open.has(parent)) return { refusal: staleRun(state, parent, 0) };
  const work = workOf(state.agents, parent);
  const pending = work.children.find((child) => child.step === step);
  const recorded = work.steps.get(step)?.seq;
  if (pending !== undefined) return { events: [], reply: { runId: pending.runId } };
  return recorded === undefined ? startRun(state, start) : { events: [], reply: { recorded } };
}

function startRun(state: SessionState, start: Omit<StartAgent, 'type'>): Decision {
  const { sessionId, agents } = state;
  const { maxAgents } = state.profile.config;
  const { runId } = start;
  if (findRun(agents, runId) !== undefined) return refuse('AGENT_RUN_EXISTS', { sessionId, runId });
  if (agents.open.size >= maxAgents)
    return refuse('AT_CAPACITY', {
      what: 'list of open agent runs',
      sessionId,
      size: agents.open.size,
      limit: maxAgents,
    });
  return { events: [{ type: 'agent.started', data: start }], reply: { runId } };
}

/** Children end with their parent, behind it, and when it begins anew. */
export function decideAgent(state: SessionState, command: AgentCommand): Decision {
  const decision = decideRun(state, command);
  if ('refusal' in decision || state.agents.open.size < 2 || command.type === 'agent.stopAll')
    return decision;
  const left = decision.events.flatMap(({ type, data }) => orphansOf(state, type, data));
  return left.length === 0 ? decision : { ...decision, events: [...decision.events, ...left] };
}

const ends: ReadonlySet<string> = new Set(['agent.completed', 'agent.failed', 'agent.stopped']);

function orphansOf({ agents }: SessionState, type: string, data: unknown): readonly Proposal[] {
  const { runId, reason } = data as { readonly runId: string; readonly reason?: string };
  if (!ends.has(type) && !(type === 'agent.restarted' && reason === 'ended')) return [];
  return descendants(openRuns(agents), runId).map((run) => stopped(run, 'its parent has ended'));
}

function descendants(runs: readonly AgentRun[], runId: string): readonly AgentRun[] {
  const children = runs.filter((run) => run.parentRunId === runId);
  return children.flatMap((child) => [child, ...descendants(runs, child.runId)]);
}

function decideRun(state: SessionState, command: AgentCommand): Decision {
  if (command.type === 'agent.stop') return stopAgent(state, command);
  if (command.type === 'agent.stopAll') return { events: stopAll(state, command.reason) };
  const { runId } = command;
  const run = state.agents.open.get(runId);
  if (command.type === 'agent.restart') return restartAgent(state, runId, command.reason);
  if (command.type === 'agent.report') return reportUsage(state, runId, command);
  if (command.type === 'agent.exhaust')
    return run === undefined
      ? { events: [] }
      : {
          events: [
            { type: 'agent.failed', data: { runId, incarnation: run.incarnation, error: command.error } },
          ],
        };
  const { incarnation } = command;
  if (run?.incarnation !== incarnation || run.status !== 'running')
    return { refusal: staleRun(state, runId, incarnation, run) };
  switch (command.type) {
    case 'agent.crash':
      return { events: [crashed(command)] };
    case 'agent.wait': {
      const { error, resumesAt } = command;
      return { events: [{ type: 'agent.rateLimited', data: { runId, incarnation, error, resumesAt } }] };
    }
    case 'agent.settle':
      return diedOf(run) === 0
        ? { events: [] }
        : { events: [{ type: 'agent.settled', data: { runId, incarnation } }] };
    case 'agent.complete':
      return { events: [{ type: 'agent.completed', data: { runId, incarnation, result: command.result } }] };
    case 'agent.fail':
      return { events: [{ type: 'agent.failed', data: { runId, incarnation, error: command.error } }] };
    default:
      return assertNever(command);
  }
}

/** How often its process died since it last got any further. */
function diedOf({ account = noAccount }: AgentRun): number {
  const { processRestarts, whileWaiting = 0 } = account.sinceProgress;
  return processRestarts + whileWaiting;
}

function crashed({
  runId,
  incarnation,
  error,
  errorClass,
}: AgentCommand & { type: 'agent.crash' }): Proposal {
  const data = { runId, incarnation, error, ...(errorClass && { errorClass }) };
  return { type: 'agent.crashed', data };
}

/** Anybody may report for a run that is open: the bill may come when its incarnation has ended. */
function reportUsage(state: SessionState, runId: string, { tokens, cost }: Usage): Decision {
  const run = state.agents.open.get(runId);
  if (run === undefined)
    return findRun(state.agents, runId) === undefined
      ? refuse('AGENT_NOT_FOUND', { sessionId: state.sessionId, runId })
      : { refusal: staleRun(state, runId, 0) };
  const { usage } = run.account ?? noAccount;
  return {
    events: [{ type: 'agent.usageReported', data: { runId, incarnation: run.incarnation, tokens, cost } }],
    reply: { tokens: usage.tokens + tokens, cost: usage.cost + cost },
  };
}

/**
 * The next incarnation of a run: it is named by the event, and the one before it is stale from then on. It counts before it
 * begins, so that what takes its process down with it is counted too.
 */
function restartAgent(state: SessionState, runId: string, reason: RestartReason): Decision {
  const run = state.agents.open.get(runId);
  if (run === undefined || statusOf(state) !== 'active')
    return { refusal: staleRun(state, runId, run?.incarnation ?? 0, run) };
  const exhausted = exhaustedBy(reason, wholeBudget(run.budget), run.account);
  if (exhausted !== undefined)
    return refuse('BUDGET_EXHAUSTED', { sessionId: state.sessionId, runId, agent: run.agent, ...exhausted });
  const incarnation = run.incarnation + 1;
  const data = { runId, incarnation, reason, ...(isCharged(reason) && { charged: true }) };
  return {
    events: [{ type: 'agent.restarted', data }],
    reply: { incarnation },
  };
}

/** Stopping what has ended succeeds, and says how it ended. */
function stopAgent(state: SessionState, { runId, reason }: AgentCommand & { type: 'agent.stop' }): Decision {
  const run = findRun(state.agents, runId);
  if (run === undefined) return refuse('AGENT_NOT_FOUND', { sessionId: state.sessionId, runId });
  if ('endedAt' in run) return { events: [], reply: { status: run.status } };
  return { events: [stopped(run, reason)], reply: { status: 'stopped' } };
}

/** The events that end all open runs, for a session whose life ends. */
export function stopAll({ agents }: SessionState, reason: string): Proposal[] {
  return openRuns(agents).map((run) => stopped(run, reason));
}

const stopped = ({ runId, incarnation }: AgentRun, reason: string): Proposal => ({
  type: 'agent.stopped',
  data: { runId, incarnation, reason },
});

export function staleRun(
  { sessionId }: SessionState,
  runId: string,
  incarnation: number,
  run?: AgentRun,
): Refusal {
  const current = run === undefined ? 'ended' : run.status === 'running' ? run.incarnation : run.status;
  return { code: 'STALE_INCARNATION', details: { sessionId, runId, incarnation, current } };
}
