// How a client hears of events: live by callback, or replayed and live as an iterator.
import { z } from 'zod';
import { HoldfastError } from '../base/errors.ts';
import { sessionId } from './schema.ts';
import type { DeliveredEvent } from './views.ts';

export interface StreamQuery {
  /** Only this session; all sessions without it. */
  readonly sessionId?: string;
  /** The cursor of the last event that was seen; from the beginning without it, from now on with `'now'`. */
  readonly after?: string;
  /** Only events of these types. */
  readonly types?: readonly string[];
  /** Ends the stream; the iterator then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface EventPort {
  /** Without gap or repeat from the cursor on. Throws `SESSION_NOT_FOUND`, `INVALID_CURSOR`. */
  stream(query: StreamQuery): AsyncIterable<DeliveredEvent>;
  /** Calls back with each event from now on; returns how to end it. */
  subscribe(sessionId: string | null, listener: (event: DeliveredEvent) => void): () => void;
}

const streamQuery = z.strictObject({
  sessionId: sessionId.optional(),
  after: z.string().max(1024).optional(),
  types: z.array(z.string().max(128)).optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** The query, or `INVALID_ID` or `INVALID_INPUT`: a misspelt name would stream every session. */
export function checkStreamQuery(query: unknown): StreamQuery {
  const result = streamQuery.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') ?? '';
  const problem = issue?.message ?? 'unknown';
  const isId = field === 'sessionId';
  const details = { operation: 'events.stream', field, problem, value: isId ? 'sessionId' : undefined };
  throw new HoldfastError(isId ? 'INVALID_ID' : 'INVALID_INPUT', details);
}
