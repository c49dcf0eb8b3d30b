// What the main thread and the thread of one agent say to each other: plain data, errors with their code and details.
import { errorCatalogue } from '../../base/error-catalogue.ts';
import { type ErrorCode, HoldfastError, toError } from '../../base/errors.ts';
import { failureHints } from '../../base/failure-hints.ts';
import type { Json } from '../../base/json.ts';

/** What a thread runs, and with what. */
export interface WorkerJob {
  /** The URL of the module, and the name under which it exports a function or actor logic. */
  readonly module: string;
  readonly export: string;
  readonly input: Json;
  /** The plain members of the agent's `session`. */
  readonly identity: Readonly<Record<string, Json>>;
  /** Its methods, such as `get` and `messages.send`. */
  readonly methods: readonly string[];
}

export type ToWorker =
  | { readonly type: 'abort'; readonly reason: WireError }
  | { readonly type: 'answer'; readonly call: number; readonly value: unknown }
  | { readonly type: 'refusal'; readonly call: number; readonly error: WireError };

export type FromWorker =
  | {
      readonly type: 'call';
      readonly call: number;
      readonly method: string;
      readonly input: Json | undefined;
      readonly options: Json | undefined;
      /** A `cancel` may follow. */
      readonly isCancellable: boolean;
    }
  | { readonly type: 'cancel'; readonly call: number }
  | { readonly type: 'done'; readonly output: Json | undefined }
  /** It returned what cannot be kept. */
  | { readonly type: 'unfit'; readonly error: WireError }
  | { readonly type: 'failed'; readonly error: WireError }
  /** A listener of its signal threw. */
  | { readonly type: 'abortFailed'; readonly error: WireError };

export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string | number;
  /** What it says of an HTTP status and of when to come back. */
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** Of a HoldfastError. */
  readonly details?: HoldfastError['details'];
  /** Of the error that caused it, the outermost only. */
  readonly cause?: WireError;
}

export function wireError(thrown: unknown, withCause = true): WireError {
  const error = toError(thrown);
  const { stack, cause } = error;
  const code: unknown = Reflect.get(error, 'code');
  const { causeCode: _, ...hints } = failureHints(error, Date.now());
  return {
    name: String(error.name),
    message: error.message,
    ...(typeof stack === 'string' && { stack }),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(HoldfastError.is(error) ? { details: plainDetails(error.details) } : hints),
    ...(withCause && cause instanceof Error && { cause: wireError(cause, false) }),
  };
}

/** The error as it was, as far as it can be made again: a HoldfastError is one, and a TypeError. */
export function errorOf({ name, message, stack, code, details, cause, ...hints }: WireError): Error {
  const options = cause === undefined ? {} : { cause: errorOf(cause) };
  if (details !== undefined && isErrorCode(code)) return new HoldfastError(code, details, options);
  if (name === 'AbortError' || name === 'TimeoutError') return new DOMException(message, name);
  const error = new (standardErrors.get(name) ?? Error)(message, options);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true });
  if (stack !== undefined) error.stack = stack;
  return Object.assign(error, hints, code !== undefined && { code });
}

const standardErrors: ReadonlyMap<string, ErrorConstructor> = new Map<string, ErrorConstructor>([
  ['TypeError', TypeError],
  ['RangeError', RangeError],
  ['SyntaxError', SyntaxError],
  ['ReferenceError', ReferenceError],
  ['EvalError', EvalError],
  ['URIError', URIError],
]);

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
}

function plainDetails(details: HoldfastError['details']): HoldfastError['details'] {
  try {
    return JSON.parse(JSON.stringify(details));
  } catch {
    return {};
  }
}
