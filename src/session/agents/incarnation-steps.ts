// What an incarnation gives to its durable steps.
import type { TaskScope } from '../../actor/task-scope.ts';
import { HoldfastError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { type Json, plainJson } from '../../base/json.ts';
import { faultOfChild } from '../../base/step-faults.ts';
import { narrowed } from '../../domain/agent/agent-budget.ts';
import type { AgentRun, AgentStart } from '../../domain/agent/agent-runs.ts';
import type { RunWork } from '../../domain/agent/run-work.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import { type AgentPermits, permitHandle } from '../permits/permit-handle.ts';
import type { AgentHost } from './agent-host.ts';
import { failureOf } from './agent-policy.ts';
import { AgentSteps } from './agent-steps.ts';
import type { SessionHandle } from './session-handle.ts';
import type { ChildOptions } from './step-handles.ts';

export interface StepsOwner {
  readonly run: AgentRun;
  readonly incarnation: number;
  readonly scope: TaskScope;
  readonly record: (command: SessionCommand, meta: CommandMeta) => Promise<Answer>;
  readonly progressed: () => void;
  readonly goesOn: () => void;
  readonly crash: (error: Error) => void;
  readonly parked: () => void;
}

export function stepsOf(host: AgentHost, owner: StepsOwner, work: RunWork): AgentSteps {
  const { sessionId, clock, codecs, agents, readEvents: read } = host;
  const { run, incarnation, scope, progressed, goesOn } = owner;
  const { runId, agent } = run;
  const meta: CommandMeta = { agent: { run: runId, incarnation }, by: `agent:${agent}` };
  const options = {
    ...{ sessionId, runId, incarnation, clock, scope, codecs, read, progressed, goesOn },
    record: (command: SessionCommand) => owner.record(command, meta),
    childStart: (child: string, input: Json, given: ChildOptions) => childStart(host, child, input, given),
    // Not one that was given before: a permanent run has the same steps in each of its rounds.
    childId: (step: string) => `c${sha256(`${runId}/${incarnation}/${step}`).slice(0, 24)}`,
    fault: owner.crash,
    ...(agents.isFunction(agent) && { parked: owner.parked }),
  };
  return new AgentSteps(options, work);
}

type Nullable<T> = { readonly [Name in keyof T]: T[Name] | null };

function childStart(
  { agents }: AgentHost,
  agent: string,
  input: Json,
  given: Nullable<ChildOptions>,
): Omit<AgentStart, 'runId'> {
  agents.assertRegistered(agent);
  const fault = faultOfChild(given);
  if (fault !== undefined) throw new HoldfastError('INVALID_INPUT', { operation: 'child', ...fault });
  const { role = null, restart = 'transient', timeoutMs = null, budget } = given;
  const found = narrowed(agents.policy(agent).budget, budget ?? undefined);
  if ('wider' in found) {
    const field = `budget.${found.wider}`;
    const problem = `${field}: it may narrow what holds for the agent, ${found.limit}, and not widen it`;
    throw new HoldfastError('INVALID_INPUT', { operation: 'child', field, problem });
  }
  const start = { agent, input, role, restart: restart ?? 'transient', timeoutMs };
  return found.budget === undefined ? start : { ...start, budget: found.budget };
}

/** Permits for as long as the incarnation goes on. */
export function permitsOf(
  { agents, clock }: AgentHost,
  { agent }: AgentRun,
  session: SessionHandle,
  signal: AbortSignal,
  steps: AgentSteps | undefined,
): AgentPermits {
  return permitHandle({
    ...{ session, signal, clock },
    failureOf: (error) => failureOf(agents.policy(agent), error, clock.now()),
    during: (call) => steps?.during(call) ?? call,
  });
}

/** Streams chunks for as long as the incarnation goes on. */
export function streamOf(
  { agents, sessionId, clock, codecs, announce }: AgentHost,
  { runId }: AgentRun,
  incarnation: number,
  signal: AbortSignal,
): (chunk: unknown) => void {
  return (given) => {
    if (signal.aborted) throw signal.reason;
    const chunk = plainJson(codecs === undefined ? given : codecs.encode(given), 'chunk');
    const index = agents.streams.add(sessionId, runId, incarnation, clock.now(), chunk);
    announce('agent.streamed', Object.freeze({ runId, incarnation, index, chunk }));
  };
}
