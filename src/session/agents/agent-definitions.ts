// The agents that a system knows, by name: asynchronous functions, XState actor logic, or modules that are run in a thread.
import { availableParallelism } from 'node:os';
import type { AnyActorLogic } from 'xstate';
import { functionLogic } from '../../actor/agent-logic.ts';
import type { TaskScope } from '../../actor/task-scope.ts';
import { WorkerPlaces } from '../../actor/worker/worker-places.ts';
import { type Clock, delay, systemClock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Json } from '../../base/json.ts';
import { moduleUrl, type WorkerAgent } from '../../base/worker-agent.ts';
import type { Journal } from '../../journal/journal.ts';
import type { AgentPermits } from '../permits/permit-handle.ts';
import { Permits } from '../permits/permits.ts';
import type { AgentPolicy } from './agent-policy.ts';
import { AgentStreams } from './agent-streams.ts';
import { noteOrderlyEnd, OrderlyEnds } from './orderly-end.ts';
import type { SessionHandle } from './session-handle.ts';
import type { StepHandles } from './step-handles.ts';

/** What an agent is given: a function as its argument, a machine as its input. */
export interface AgentContext<Input = Json> extends StepHandles {
  /** The session, for this incarnation alone: once it ends, every method rejects with `STALE_INCARNATION`. */
  readonly session: SessionHandle;
  /** What `agents.start` was given, as it was read: its type is the agent's word, and nothing checks it. */
  readonly input: Input;
  /** Aborted when this incarnation is to end. */
  readonly signal: AbortSignal;
  /** Sends a chunk, any JSON, to whoever listens now or comes soon: `agent.streamed`, `agents.stream`. Nothing of it is journaled. */
  stream(chunk: unknown): void;
  /** Permits for what agents share, such as a model; see docs/guides/permits.md. */
  readonly permits: AgentPermits;
  /** As `session.report`. */
  readonly report: SessionHandle['report'];
}

/**
 * What is run: an asynchronous function whose result is journaled, or XState actor logic whose output is; or a WorkerAgent, whose
 * module exports either, and which can be ended whatever it does.
 *
 * @remarks It may run again with the same input after a crash, a restart of the session or of the process: at least once.
 */
// biome-ignore lint/suspicious/noExplicitAny: each agent names the type of its own input
export type AgentCode = ((context: AgentContext<any>) => unknown) | AnyActorLogic | WorkerAgent;

/** An agent with what holds for it under supervision. */
export interface PolicedAgent extends AgentPolicy {
  readonly run: AgentCode;
}

/** An agent: its code, or `{ run, budget, classify, onFatal }` with what holds for it under supervision. */
export type AgentDefinition = AgentCode | PolicedAgent;

export type AgentDefinitions = Readonly<Record<string, AgentDefinition>>;

/** How long the end of a thread may take once it is ended by force: only a synchronous call out of JavaScript takes longer. */
export const threadEndMs = 5_000;

/** Threads of agents wait for models more than they work: a few for each core. */
function defaultMaxWorkers(): number {
  return Math.max(8, 4 * availableParallelism());
}

function isWorkerAgent(definition: AgentCode | undefined): definition is WorkerAgent {
  return definition !== undefined && 'isolation' in definition;
}

const noPolicy: AgentPolicy = {};

const noPermits = (): Permits =>
  new Permits({ keys: {}, clock: systemClock, telemetry: () => {}, longestWaitMs: null });

function isPoliced(definition: AgentDefinition): definition is PolicedAgent {
  return typeof definition === 'object' && Object.hasOwn(definition, 'run');
}

const hasPolicy = (entry: [string, AgentDefinition]): entry is [string, PolicedAgent] => isPoliced(entry[1]);

const codeOf = (definition: AgentDefinition): AgentCode =>
  isPoliced(definition) ? definition.run : definition;

export class AgentRegistry {
  /** The threads of all worker agents. */
  readonly places: WorkerPlaces;
  /** What all agents have streamed of late. */
  readonly streams = new AgentStreams();
  /** Who ended last, and which runs were begun since: kept for the whole process. */
  readonly ends = new OrderlyEnds();
  /** What their incarnations hold of what all share. */
  readonly permits: Permits;
  readonly #definitions: ReadonlyMap<string, AgentCode>;
  readonly #policies: ReadonlyMap<string, AgentPolicy>;

  /** `maxWorkers` is null for {@link defaultMaxWorkers}. */
  constructor(definitions: AgentDefinitions, maxWorkers: number | null = null, permits = noPermits()) {
    this.permits = permits;
    const entries = Object.entries(definitions);
    this.#definitions = new Map(entries.map(([name, definition]) => [name, codeOf(definition)]));
    this.#policies = new Map(entries.filter(hasPolicy));
    this.places = new WorkerPlaces(maxWorkers ?? defaultMaxWorkers());
  }

  has(name: string): boolean {
    return this.#definitions.has(name);
  }

  /** True for an asynchronous function: it can be left where it waits, and run again from its beginning. */
  isFunction(name: string): boolean {
    return typeof this.#definitions.get(name) === 'function';
  }

  /** What holds for it under supervision; nothing of its own for most. */
  policy(name: string): AgentPolicy {
    return this.#policies.get(name) ?? noPolicy;
  }

  /** The module to run under a name, and the name of its export; undefined for an agent without a thread of its own. */
  worker(agent: string): (WorkerAgent & { readonly module: string; readonly export: string }) | undefined {
    const definition = this.#definitions.get(agent);
    if (!isWorkerAgent(definition)) return undefined;
    const module = moduleUrl(definition.module)?.href ?? '';
    return { ...definition, module, export: definition.export ?? 'default' };
  }

  /** How long an agent may take to end: its grace, and for a thread what it takes to see it end. */
  shutdownMs(agent: string, graceMs: number): number {
    const worker = this.worker(agent);
    return worker === undefined ? graceMs : (worker.graceMs ?? graceMs) + threadEndMs;
  }

  /**
   * Resolves when no thread is left, but for one that is deep in native code and cannot be ended before it returns; and it is
   * noted that the process ended in order.
   */
  async ended(clock: Clock, journal: Pick<Journal, 'kv' | 'epoch' | 'incident' | 'outage'>): Promise<void> {
    if (this.#definitions.size > 0) await noteOrderlyEnd(journal);
    if (this.places.running > 0) await Promise.race([this.places.idle(), delay(clock, threadEndMs)]);
  }

  /** What to run under a name; the promise of a function is a task of the scope. Throws `AGENT_NOT_REGISTERED`. */
  logic(agent: string, scope: TaskScope): AnyActorLogic {
    const definition = this.#definitions.get(agent);
    if (definition === undefined || isWorkerAgent(definition))
      throw new HoldfastError('AGENT_NOT_REGISTERED', { agent });
    if (typeof definition !== 'function') return definition;
    return functionLogic((context) => scope.run(agent, async () => definition(context as AgentContext)));
  }

  /** Throws `AGENT_NOT_REGISTERED`. */
  assertRegistered(agent: string): void {
    if (!this.has(agent)) throw new HoldfastError('AGENT_NOT_REGISTERED', { agent });
  }
}
