// Events of sessions as users hear them: callbacks from now on, and iterators from any cursor.
import { HoldfastError, toError } from '../base/errors.ts';
import { assertId } from '../base/ids.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { sessionStream } from '../domain/session-law.ts';
import {
  type Announcement,
  type Listen,
  type Received,
  readFeed,
  readStream,
  type TransientEvent,
} from '../entity/event-reader.ts';
import type { Journal } from '../journal/journal.ts';
import type { EventPort, StreamQuery } from '../operations/event-port.ts';
import type { DeliveredEvent } from '../operations/views.ts';
import { guardedListener } from '../pubsub/guarded-listener.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import { deliveredEvent, seqFrom } from './content-handlers.ts';
import { globalTopic, sessionTopic } from './topics.ts';

export interface SessionEventsOptions {
  readonly journal: Journal;
  readonly pubsub: PubSub<Announcement>;
  readonly telemetry: Telemetry;
}

export class SessionEvents implements EventPort {
  readonly #journal: Journal;
  readonly #pubsub: PubSub<Announcement>;
  readonly #telemetry: Telemetry;

  constructor({ journal, pubsub, telemetry }: SessionEventsOptions) {
    this.#journal = journal;
    this.#pubsub = pubsub;
    this.#telemetry = telemetry;
  }

  async *stream(query: StreamQuery): AsyncGenerator<DeliveredEvent> {
    const { types, signal } = query;
    signal?.throwIfAborted();
    const received =
      query.sessionId === undefined ? this.#ofAll(query) : await this.#ofSession(query.sessionId, query);
    for await (const item of received) {
      const event = delivered(item);
      if (event !== undefined && (types === undefined || types.includes(event.type))) yield event;
    }
  }

  subscribe(sessionId: string | null, listener: (event: DeliveredEvent) => void): () => void {
    const topic = sessionId === null ? globalTopic : sessionTopic(assertId(sessionId));
    // Events that became durable together are heard one by one: a listener that fails at one still hears the next.
    const hear = guardedListener(listener, (error) =>
      this.#telemetry('subscriber.failed', { topic, problem: toError(error).message }),
    );
    let subscribed = true;
    const stop = this.#pubsub.subscribe(topic, (announcement) => {
      for (const event of heardOf(announcement)) if (subscribed) hear(event);
    });
    return () => {
      subscribed = false;
      stop();
    };
  }

  #ofAll({ after, signal }: StreamQuery): AsyncGenerator<Received> {
    const from = after === 'now' ? this.#journal.feedEnd() : (after ?? null);
    return readFeed(this.#journal, from, this.#listen(globalTopic), signal);
  }

  async #ofSession(sessionId: string, { after, signal }: StreamQuery): Promise<AsyncGenerator<Received>> {
    const stream = sessionStream(assertId(sessionId));
    const head = await this.#journal.head(stream);
    if (head === undefined || head.status === 'deleted')
      throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
    const seq = after === 'now' ? head.seq : after === undefined ? head.firstSeq - 1 : seqFrom(after);
    if (seq > head.seq) throw new HoldfastError('INVALID_CURSOR', { value: after });
    return readStream(this.#journal, stream, seq, this.#listen(sessionTopic(sessionId)), signal);
  }

  #listen(topic: string): Listen {
    return (listener) => this.#pubsub.subscribe(topic, listener);
  }
}

function heardOf(announcement: Announcement): DeliveredEvent[] {
  if ('transient' in announcement) return [transientEvent(announcement.transient)];
  return announcement.durable.map((event) => {
    const { cursor: _, ...heard } = deliveredEvent(event);
    return heard;
  });
}

/** Other streams than sessions' are in the feed too, but are nobody's events. */
function delivered(item: Received): DeliveredEvent | undefined {
  if ('transient' in item) return transientEvent(item.transient);
  if (!item.event.stream.startsWith('session/')) return undefined;
  return { ...deliveredEvent(item.event), cursor: item.cursor };
}

function transientEvent({ stream, at, type, data }: TransientEvent): DeliveredEvent {
  return { sessionId: stream.slice(stream.indexOf('/') + 1), at, type, data };
}
