// The agents that a system knows, by name: asynchronous functions, or any XState actor logic.
import type { AnyActorLogic } from 'xstate';
import { functionLogic } from '../actor/agent-logic.ts';
import type { TaskScope } from '../actor/task-scope.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Json } from '../base/json.ts';
import type { SessionHandle } from './session-handle.ts';

/** What an agent is given: a function as its argument, a machine as its input. */
export interface AgentContext<Input extends Json = Json> {
  /** The session, for this incarnation alone: once it ends, every method rejects with `STALE_INCARNATION`. */
  readonly session: SessionHandle;
  /** What `agents.start` was given. */
  readonly input: Input;
  /** Aborted when this incarnation is to end. */
  readonly signal: AbortSignal;
}

/**
 * An agent: an asynchronous function whose result is journaled, or XState actor logic whose output is.
 *
 * @remarks It may run again with the same input after a crash, a restart of the session or of the process: at least once.
 */
// biome-ignore lint/suspicious/noExplicitAny: each agent names the type of its own input
export type AgentDefinition = ((context: AgentContext<any>) => unknown) | AnyActorLogic;

export type AgentDefinitions = Readonly<Record<string, AgentDefinition>>;

export class AgentRegistry {
  readonly #definitions: ReadonlyMap<string, AgentDefinition>;

  constructor(definitions: AgentDefinitions) {
    this.#definitions = new Map(Object.entries(definitions));
  }

  has(name: string): boolean {
    return this.#definitions.has(name);
  }

  /** What to run under a name; the promise of a function is a task of the scope. Throws `AGENT_NOT_REGISTERED`. */
  logic(agent: string, scope: TaskScope): AnyActorLogic {
    const definition = this.#definitions.get(agent);
    if (definition === undefined) throw new HoldfastError('AGENT_NOT_REGISTERED', { agent });
    if (typeof definition !== 'function') return definition;
    return functionLogic((context) => scope.run(agent, async () => definition(context as AgentContext)));
  }

  /** Throws `AGENT_NOT_REGISTERED`. */
  assertRegistered(agent: string): void {
    if (!this.has(agent)) throw new HoldfastError('AGENT_NOT_REGISTERED', { agent });
  }
}
