// An error as it is journaled: bounded, plain, and well-formed, whatever was thrown.
import { textOf } from '../base/errors.ts';

/** What is kept of an error: no stack and no cause. */
export interface RecordedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
}

const longestText = 1_000;
const longestName = 100;

/** Well-formed Unicode of at most `limit` UTF-16 units; what was cut ends in an ellipsis. */
export function boundedText(text: string, limit = longestText): string {
  const cut = text.length > limit ? `${text.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, '')}…` : text;
  return cut.replace(/\p{Cs}/gu, '\uFFFD');
}

/** Any thrown value as what is kept of it; it may be one that cannot even be looked at. */
export function recordedError(thrown: unknown): RecordedError {
  const code = memberOf(thrown, 'code');
  return {
    name: boundedText(memberOf(thrown, 'name') ?? 'Error', longestName),
    message: boundedText(memberOf(thrown, 'message') ?? textOf(thrown)),
    ...(code !== undefined && { code: boundedText(code, longestName) }),
  };
}

function memberOf(thrown: unknown, key: 'name' | 'message' | 'code'): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  try {
    const value: unknown = Reflect.get(thrown, key);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  } catch {
    return undefined;
  }
}
