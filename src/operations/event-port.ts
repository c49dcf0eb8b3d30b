// How a client hears of events: live by callback, or replayed and live as an iterator.
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
