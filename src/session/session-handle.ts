// A session in the hands of one incarnation of an agent: the operations of the Client without the session's id. It is
// revoked before the next incarnation starts; what was called and not answered by then rejects.
import { eitherSignal } from '../base/either-signal.ts';
import { HoldfastError } from '../base/errors.ts';
import type { Usage } from '../domain/agent-budget.ts';
import { type Namespaces, namespaces, type Verbs } from '../operations/namespaces.ts';
import type { CallOptions, Dispatch } from '../operations/operation.ts';
import { type InputOf, type OperationName, type OutputOf, operations } from '../operations/registry.ts';

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

export function sessionHandle(options: HandleOptions): SessionHandle {
  const { sessionId, runId, incarnation } = options;
  const call = (name: OperationName, input: object | undefined, given?: CallOptions): Promise<unknown> =>
    callFor(options, name, input, given);
  const { sessions = {}, ...spaces } = namespaces(call, isOfSession);
  return Object.freeze({
    ...sessions,
    ...spaces,
    id: sessionId,
    runId,
    incarnation,
    report: (usage: object, given?: CallOptions) => call('agents.report', { ...usage, runId }, given),
  }) as unknown as SessionHandle;
}

/** Writes after which nothing of the run has got any further. */
const leavesNothing: ReadonlySet<OperationName> = new Set<OperationName>([
  ...(['agents.report', 'permits.acquire', 'permits.release'] as const),
]);

const isOfSession = (name: OperationName): boolean => {
  const { sessionId } = operations[name].input.shape as { sessionId?: { isOptional(): boolean } };
  return sessionId !== undefined && !sessionId.isOptional();
};

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
