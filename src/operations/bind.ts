// Operations and their handlers become the one dispatch function: check the input, look at the signal, hand it on.
import type { Clock } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { canonicalJson } from '../base/json.ts';
import type { OwnershipClaim } from '../domain/handoff/handoff.ts';
import { type Glance, glanceOf } from './glance.ts';
import { type CallOptions, type Dispatch, type Operation, optionFault, parseInput } from './operation.ts';
import { ownershipClaim } from './ownership-option.ts';
import { type OperationName, type OutputOf, operations, type ParsedInputOf } from './registry.ts';
import { bounded } from './schema.ts';

/** What a handler knows of the call beside its input. */
export interface Call {
  readonly operationId?: string;
  /** Whose key that is, where the commands of many go to one stream. */
  readonly keyOf?: string;
  /** SHA-256 of operation and input: the same key with another digest is another request. */
  readonly digest?: string;
  readonly correlation?: string;
  readonly by?: string;
  /** What the answer must have reached at least. */
  readonly durability?: 'os' | 'fsync';
  /** Aborted when the caller does not wait any more; for what waits itself. */
  readonly signal?: AbortSignal;
  /** As whom it is sent to a session that has an owner. */
  readonly ownership?: OwnershipClaim;
  /** Set for the commands of a process manager: the event that caused it. */
  readonly source?: {
    readonly manager: string;
    readonly stream: string;
    readonly seq: number;
    readonly index: number;
  };
  /** Set for what an agent calls through its handle: which incarnation of which run it is. */
  readonly agent?: { readonly run: string; readonly incarnation: number };
}

type Handler<Name extends OperationName> = (
  input: ParsedInputOf<Name>,
  call: Call,
) => Promise<OutputOf<Name>> | OutputOf<Name>;

export type Handlers<Names extends OperationName = OperationName> = {
  readonly [Name in Names]: Handler<Name>;
};

export interface BindOptions {
  readonly handlers: Handlers;
  readonly clock: Clock;
  /** How long a call may take; null waits for ever. */
  readonly timeoutMs: number | null;
  /** Called first; throws when nothing may be dispatched. */
  readonly admit: () => void;
}

const noCall: Call = {};

/** Runs an operation for a caller inside the system, who says himself how the call is identified. */
export type Invoke = (operation: string, input: unknown, call: Call) => Promise<unknown>;

/** The dispatch of one who is named on all that he calls. */
export type DispatchAs = (caller: Pick<Call, 'agent' | 'by'>) => Dispatch;

export function bindOperations({ handlers, clock, timeoutMs, admit }: BindOptions): {
  dispatch: Dispatch;
  dispatchAs: DispatchAs;
  invoke: Invoke;
} {
  const bound = boundTo(handlers);
  const find = (name: string): BoundOperation => {
    const found = bound.get(name);
    if (found === undefined) throw new HoldfastError('UNKNOWN_OPERATION', { operation: name });
    return found;
  };
  const start = (name: string, input: unknown, options: CallOptions | undefined, caller: Call): unknown => {
    admit();
    if (options !== undefined) assertOptions(name, options);
    options?.signal?.throwIfAborted();
    const operation = find(name);
    const checked = checkedInput(operation, input);
    return operation.handle(
      checked,
      options === undefined ? caller : callOf(operation.name, checked, options, caller),
    );
  };
  const dispatchAs =
    (caller: Call): Dispatch =>
    (name, input, options) => {
      const outcome = promised(() => start(name, input, options, caller));
      if (options?.signal === undefined && timeoutMs === null) return outcome;
      return raced(outcome, name, options?.signal, clock, timeoutMs);
    };
  return {
    dispatch: dispatchAs(noCall),
    dispatchAs,
    invoke: async (name, input, call) => {
      const operation = find(name);
      return operation.handle(checkedInput(operation, input), call);
    },
  };
}

interface BoundOperation {
  readonly name: OperationName;
  readonly operation: Operation;
  readonly glance: Glance | undefined;
  readonly handle: (input: unknown, call: Call) => unknown;
}

function boundTo(handlers: Handlers): ReadonlyMap<string, BoundOperation> {
  const names = Object.keys(operations) as OperationName[];
  return new Map(
    names.map((name) => {
      const operation = operations[name];
      const handle = handlers[name] as BoundOperation['handle'];
      return [name, { name, operation, glance: glanceOf(operation.input), handle }];
    }),
  );
}

