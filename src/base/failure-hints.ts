// What a thrown value says of itself beside name, message and code: an HTTP status, when to come back, the code of its cause.
// Any of it may be missing or nonsense, and looking must never throw.

export interface FailureHints {
  /** An HTTP status, from `status`, `statusCode` or `response.status`. */
  readonly status?: number;
  /** When to come back, from `retryAfterMs`, `retryAfter` in seconds, or a `Retry-After` header. */
  readonly retryAfterMs?: number;
  /** `fetch` fails with a TypeError that names only in its cause what happened. */
  readonly causeCode?: string;
}

/** `now` is for a `Retry-After` that is a date. */
export function failureHints(thrown: unknown, now: number): FailureHints {
  const status = statusOf(thrown) ?? statusOf(memberOf(thrown, 'response'));
  const retryAfterMs = retryAfterOf(thrown, now);
  const causeCode = memberOf(memberOf(thrown, 'cause'), 'code');
  return {
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(typeof causeCode === 'string' && {
      causeCode: causeCode.slice(0, 100).replace(/\p{Cs}/gu, '\uFFFD'),
    }),
  };
}

function statusOf(value: unknown): number | undefined {
  const status = memberOf(value, 'status') ?? memberOf(value, 'statusCode');
  return typeof status === 'number' && Number.isInteger(status) && status >= 100 && status < 600
    ? status
    : undefined;
}

function retryAfterOf(thrown: unknown, now: number): number | undefined {
  const ms = [memberOf(thrown, 'retryAfterMs'), memberOf(memberOf(thrown, 'details'), 'retryAfterMs')]
    .concat(headersOf(thrown).map((headers) => headerOf(headers, 'retry-after-ms')))
    .map((value) => spanOf(value, 1))
    .find((value) => value !== undefined);
  if (ms !== undefined) return ms;
  return [memberOf(thrown, 'retryAfter')]
    .concat(headersOf(thrown).map((headers) => headerOf(headers, 'retry-after')))
    .map((value) => spanOf(value, 1_000) ?? untilOf(value, now))
    .find((value) => value !== undefined);
}

const headersOf = (thrown: unknown): unknown[] => [
  memberOf(thrown, 'headers'),
  memberOf(memberOf(thrown, 'response'), 'headers'),
];

function headerOf(headers: unknown, name: string): unknown {
  const get = memberOf(headers, 'get');
  if (typeof get !== 'function') return memberOf(headers, name);
  try {
    return Reflect.apply(get, headers, [name]) as unknown;
  } catch {
    return undefined;
  }
}

/** A number of units, also as text, in whole milliseconds. */
function spanOf(value: unknown, unitMs: number): number | undefined {
  const isText = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value);
  const units = isText ? Number(value) : value;
  if (typeof units !== 'number' || !Number.isFinite(units) || units < 0) return undefined;
  return Math.min(Math.ceil(units * unitMs), Number.MAX_SAFE_INTEGER);
}

function untilOf(value: unknown, now: number): number | undefined {
  const at = typeof value === 'string' && value.length < 100 ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
}

function memberOf(value: unknown, key: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return Reflect.get(value, key) as unknown;
  } catch {
    return undefined;
  }
}
