// A session in the hands of one incarnation of an agent: the operations of the Client without the session's id. It is
// revoked before the next incarnation starts; what was called and not answered by then rejects.
import { eitherSignal } from '../../base/either-signal.ts';
import { HoldfastError } from '../../base/errors.ts';
import type { Usage } from '../../domain/agent/agent-budget.ts';
import {
  methodOf,
  methodsOf,
  type Namespaces,
  namesBySpace,
  type Verbs,
} from '../../operations/namespaces.ts';
import type { CallOptions, Dispatch } from '../../operations/operation.ts';
import { type InputOf, type OperationName, type OutputOf, operations } from '../../operations/registry.ts';

/** The operations on one session. */
type SessionOperation = {
  [Name in OperationName]: InputOf<Name> extends { sessionId: string } ? Name : never;
}[OperationName];

/**
 * The session of an agent: `session.messages.send({ role, content })`, `session.memory.set({ key, value })`, and what the
 * Client has as `sessions.get`, `sessions.pause` and so on, as `session.get()`, `session.pause()`.
 */
export type SessionHandle = Omit<Namespaces<SessionOperation, 'sessionId'>, 'sessions'> &
  Verbs<SessionOperation, 'sessions', 'sessionId'> & {
    readonly id: string;
    readonly runId: string;
    readonly incarnation: number;
    /**
     * Says what this run has spent since it last said so; answers with all that it has spent. Budgets count it. Several calls may be
     * added up into one report; what was not reported before a crash is not known.
     */
    report(usage: Partial<Usage>, options?: CallOptions): Promise<OutputOf<'agents.report'>>;
  };

export interface HandleOptions {
  readonly sessionId: string;
  readonly runId: string;
  readonly incarnation: number;
  readonly dispatch: Dispatch;
  /** Aborted when the handle is revoked. */
  readonly signal: AbortSignal;
  /** A write has become durable. */
  readonly progressed: () => void;
  /** An answer is about to be handed over. */
  readonly goesOn?: (() => void) | undefined;
}

const isOfSession = (name: OperationName): boolean => {
  const { sessionId } = operations[name].input.shape as { sessionId?: { isOptional(): boolean } };
  return sessionId !== undefined && !sessionId.isOptional();
};

const { sessions: ownVerbs = new Map<string, OperationName>(), ...otherSpaces } = Object.fromEntries(
  namesBySpace(isOfSession),
);

/** Of its many methods most agents use a few: a namespace is made when it is first asked for. */
class LazyHandle {
  readonly id: string;
  readonly runId: string;
  readonly incarnation: number;
  readonly #options: HandleOptions;
  readonly #spaces = new Map<string, object>();

  constructor(options: HandleOptions) {
    this.#options = options;
    this.id = options.sessionId;
    this.runId = options.runId;
    this.incarnation = options.incarnation;
    Object.freeze(this);
  }

  static {
    const define = (name: string, get: (this: LazyHandle) => unknown): void => {
      Object.defineProperty(LazyHandle.prototype, name, { get, enumerable: true });
    };
    for (const [verb, name] of ownVerbs)
      define(verb, function () {
        return methodOf(this.#call, name);
      });
    for (const [space, verbs] of Object.entries(otherSpaces))
      define(space, function () {
        return this.#space(space, verbs);
      });
    define('report', function () {
      return (usage: object, given?: CallOptions) =>
        this.#call('agents.report', { ...usage, runId: this.runId }, given);
    });
  }

  readonly #call = (name: OperationName, input: object | undefined, given?: CallOptions): Promise<unknown> =>
    callFor(this.#options, name, input, given);

  #space(space: string, verbs: ReadonlyMap<string, OperationName>): object {
    const made = this.#spaces.get(space) ?? Object.freeze(methodsOf(this.#call, verbs));
    this.#spaces.set(space, made);
    return made;
  }
}

export const sessionHandle = (options: HandleOptions): SessionHandle =>
  new LazyHandle(options) as unknown as SessionHandle;

/** Writes after which nothing of the run has got any further. */
const leavesNothing: ReadonlySet<OperationName> = new Set<OperationName>([
  ...(['agents.report', 'permits.acquire', 'permits.release'] as const),
]);

async function callFor(
  options: HandleOptions,
  name: OperationName,
  input: object | undefined,
  given: CallOptions = {},
): Promise<unknown> {
  const { sessionId, runId, incarnation, dispatch, signal, progressed, goesOn } = options;
  const revoked = (): HoldfastError =>
    new HoldfastError('STALE_INCARNATION', { sessionId, runId, incarnation, current: 'its end' });
  if (signal.aborted) throw revoked();
  const either = eitherSignal(signal, given.signal ?? signal);
  try {
    const answer = await dispatch(name, { ...input, sessionId }, { ...given, signal: either.signal });
    if (operations[name].kind === 'write' && !leavesNothing.has(name)) progressed();
    return answer;
  } catch (error) {
    throw signal.aborted ? revoked() : error;
  } finally {
    either.release();
    goesOn?.();
  }
}
