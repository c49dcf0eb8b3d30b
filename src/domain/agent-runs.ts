// The agents that a session runs: those at work, by run, and the newest of those that have ended. Inputs and results stay
// in the journal; the state holds where.
import type { Json } from '../base/json.ts';
import { ShardedMap } from '../base/sharded-map.ts';

/** permanent: always started again; transient: after a crash; temporary: never. */
export const restartTypes = ['permanent', 'transient', 'temporary'] as const;
export type AgentRestart = (typeof restartTypes)[number];

/** `crashed` is between a crash and the next incarnation; the last three are ends. */
export const agentStatuses = ['running', 'crashed', 'completed', 'failed', 'stopped'] as const;

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
}

/** Which incarnation of which run. */
export interface AgentPlace {
  readonly runId: string;
  /** Counted from 1 over the whole life of the run, restarts of the process included. */
  readonly incarnation: number;
}

/** A run that has not ended. Between a crash and the next incarnation it is `crashed`. */
export interface AgentRun extends Omit<AgentStart, 'input'>, AgentPlace {
  readonly status: 'running' | 'crashed';
  readonly crashes: number;
  readonly startedAt: number;
  /** The seq of its `agent.started`, where its input is. */
  readonly seq: number;
}

export type AgentOutcome = 'completed' | 'failed' | 'stopped';

export interface EndedAgentRun extends Omit<AgentRun, 'status'> {
  readonly status: AgentOutcome;
  readonly endedAt: number;
  /** The seq of the event that ended it, where its result or error is. */
  readonly endSeq: number;
}

export interface AgentRuns {
  readonly open: ShardedMap<AgentRun>;
  /** Oldest first. */
  readonly ended: readonly EndedAgentRun[];
}

export const noAgents: AgentRuns = { open: ShardedMap.empty, ended: [] };

/** So many ended runs are remembered by the state; the journal has them all. */
const maxEndedRuns = 100;

export function withStarted(
  runs: AgentRuns,
  { input: _, ...start }: AgentStart,
  at: number,
  seq: number,
): AgentRuns {
  const run: AgentRun = { ...start, incarnation: 1, status: 'running', crashes: 0, startedAt: at, seq };
  return { ...runs, open: runs.open.set(start.runId, run) };
}

export function withCrashed(runs: AgentRuns, { runId }: AgentPlace): AgentRuns {
  return changed(runs, runId, (run) => ({ ...run, status: 'crashed', crashes: run.crashes + 1 }));
}

export function withRestarted(runs: AgentRuns, { runId, incarnation }: AgentPlace): AgentRuns {
  return changed(runs, runId, (run) => ({ ...run, incarnation, status: 'running' }));
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
  const ended = [...runs.ended, { ...run, status, endedAt, endSeq }].slice(-maxEndedRuns);
  return { open: runs.open.delete(runId), ended };
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
