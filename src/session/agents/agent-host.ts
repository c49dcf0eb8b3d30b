// What a session gives to its agents, and what the system gives to all of them.
import type { Inspect } from '../../actor/actor-host.ts';
import type { Clock } from '../../base/clock.ts';
import type { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import type { PayloadCodecs } from '../../base/payload-codec.ts';
import type { Telemetry } from '../../base/telemetry.ts';
import type { AgentRun } from '../../domain/agent/agent-runs.ts';
import type { RunWork } from '../../domain/agent/run-work.ts';
import type { SessionCommand } from '../../domain/session/session-commands.ts';
import type { Answer, CommandMeta } from '../../entity/command-meta.ts';
import type { DispatchAs } from '../../operations/bind.ts';
import type { AgentRegistry } from './agent-definitions.ts';
import type { ReadEvents } from './step-records.ts';

/** Whose code it is: its stray errors are its crash, and what it blocks is told under its name. */
export interface StrayOwner {
  readonly sessionId: string;
  readonly agent: string;
  readonly runId: string;
  crash(error: Error): void;
}

/** What the agents of all sessions share. */
export interface AgentPorts {
  readonly agents: AgentRegistry;
  readonly dispatchAs: DispatchAs;
  /** For inputs and results that are not plain JSON. */
  readonly codecs?: PayloadCodecs;
  /** Runs code of an agent in such a way that its stray errors can be traced to its incarnation. */
  readonly runOwned: <T>(owner: StrayOwner, run: () => T) => T;
  /** The code of an agent is about to go on with an answer; only where somebody watches. */
  readonly goesOn?: ((owner: StrayOwner) => void) | undefined;
}

export interface AgentHost extends AgentPorts {
  readonly sessionId: string;
  /** Tells whoever listens now. */
  readonly announce: (type: string, data: Json) => void;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** How long an agent may take to end once it was told to. */
  readonly shutdownMs: () => number;
  readonly inspect?: Inspect;
  /** What the run was started with, from the journal. */
  readonly readInput: (run: AgentRun) => Promise<Json>;
  /** The run as it is durable now; undefined once it has ended. */
  readonly findRun: (runId: string) => AgentRun | undefined;
  /** The run may not be begun once more: its budget is used up. */
  readonly exhausted: (run: AgentRun, error: HoldfastError) => void;
  /** Makes durable what became of a run; tried again while the journal fails, unless `signal` is aborted by then. */
  readonly record: (command: SessionCommand, signal?: AbortSignal, meta?: CommandMeta) => Promise<Answer>;
  /** The durable steps of a run, as they are now. */
  readonly findWork: (runId: string) => RunWork;
  readonly readEvents: ReadEvents;
  /** The incarnation of a run has only waited, and that is recorded: it is to end. */
  readonly parked: (run: AgentRun) => void;
}