/** What `start` answers, as a promise: what it throws at once is a rejection too. A promise is handed on as it is. */
function promised(start: () => unknown): Promise<unknown> {
  try {
    const outcome = start();
    return outcome instanceof Promise ? outcome : Promise.resolve(outcome);
  } catch (error) {
    return Promise.reject(error);
  }
}

function checkedInput({ name, operation, glance }: BoundOperation, input: unknown): unknown {
  return bounded('input', glance?.(input) ?? parseInput(name, operation, input));
}

const optionNames: ReadonlySet<string> = new Set([
  'signal',
  'idempotencyKey',
  'correlation',
  'by',
  'durability',
  'ownership',
]);

/** A key with a misspelt name would protect nothing, and nobody would notice. */
function assertOptions(operation: string, options: CallOptions): void {
  if (typeof options !== 'object' || options === null)
    throw optionFault(operation, undefined, 'they must be an object');
  for (const name of Object.keys(options))
    if (!optionNames.has(name)) throw optionFault(operation, name, 'there is no option of this name');
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw optionFault(operation, 'signal', 'it must be an AbortSignal');
}

function callOf(
  name: OperationName,
  input: unknown,
  { idempotencyKey, correlation, by, signal, durability, ownership }: CallOptions,
  caller: Call,
): Call {
  if (idempotencyKey !== undefined) assertKey(name, idempotencyKey);
  if (durability !== undefined) assertDurability(name, durability);
  const call: { -readonly [Member in keyof Call]: Call[Member] } = { ...caller };
  if (signal !== undefined) call.signal = signal;
  if (durability !== undefined) call.durability = durability;
  if (ownership !== undefined) call.ownership = ownershipClaim(name, ownership);
  if (idempotencyKey !== undefined) {
    call.operationId = idempotencyKey;
    // As the canonical JSON of both in an array.
    call.digest = sha256(`["${name}",${canonicalJson(input)}]`);
  }
  if (correlation !== undefined) call.correlation = shortText(name, 'correlation', correlation);
  if (by !== undefined) call.by = shortText(name, 'by', by);
  return call;
}

function assertKey(operation: OperationName, key: string): void {
  if (operations[operation].kind === 'read')
    throw optionFault(operation, 'idempotencyKey', 'a read takes none');
  if (typeof key !== 'string' || key.length === 0)
    throw optionFault(operation, 'idempotencyKey', 'it must be a text');
  shortText(operation, 'idempotencyKey', key);
  if (hasLoneSurrogate(key)) throw optionFault(operation, 'idempotencyKey', 'it is not well-formed Unicode');
}

function assertDurability(operation: OperationName, durability: unknown): void {
  if (operations[operation].kind === 'read') throw optionFault(operation, 'durability', 'a read takes none');
  if (durability !== 'os' && durability !== 'fsync')
    throw optionFault(operation, 'durability', 'it must be "os" or "fsync"');
}

function shortText(operation: OperationName, option: keyof CallOptions, text: string): string {
  if (typeof text !== 'string' || text.length > 255)
    throw optionFault(operation, option, 'it must be a text of at most 255 characters');
  return text;
}

/** Two keys that differ only in lone surrogates would be one key in UTF-8. */
function hasLoneSurrogate(text: string): boolean {
  return /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text);
}

/** The outcome, unless the signal or the time limit ends the wait first. What was sent may still take effect. */
async function raced(
  outcome: Promise<unknown>,
  operation: string,
  signal: AbortSignal | undefined,
  clock: Clock,
  timeoutMs: number | null,
): Promise<unknown> {
  const cleanups: (() => void)[] = [];
  const ended = new Promise<never>((_, reject) => {
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    cleanups.push(() => signal?.removeEventListener('abort', abort));
    if (timeoutMs === null) return;
    const late = (): void => reject(new HoldfastError('OPERATION_TIMEOUT', { operation, timeoutMs }));
    cleanups.push(clock.schedule(timeoutMs, late));
  });
  try {
    return await Promise.race([outcome, ended]);
  } finally {
    for (const cleanup of cleanups) cleanup();
    outcome.catch(() => undefined);
  }
}
