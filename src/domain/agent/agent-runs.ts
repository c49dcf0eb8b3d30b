// The agents that a session runs: those at work, by run, and the newest of those that have ended. Inputs and results stay
// in the journal; the state holds where.
import type { Json } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import {
  type AgentBudget,
  noAccount,
  type RunAccount,
  type Usage,
  withProgress,
  withStart,
  withSurvival,
  withUsage,
  withWait,
} from './agent-budget.ts';
import { dueAtOf, noWork, type RunWork, withFinished } from './run-work.ts';

/** permanent: always started again; transient: after a crash; temporary: never. */
export const restartTypes = ['permanent', 'transient', 'temporary'] as const;
export type AgentRestart = (typeof restartTypes)[number];

/**
 * `crashed` is between a crash and the next incarnation, `waiting` between a rate limit and the next, `parked` has nothing to do
 * until what it waits for has come; `completed`, `failed` and `stopped` are ends.
 */
export const agentStatuses = [
  ...(['running', 'crashed', 'completed', 'failed', 'stopped', 'waiting', 'parked'] as const),
] as const;

/** What an agent was started with. */
export interface AgentStart {
  readonly runId: string;
  /** The name under which its logic is registered. */
  readonly agent: string;
  /** What it does in the session, for lookup; several may share one. */
  readonly role: string | null;
  readonly restart: AgentRestart;
  /** An incarnation that takes longer has crashed; null for no limit. */
  readonly timeoutMs: number | null;
  readonly input: Json;
  /** Its numbers where they are not the defaults. */
  readonly budget?: AgentBudget;
  /** The run that it is a child of, and the step of it that waits for its result. */
  readonly parentRunId?: string;
  readonly parentStep?: string;
}

/** Which incarnation of which run. */
export interface AgentPlace {
  readonly runId: string;
  /** Counted from 1 over the whole life of the run, restarts of the process included. */
  readonly incarnation: number;
}

/** A run that has not ended. Between a crash and the next incarnation it is `crashed`. */
export interface AgentRun extends Omit<AgentStart, 'input'>, AgentPlace {
  readonly status: 'running' | 'crashed' | 'waiting' | 'parked';
  readonly crashes: number;
  readonly startedAt: number;
  /** The seq of its `agent.started`, where its input is. */
  readonly seq: number;
  /** Absent until something is charged to it. */
  readonly account?: RunAccount;
  /** Of one that waits: until when. */
  readonly resumesAt?: number;
  /** It was parked, and what it waited for has come. */
  readonly woken?: true;
}

export type AgentOutcome = 'completed' | 'failed' | 'stopped';

export interface EndedAgentRun extends Omit<AgentRun, 'status' | 'resumesAt' | 'woken'> {
  readonly status: AgentOutcome;
  readonly endedAt: number;
  /** The seq of the event that ended it, where its result or error is. */
  readonly endSeq: number;
}

export interface AgentRuns {
  readonly open: ShardedMap<AgentRun>;
  /** Oldest first. */
  readonly ended: readonly EndedAgentRun[];
  /** The durable steps of those that are open; a run without any has none. */
  readonly work: ShardedMap<RunWork>;
  /** When the first of their timers and deadlines is due. */
  readonly dueAt: number | null;
  /** How many of them are parked. */
  readonly parked: number;
}

export const noAgents: AgentRuns = {
  open: ShardedMap.empty,
  ended: [],
  work: ShardedMap.empty,
  dueAt: null,
  parked: 0,
};

export const workOf = (runs: AgentRuns, runId: string): RunWork => runs.work.get(runId) ?? noWork;

/** True while none of the open runs has anything to do. */
export const allParked = ({ open, parked }: AgentRuns): boolean => parked === open.size;

/** So many ended runs are remembered by the state; the journal has them all. */
const maxEndedRuns = 100;

export function withStarted(
  runs: AgentRuns,
  { input: _, ...start }: AgentStart,
  at: number,
  seq: number,
): AgentRuns {
  const run: AgentRun = { ...start, incarnation: 1, status: 'running', crashes: 0, startedAt: at, seq };
  const open = runs.open.set(start.runId, run);
  const { parentRunId: parent, parentStep: step } = start;
  if (parent === undefined || step === undefined || !open.has(parent)) return { ...runs, open };
  const work = workOf(runs, parent);
  const children = [...work.children, { step, runId: start.runId }];
  return { ...runs, open, work: runs.work.set(parent, { ...work, children }) };
}

export function withCrashed(runs: AgentRuns, { runId }: AgentPlace): AgentRuns {
  return changed(runs, runId, (run) => ({ ...run, status: 'crashed', crashes: run.crashes + 1 }));
}

