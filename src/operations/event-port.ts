// How a client hears of events: live by callback, or replayed and live as an iterator.
import { z } from 'zod';
import { HoldfastError, textOrType } from '../base/errors.ts';
import { type EventType, eventTypes } from '../domain/event-vocabulary.ts';
import { firstFault } from './operation.ts';
import { sessionId } from './schema.ts';
import type { DeliveredEvent } from './views/views.ts';

export interface StreamQuery<Type extends EventType = EventType> {
  /** Only this session; all sessions without it. */
  readonly sessionId?: string;
  /**
   * The cursor of the last event that was seen; from the beginning without it; with `'now'`, what comes after this call.
   * For one session a plain `seq` is a cursor too.
   */
  readonly after?: string;
  /** Only events of these types. */
  readonly types?: readonly Type[];
  /** Ends the stream; the iterator then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Events as they come. Leaving the loop ends it, as `return()` and `await using` do, and gives back all that it held. */
export interface EventStream<Type extends EventType = EventType>
  extends AsyncIterator<DeliveredEvent<Type>, undefined, undefined>,
    AsyncDisposable {
  /**
   * How many transient events were lost because this reader was too slow; in the stream of all sessions those of sessions
   * that are not journaled count among them. No other event is ever lost.
   */
  readonly dropped: number;
  next(): Promise<IteratorResult<DeliveredEvent<Type>, undefined>>;
  return(): Promise<IteratorResult<DeliveredEvent<Type>, undefined>>;
  [Symbol.asyncIterator](): EventStream<Type>;
}

export interface EventPort {
  /**
   * Without gap or repeat from the cursor on. The iterator throws `SESSION_NOT_FOUND`, `INVALID_CURSOR`,
   * `HISTORY_TRIMMED`, `JOURNAL_CORRUPT`, and ends in silence when `closing` is aborted.
   */
  stream<Type extends EventType>(query: StreamQuery<Type>, closing?: AbortSignal): EventStream<Type>;
  /** Calls back with each event from now on; returns how to end it. */
  subscribe(sessionId: string | null, listener: (event: DeliveredEvent) => void): () => void;
}

const streamQuery = z.strictObject({
  sessionId: sessionId.optional(),
  after: z.string().max(1024).optional(),
  types: z.array(z.enum(eventTypes)).optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

/** Throws `INVALID_ID` or `INVALID_INPUT` for what is no query: a misspelt name would stream every session. */
export function checkStreamQuery(query: unknown): void {
  const result = streamQuery.safeParse(query);
  if (result.success) return;
  const { field, problem } = firstFault(result.error);
  const isId = field === 'sessionId';
  const value = isId ? textOrType(Reflect.get(query as object, field)) : undefined;
  const details = { operation: 'events.stream', field, problem, value };
  throw new HoldfastError(isId ? 'INVALID_ID' : 'INVALID_INPUT', details);
}
