// The one error of Holdfast: recognised by its code, never by its class.
import { type ErrorCode, errorCatalogue } from './error-catalogue.ts';

export type { ErrorCode } from './error-catalogue.ts';

/** What an error says of itself beside its code: plain data, such as `sessionId`, `limit`, `retryAfterMs`. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

const brand = Symbol.for('holdfast.error');

/**
 * A refusal or a fault with a stable `code`.
 *
 * @remarks `retryable` says whether the same call may succeed later; `details` names the session and what was
 * attempted; `cause` holds the underlying error where there is one. Use {@link HoldfastError.is} to recognise one:
 * it also works across copies of the library.
 */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
  readonly [brand] = true;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    const entry = errorCatalogue[code];
    super(fill(entry.message, details), options);
    this.name = 'HoldfastError';
    this.code = code;
    this.retryable = entry.retryable;
    this.details = details;
  }

  /** True for any HoldfastError, or for one with the given code. */
  static is(error: unknown, code?: ErrorCode): error is HoldfastError {
    if (typeof error !== 'object' || error === null || !(brand in error)) return false;
    return code === undefined || (error as HoldfastError).code === code;
  }

  /** Plain data for logs and wires: code, message, retryable, details; never the cause. */
  toJSON(): { code: ErrorCode; message: string; retryable: boolean; details: ErrorDetails } {
    return { code: this.code, message: this.message, retryable: this.retryable, details: this.details };
  }
}

/** The outcome of {@link attempt}: a value, or the error that was thrown. */
export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: HoldfastError };

/**
 * Turns a promise into `{ ok, value } | { ok, error }`, for those who prefer Elixir's tuples to exceptions.
 * Only coded errors become data; a programmer's mistake (`TypeError`) is thrown on.
 */
export async function attempt<T>(promise: Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    if (HoldfastError.is(error)) return { ok: false, error };
    throw error;
  }
}

/** Ends a switch over a union: a member that was forgotten is a type error here. */
export function assertNever(value: never): never {
  throw new TypeError(`Unexpected ${JSON.stringify(value)}`);
}

/** Any thrown value as an Error that can be looked at: whose message is a text, and no fault of its own. */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === 'string') return thrown;
  } catch {
    // it is replaced by one that says so
  }
  return new Error(textOf(thrown));
}

/** Any value as a text, also one that has none: what describes a fault must not be a fault itself. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `an ${typeof value} without a text`;
  }
}

/** A text as it is, and of anything else its type: for what was given where a text belongs. */
export function textOrType(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function fill(message: string, details: ErrorDetails): string {
  return message.replace(/\{(\w+)\}/g, (_, name: string) => quote(details[name]));
}

function quote(value: unknown): string {
  if (typeof value === 'string' && value.length > 200) return `"${value.slice(0, 200)}…"`;
  // What begins or ends in a blank, or is nothing else, would not be seen in a sentence.
  if (typeof value === 'string') return value === '' || value.trim() !== value ? `"${value}"` : value;
  try {
    return value === undefined ? 'unknown' : (JSON.stringify(value) ?? textOf(value));
  } catch {
    return textOf(value);
  }
}