/** Only restarts that were charged when they were recorded are: older versions did not count them. */
export function withRestarted(
  runs: AgentRuns,
  { runId, incarnation, reason, charged }: AgentPlace & { reason: string; charged?: true },
): AgentRuns {
  const unparked = runs.open.get(runId)?.status === 'parked' ? { ...runs, parked: runs.parked - 1 } : runs;
  const fresh = reason === 'ended' ? withoutSteps(unparked, runId) : unparked;
  return changed(fresh, runId, ({ resumesAt: _, woken: __, ...run }) => {
    const again: AgentRun = { ...run, incarnation, status: 'running' };
    const counts = charged === true || (reason === 'ended' && run.account !== undefined);
    return counts ? { ...again, account: withStart(run.account ?? noAccount, reason) } : again;
  });
}

export function withWaiting(
  runs: AgentRuns,
  { runId, resumesAt }: AgentPlace & { resumesAt: number },
): AgentRuns {
  return changed(runs, runId, (run) => ({
    ...run,
    ...{ status: 'waiting', account: withWait(run.account ?? noAccount), resumesAt },
  }));
}

export function withReported(runs: AgentRuns, { runId, tokens, cost }: AgentPlace & Usage): AgentRuns {
  return changed(runs, runId, (run) => ({
    ...run,
    account: withUsage(run.account ?? noAccount, { tokens, cost }),
  }));
}

export function withSettled(runs: AgentRuns, { runId }: AgentPlace): AgentRuns {
  return changed(runs, runId, (run) =>
    run.account === undefined ? run : { ...run, account: withSurvival(run.account) },
  );
}

/** Something that this run wrote became durable. The same runs when it owes nothing, as nearly always. */
export function withProgressOf(runs: AgentRuns, runId: string): AgentRuns {
  const run = runs.open.get(runId);
  if (run?.account === undefined) return runs;
  const account = withProgress(run.account);
  return account === run.account ? runs : { ...runs, open: runs.open.set(runId, { ...run, account }) };
}

export function withEnded(
  runs: AgentRuns,
  runId: string,
  status: AgentOutcome,
  endedAt: number,
  endSeq: number,
): AgentRuns {
  const run = runs.open.get(runId);
  if (run === undefined) return runs;
  const { resumesAt: _, woken: __, ...rest } = run;
  const ended = [...runs.ended, { ...rest, status, endedAt, endSeq }].slice(-maxEndedRuns);
  const left: AgentRuns = {
    ...withoutWork(runs, runId),
    open: runs.open.delete(runId),
    ended,
    parked: runs.parked - (run.status === 'parked' ? 1 : 0),
  };
  return withChildEnded(left, run, endedAt, endSeq);
}

/** The step of its parent that waits for it has finished. */
function withChildEnded(
  runs: AgentRuns,
  { parentRunId, runId }: AgentRun,
  at: number,
  seq: number,
): AgentRuns {
  const parent = parentRunId === undefined ? undefined : runs.open.get(parentRunId);
  if (parent === undefined) return runs;
  const work = workOf(runs, parent.runId);
  const child = work.children.find((pending) => pending.runId === runId);
  if (child === undefined) return runs;
  const told = { ...runs, work: runs.work.set(parent.runId, withFinished(work, child.step, { seq })) };
  return withWoken(told, parent, at);
}

/** A run that was parked has something to go on with. */
export function withWoken(runs: AgentRuns, run: AgentRun, at: number): AgentRuns {
  if (run.status !== 'parked') return runs;
  const woken: AgentRun = { ...run, status: 'waiting', resumesAt: at, woken: true };
  return { ...runs, parked: runs.parked - 1, open: runs.open.set(run.runId, woken) };
}

/** When the first timer or deadline of all runs is due. */
export function earliestOf(work: AgentRuns['work']): number | null {
  let earliest: number | null = null;
  for (const [, of] of work.entries()) {
    const dueAt = dueAtOf(of);
    if (dueAt !== null && (earliest === null || dueAt < earliest)) earliest = dueAt;
  }
  return earliest;
}

function withoutWork(runs: AgentRuns, runId: string): AgentRuns {
  if (!runs.work.has(runId)) return runs;
  const work = runs.work.delete(runId);
  return { ...runs, work, dueAt: earliestOf(work) };
}

/** It begins anew; signals that nobody has taken wait for it. */
function withoutSteps(runs: AgentRuns, runId: string): AgentRuns {
  const { signals } = workOf(runs, runId);
  const left = withoutWork(runs, runId);
  return signals.length === 0 ? left : { ...left, work: left.work.set(runId, { ...noWork, signals }) };
}

/** The run of this id, open or ended, or undefined. */
export function findRun(runs: AgentRuns, runId: string): AgentRun | EndedAgentRun | undefined {
  return runs.open.get(runId) ?? runs.ended.find((run) => run.runId === runId);
}

/** In the order in which they were started. */
export function openRuns({ open }: AgentRuns): AgentRun[] {
  return [...open.entries()].map(([, run]) => run).sort((a, b) => a.seq - b.seq);
}

function changed(runs: AgentRuns, runId: string, change: (run: AgentRun) => AgentRun): AgentRuns {
  const run = runs.open.get(runId);
  return run === undefined ? runs : { ...runs, open: runs.open.set(runId, change(run)) };
}
