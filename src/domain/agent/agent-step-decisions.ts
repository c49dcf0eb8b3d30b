// What commands of durable steps lead to. A step is finished once: a command that comes again finds what the first has led to.

import { type Decision, type Proposal, type Refusal, refuse } from '../law.ts';
import { type SessionState, statusOf } from '../session/session-state.ts';
import { edge, wakesTo } from '../session/status-edge.ts';
import type { AgentRun } from './agent-runs.ts';
import { workOf } from './agent-runs.ts';
import type { StepCommand } from './agent-step-events.ts';
import {
  hasBegun,
  maxKeptSignals,
  maxPending,
  maxSteps,
  type PendingWait,
  pendingOf,
  type RunWork,
  waitsOf,
} from './run-work.ts';

type OwnCommand = Exclude<StepCommand, { type: 'timer.fire' | 'wait.expire' | 'run.signal' }>;

const nothing: Decision = { events: [] };

export function decideStep(
  state: SessionState,
  command: StepCommand,
  stale: (runId: string, incarnation: number, run?: AgentRun) => Refusal,
): Decision {
  switch (command.type) {
    case 'run.signal':
      return receiveSignal(state, command);
    case 'timer.fire': {
      const { type: _, ...data } = command;
      const isOpen = workOf(state.agents, data.runId).timers.some(({ step }) => step === data.step);
      return isOpen ? { events: [{ type: 'timer.fired', data }] } : nothing;
    }
    case 'wait.expire': {
      const { type: _, ...data } = command;
      const isOpen = workOf(state.agents, data.runId).waits.some(({ step }) => step === data.step);
      return isOpen ? { events: [{ type: 'wait.expired', data }] } : nothing;
    }
    default: {
      const { runId, incarnation } = command;
      const run = state.agents.open.get(runId);
      if (run?.incarnation !== incarnation || run.status !== 'running')
        return { refusal: stale(runId, incarnation, run) };
      return decideOwn(state, command, workOf(state.agents, runId));
    }
  }
}

function decideOwn(state: SessionState, command: OwnCommand, work: RunWork): Decision {
  if (command.type === 'run.park') return park(command, work);
  const place = work.steps.get(command.step);
  if (place !== undefined) return { events: [], reply: { recorded: place.seq } };
  switch (command.type) {
    case 'step.complete': {
      const { type: _, ...data } = command;
      return finished(state, work, { type: 'step.completed', data });
    }
    case 'step.fail': {
      const { type: _, ...data } = command;
      return finished(state, work, { type: 'step.failed', data });
    }
    case 'effect.judge': {
      const { type: _, ...data } = command;
      const startedSeq = work.effects.find(({ step }) => step === data.step)?.seq;
      if (startedSeq === undefined) return nothing;
      return { events: [{ type: 'effect.unknown', data: { ...data, startedSeq } }] };
    }
    case 'effect.start': {
      const { type: _, ...data } = command;
      return begun(state, work, data.step, { type: 'effect.started', data });
    }
    case 'timer.set': {
      const { type: _, ...data } = command;
      return begun(state, work, data.step, { type: 'timer.set', data });
    }
    case 'wait.start':
      return startWait(state, work, command);
  }
}

/** Only what knows of everything that it waits for may be parked: nothing has come meanwhile. */
function park({ runId, incarnation, waits }: OwnCommand & { type: 'run.park' }, work: RunWork): Decision {
  if (waits !== waitsOf(work) || work.effects.length > 0) return { events: [], reply: { parked: false } };
  return { events: [{ type: 'agent.parked', data: { runId, incarnation } }], reply: { parked: true } };
}

function finished({ sessionId }: SessionState, { steps }: RunWork, event: Proposal): Decision {
  if (steps.size < maxSteps) return { events: [event] };
  const what = 'list of finished steps of a run';
  return refuse('AT_CAPACITY', { what, sessionId, size: steps.size, limit: maxSteps });
}

function begun({ sessionId }: SessionState, work: RunWork, step: string, event: Proposal): Decision {
  if (hasBegun(work, step)) return nothing;
  const size = pendingOf(work);
  if (size < maxPending) return { events: [event] };
  return refuse('AT_CAPACITY', { what: 'list of open steps of a run', sessionId, size, limit: maxPending });
}

/** The first signal of its name that was kept is taken at once. */
function startWait(
  state: SessionState,
  work: RunWork,
  { type: _, ...data }: OwnCommand & { type: 'wait.start' },
): Decision {
  const decision = begun(state, work, data.step, { type: 'wait.started', data });
  const kept = work.signals.find(({ name }) => name === data.signal);
  if ('refusal' in decision || decision.events.length === 0 || kept === undefined) return decision;
  const { runId, step } = data;
  const taken: Proposal = { type: 'wait.signaled', data: { runId, step, signal: kept.seq } };
  return { events: [...decision.events, taken] };
}

/** A signal is content: it wakes a session that is idle or dormant. One that is paused keeps it. */
function receiveSignal(
  state: SessionState,
  { type, runId, name, payload }: StepCommand & { type: 'run.signal' },
): Decision {
  const found = addressee(state, runId, name);
  if ('refusal' in found) return found;
  const { to, wait } = found;
  const { signals } = workOf(state.agents, to);
  if (wait === undefined && signals.length >= maxKeptSignals) {
    const { sessionId } = state;
    const what = 'list of signals that are kept for a run';
    return refuse('AT_CAPACITY', { what, sessionId, size: signals.length, limit: maxKeptSignals });
  }
  const data = { runId: to, name, payload, ...(wait && { step: wait.step }) };
  const received: Proposal = { type: 'signal.received', data };
  const reply = { runId: to, taken: wait !== undefined };
  return { events: [...wakingEdge(state, type), received], reply };
}

function wakingEdge(state: SessionState, cause: string): readonly Proposal[] {
  const status = statusOf(state);
  const wakes = status === 'idle' || (status === 'dormant' && wakesTo(state) === 'active');
  return wakes ? [edge(state, 'active', 'activity', cause)] : [];
}

type Addressee = { readonly to: string; readonly wait: PendingWait | undefined };

function addressee(
  { sessionId, agents }: SessionState,
  runId: string | undefined,
  name: string,
): Addressee | { readonly refusal: Refusal } {
  const waitOf = (of: string): PendingWait | undefined =>
    workOf(agents, of).waits.find(({ signal }) => signal === name);
  if (runId !== undefined) {
    if (agents.open.has(runId)) return { to: runId, wait: waitOf(runId) };
    const ended = agents.ended.find((run) => run.runId === runId);
    return ended === undefined
      ? refuse('AGENT_NOT_FOUND', { sessionId, runId })
      : refuse('AGENT_RUN_ENDED', { sessionId, runId, status: ended.status });
  }
  const open = [...agents.open.entries()].map(([id]) => id);
  const waiting = open.filter((id) => waitOf(id) !== undefined);
  const [to, ...others] = waiting.length > 0 ? waiting : open;
  if (to !== undefined && others.length === 0) return { to, wait: waitOf(to) };
  return refuse('SIGNAL_UNADDRESSED', { sessionId, name, open: open.length, waiting: waiting.length });
}
