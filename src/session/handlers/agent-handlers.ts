// Operations on the agents of a session.
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import { type AgentBudget, narrowed } from '../../domain/agent/agent-budget.ts';
import { type AgentRun, type EndedAgentRun, findRun, openRuns } from '../../domain/agent/agent-runs.ts';
import type { SessionEventData } from '../../domain/session/session-events.ts';
import { sessionStream } from '../../domain/session/session-law.ts';
import type { SessionState } from '../../domain/session/session-state.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import type { OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { AgentDetails, AgentInfo } from '../../operations/views/views.ts';
import { spendingOf } from '../agents/agent-spending.ts';
import { AgentWaits } from '../agents/agent-waits.ts';
import { type HandlerContext, sendCommand } from './handler-context.ts';

export type AgentOperation = `agents.${'start' | 'stop' | 'get' | 'wait' | 'list' | 'report'}`;

type Run = AgentRun | EndedAgentRun;

export function agentHandlers(context: HandlerContext): Handlers<AgentOperation> {
  const waits = new AgentWaits(context.manager, context.pubsub);
  return {
    'agents.start': (input, call) => startAgent(context, input, call),
    'agents.stop': (input, call) => stopAgent(context, input, call),
    'agents.get': async ({ sessionId, runId }) => getAgent(context, sessionId, runId),
    'agents.wait': (input, call) => waitForAgent(context, waits, input, call),
    'agents.list': (input) => listAgents(context, input),
    'agents.report': (input, call) => reportUsage(context, input, call),
  };
}

async function startAgent(
  context: HandlerContext,
  { sessionId, role, timeoutMs, budget: asked, ...given }: ParsedInputOf<'agents.start'>,
  call: Call,
): Promise<OutputOf<'agents.start'>> {
  context.agents.assertRegistered(given.agent);
  const budget = budgetOf(context, given.agent, asked);
  const start = {
    ...given,
    runId: context.newId(),
    role: role ?? null,
    timeoutMs: timeoutMs ?? null,
    ...budget,
  };
  return sendCommand(context, sessionId, { type: 'agent.start', ...start }, call);
}

/** The budget that is journaled with a run: a change of its agent's later on is for later runs. */
function budgetOf(
  { agents }: HandlerContext,
  agent: string,
  asked: AgentBudget | undefined,
): { readonly budget?: AgentBudget } {
  const found = narrowed(agents.policy(agent).budget, asked);
  if ('wider' in found) {
    const { wider, limit } = found;
    const problem = `budget.${wider}: it may narrow what holds for the agent, ${limit}, and not widen it`;
    throw new HoldfastError('INVALID_INPUT', {
      operation: 'agents.start',
      field: `budget.${wider}`,
      problem,
    });
  }
  return found.budget === undefined ? {} : { budget: found.budget };
}

/** An agent reports for its own run: nobody is charged by a sibling. */
async function reportUsage(
  context: HandlerContext,
  { sessionId, ...usage }: ParsedInputOf<'agents.report'>,
  call: Call,
): Promise<OutputOf<'agents.report'>> {
  if (call.agent !== undefined && call.agent.run !== usage.runId) {
    const problem = 'runId: an agent reports for its own run';
    throw new HoldfastError('INVALID_INPUT', { operation: 'agents.report', field: 'runId', problem });
  }
  return sendCommand(context, sessionId, { type: 'agent.report', ...usage }, call);
}

async function stopAgent(
  context: HandlerContext,
  { sessionId, runId, reason }: ParsedInputOf<'agents.stop'>,
  call: Call,
): Promise<OutputOf<'agents.stop'>> {
  const command = { type: 'agent.stop', runId, reason } as const;
  const answer = await sendCommand<OutputOf<'agents.stop'>>(context, sessionId, command, call);
  await context.manager.whenAgentsEnded(sessionId, runId);
  return answer;
}

async function listAgents(
  { manager }: HandlerContext,
  { sessionId, role, agent, status }: ParsedInputOf<'agents.list'>,
): Promise<AgentInfo[]> {
  const { state } = await manager.read(sessionId);
  const runs: Run[] = [...openRuns(state.agents), ...[...state.agents.ended].reverse()];
  return runs
    .filter((run) => role === undefined || run.role === role)
    .filter((run) => agent === undefined || run.agent === agent)
    .filter((run) => status?.includes(run.status) ?? true)
    .map((run) => agentInfo(manager, sessionId, run));
}

async function getAgent(context: HandlerContext, sessionId: string, runId: string): Promise<AgentDetails> {
  const { state } = await context.manager.read(sessionId);
  return agentDetails(context, state, runOf(state, runId));
}

/** In a quarantined session no end will come. */
function waitForAgent(
  context: HandlerContext,
  waits: AgentWaits,
  { sessionId, runId }: ParsedInputOf<'agents.wait'>,
  { signal }: Call,
): Promise<AgentDetails> {
  return waits.until(sessionId, signal, async () => {
    const { state } = await context.manager.read(sessionId);
    const run = runOf(state, runId);
    if ('endedAt' in run) return agentDetails(context, state, run);
    const refusal = context.manager.health.refusalOf(sessionId);
    if (refusal !== undefined) throw refusal;
    return undefined;
  });
}

function runOf({ sessionId, agents }: SessionState, runId: string): Run {
  const run = findRun(agents, runId);
  if (run === undefined) throw new HoldfastError('AGENT_NOT_FOUND', { sessionId, runId });
  return run;
}

function agentInfo(manager: HandlerContext['manager'], sessionId: string, run: Run): AgentInfo {
  const { runId, agent, role, status, restart, timeoutMs, incarnation, crashes, startedAt } = run;
  return {
    ...{ runId, agent, role, status, restart, timeoutMs, incarnation, crashes, startedAt },
    parentRunId: run.parentRunId ?? null,
    isRunning: manager.isRunning(sessionId, runId),
    endedAt: 'endedAt' in run ? run.endedAt : null,
    resumesAt: ('resumesAt' in run ? run.resumesAt : undefined) ?? null,
    ...spendingOf(run, manager.restartsOf(sessionId, runId)),
  };
}

async function agentDetails(
  context: HandlerContext,
  { sessionId }: SessionState,
  run: Run,
): Promise<AgentDetails> {
  const started = await dataAt<SessionEventData['agent.started']>(context, sessionId, run.seq);
  const end = 'endedAt' in run ? await dataAt<EndData>(context, sessionId, run.endSeq) : undefined;
  const { result = null, error = null, reason = null } = end ?? {};
  return { ...agentInfo(context.manager, sessionId, run), input: started.input, result, error, reason };
}

type EndData = { readonly result?: Json; readonly error?: AgentDetails['error']; readonly reason?: string };

async function dataAt<Data>({ journal }: HandlerContext, sessionId: string, seq: number): Promise<Data> {
  const { events } = await journal.readFrom(sessionStream(sessionId), seq - 1, { limit: 1 });
  return events[0]?.data as Data;
}
