// Of which class an error is, decided on what is recorded of it: whether it is worth another try, and whose fault it is. Pure.
import { errorCatalogue } from '../base/error-catalogue.ts';
import { failureHints } from '../base/failure-hints.ts';
import { type RecordedError, recordedError } from './recorded-error.ts';

/**
 * `rateLimited`: told to come back later, no crash. `transient`: the network or a server, worth another try a little later. `fatal`: the
 * same again each time. `outOfMemory`: its thread's heap was full. `defect`: the agent's own code has
 * changed under its run. `unknown`: anything else.
 */
export const errorClasses = [
  'rateLimited',
  'transient',
  'fatal',
  'outOfMemory',
  'unknown',
  'defect',
] as const;
export type ErrorClass = (typeof errorClasses)[number];

/** What is recorded of an error that ended an incarnation. */
export interface RecordedFailure extends RecordedError {
  /** An HTTP status. */
  readonly status?: number;
  /** When to come back, as the other side said. */
  readonly retryAfterMs?: number;
  /** The code of its cause. */
  readonly causeCode?: string;
}

/** `now` is for a `Retry-After` that is a date. */
export function recordedFailure(thrown: unknown, now: number): RecordedFailure {
  return { ...recordedError(thrown), ...failureHints(thrown, now) };
}

const memoryCodes: ReadonlySet<string> = new Set(['ERR_WORKER_OUT_OF_MEMORY', 'AGENT_OUT_OF_MEMORY']);

const limitCodes: ReadonlySet<string> = new Set(['RATE_LIMITED', 'rate_limit_exceeded', 'rate_limit_error']);

const networkCodes: ReadonlySet<string> = new Set([
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN', 'ENETDOWN'],
  ...['ENETUNREACH', 'EHOSTDOWN', 'EHOSTUNREACH', 'UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT'],
  ...['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
]);

const programmersErrors: ReadonlySet<string> = new Set(['TypeError', 'ReferenceError', 'SyntaxError']);

/** Codes of the house that tell of how an incarnation ended, and of no refusal. */
const ends: ReadonlySet<string> = new Set(['AGENT_TIMEOUT', 'AGENT_EXITED', 'KILLED']);

export function classifyError({ name, code, status, retryAfterMs, causeCode }: RecordedFailure): ErrorClass {
  if (code === 'STEPS_CHANGED') return 'defect';
  const codes = [code, causeCode].filter((known) => known !== undefined);
  if (codes.some((known) => memoryCodes.has(known))) return 'outOfMemory';
  if (status === 429 || codes.some((known) => limitCodes.has(known))) return 'rateLimited';
  if (code !== undefined && isOwnCode(code) && !ends.has(code))
    return errorCatalogue[code].retryable ? 'transient' : 'fatal';
  if (retryAfterMs !== undefined) return 'rateLimited';
  const isServers = status !== undefined && status >= 500;
  if (isServers || status === 408 || codes.some((known) => networkCodes.has(known))) return 'transient';
  return programmersErrors.has(name) ? 'fatal' : 'unknown';
}

function isOwnCode(code: string): code is keyof typeof errorCatalogue {
  return Object.hasOwn(errorCatalogue, code);
}

const firstWaitMs = 1_000;
const longestWaitMs = 600_000;
const jitterPart = 0.25;

/**
 * How long a run that was told to come back later waits: as long as it was told, or a second, doubled with each wait since its
 * last progress; ten minutes at most; and up to a quarter more, by `chance` from 0 to 1, so that not all come back at once.
 */
export function rateLimitWait(retryAfterMs: number | undefined, waits: number, chance: number): number {
  const asked = retryAfterMs ?? firstWaitMs * 2 ** Math.min(waits, 20);
  return Math.ceil(Math.min(asked, longestWaitMs) * (1 + jitterPart * chance));
}
