// The pieces that operations are made of: ids, JSON, messages, paging. What is wrong is refused by its own code.
import { z } from 'zod';
import { HoldfastError } from '../base/errors.ts';
import { idPattern, idRule } from '../base/ids.ts';
import { type Json, plainJson } from '../base/json.ts';
import { messageRoles } from '../domain/session/session-events.ts';

/** The most bytes of JSON that one call may bring along: 1 MiB. */
const maxInputBytes = 1024 * 1024;

export const sessionId = z.string().regex(idPattern, idRule);

/** Any JSON value, copied, frozen, and at most 64 levels deep. */
export const json = z.unknown().transform((value, context): Json => kept(value, context));

/** What cannot be kept is told to whoever knows where in the input it stands. */
function kept<T>(value: unknown, context: z.RefinementCtx<T>): Json {
  try {
    return plainJson(value);
  } catch (error) {
    if (!HoldfastError.is(error)) throw error;
    context.addIssue({ code: 'custom', message: error.message, params: { refusal: error } });
    return z.NEVER;
  }
}

/** A JSON object, copied and frozen. */
export const jsonObject = z
  .custom<object>(isObject, 'expected an object')
  .transform((value, context) => kept(value, context) as { readonly [key: string]: Json });

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON array, copied and frozen; what was read from a session can be handed on as it is. */
export const jsonArray = z
  .custom<readonly unknown[]>(Array.isArray, 'expected an array')
  .transform((value, context) => kept(value, context) as readonly Json[]);

export const reason = z.string().min(1).max(1000);

export const cursor = z.string().max(1024);

export const seq = z.number().int().min(1);

export const pageLimit = z.number().int().min(1).max(1000).default(100);

export const messageFields = {
  role: z.enum(messageRoles),
  content: z.union([z.string(), z.null(), jsonArray]),
  toolCalls: jsonArray.optional(),
  toolCallId: z.string().min(1).max(256).optional(),
  name: z.string().min(1).max(256).optional(),
  metadata: json.optional(),
  pinned: z.boolean().optional(),
  processingMs: z.number().min(0).optional(),
};

/** Frozen, and within {@link maxInputBytes}: what is larger is refused before anything is decided. */
export function bounded<T>(what: string, value: T): T {
  if (!isSurelySmall(value)) {
    const size = Buffer.byteLength(JSON.stringify(value) ?? '');
    if (size > maxInputBytes) throw new HoldfastError('TOO_LARGE', { what, size, limit: maxInputBytes });
  }
  return value;
}

/** A few short texts need no counting: a UTF-16 unit becomes at most six bytes of JSON. */
function isSurelySmall(value: unknown): boolean {
  if (typeof value === 'string') return value.length * 6 < maxInputBytes;
  if (typeof value !== 'object' || value === null) return true;
  let length = 0;
  for (const name in value) {
    const member: unknown = (value as Record<string, unknown>)[name];
    if (typeof member === 'object' && member !== null) return false;
    if (typeof member === 'string') length += member.length;
  }
  return (length + 4096) * 6 < maxInputBytes;
}
