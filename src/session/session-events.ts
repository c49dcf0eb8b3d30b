// Events of sessions as users hear them: callbacks from now on, and iterators from any cursor.
import { HoldfastError } from '../base/errors.ts';
import { assertId } from '../base/ids.ts';
import type { Telemetry } from '../base/telemetry.ts';
import type { EventType } from '../domain/event-vocabulary.ts';
import { sessionStream } from '../domain/session/session-law.ts';
import { streamsOf } from '../domain/session/session-streams.ts';
import type { Announcement, Listen, Received } from '../entity/announcement.ts';
import type { EventReader } from '../entity/event-reader.ts';
import { EventReaders } from '../entity/event-readers.ts';
import { FeedSource } from '../entity/feed-source.ts';
import { placeNow } from '../entity/stream-cursor.ts';
import { StreamSource } from '../entity/stream-source.ts';
import type { Journal } from '../journal/journal.ts';
import type { EventPort, EventStream, StreamQuery } from '../operations/event-port.ts';
import type { DeliveredEvent } from '../operations/views/views.ts';
import { LocalPubSub } from '../pubsub/local-pubsub.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import { deliveredEvent, transientEvent } from './handlers/delivered-event.ts';
import { globalTopic, sessionTopic } from './topics.ts';

export interface SessionEventsOptions {
  readonly journal: Journal;
  readonly pubsub: PubSub<Announcement>;
  readonly telemetry: Telemetry;
  /** Throws when nobody may begin to listen any more. */
  readonly assertOpen: () => void;
}

type Reading = Pick<StreamQuery, 'after' | 'signal'> & {
  readonly wants: ((event: DeliveredEvent) => boolean) | undefined;
  readonly closing: AbortSignal | undefined;
};

export class SessionEvents implements EventPort {
  readonly #journal: Journal;
  readonly #pubsub: PubSub<Announcement>;
  readonly #assertOpen: () => void;
  readonly #readers: EventReaders<DeliveredEvent>;
  /** The same topics with events as users see them, each made once however many callbacks hear it. */
  readonly #heard: PubSub<DeliveredEvent>;
  readonly #bridges = new Map<string, () => void>();

  constructor({ journal, pubsub, telemetry, assertOpen }: SessionEventsOptions) {
    this.#journal = journal;
    this.#pubsub = pubsub;
    this.#assertOpen = assertOpen;
    this.#readers = new EventReaders(telemetry);
    this.#heard = new LocalPubSub(telemetry);
  }

  stream<Type extends EventType>(query: StreamQuery<Type>, closing?: AbortSignal): EventStream<Type> {
    this.#assertOpen();
    const { sessionId, after, signal, types } = query;
    const wanted: ReadonlySet<EventType> | undefined = types && new Set(types);
    const wants = wanted && (({ type }: DeliveredEvent): boolean => wanted.has(type));
    const reading = { ...(after !== undefined && { after }), ...(signal && { signal }), wants, closing };
    const reader = sessionId === undefined ? this.#ofAll(reading) : this.#ofSession(sessionId, reading);
    // It hands out what it wants, and nothing else.
    return reader as unknown as EventStream<Type>;
  }

  subscribe(sessionId: string | null, listener: (event: DeliveredEvent) => void): () => void {
    this.#assertOpen();
    const topic = sessionId === null ? globalTopic : sessionTopic(assertId(sessionId));
    if (!this.#bridges.has(topic)) this.#bridges.set(topic, this.#bridge(topic));
    const stop = this.#heard.subscribe(topic, listener);
    return () => {
      stop();
      if (this.#heard.listenerCount(topic) > 0) return;
      this.#bridges.get(topic)?.();
      this.#bridges.delete(topic);
    };
  }

  #bridge(topic: string): () => void {
    return this.#pubsub.subscribe(topic, (announcement) => {
      for (const event of heardOf(announcement)) if (event !== undefined) this.#heard.publish(topic, event);
    });
  }

  #ofAll({ after, ...reading }: Reading): EventReader<DeliveredEvent> {
    const begin = after === 'now' ? this.#journal.feedEnd() : after;
    return this.#readers.read({
      ...reading,
      topic: globalTopic,
      open: () => new FeedSource({ journal: this.#journal, listen: this.#listen(globalTopic), show }),
      start: (source) => source.start(begin),
    });
  }

  #ofSession(sessionId: string, { after, ...reading }: Reading): EventReader<DeliveredEvent> {
    const topic = sessionTopic(sessionId);
    const listen = this.#listen(topic);
    const streams = streamsOf(sessionId);
    const now = after === 'now' ? placeNow(this.#journal, streams) : undefined;
    // Whether it fails is asked when the first event is.
    now?.catch(() => undefined);
    return this.#readers.read({
      ...reading,
      topic,
      open: () => new StreamSource({ journal: this.#journal, streams, listen, show }),
      start: async (source) => {
        await this.#assertStored(sessionId);
        return now ?? source.start(after);
      },
    });
  }

  async #assertStored(sessionId: string): Promise<void> {
    const head = await this.#journal.head(sessionStream(assertId(sessionId)));
    if (head === undefined || head.status === 'deleted')
      throw new HoldfastError('SESSION_NOT_FOUND', { sessionId });
  }

  #listen(topic: string): Listen {
    return (listener) => this.#pubsub.subscribe(topic, listener);
  }
}

const show = (received: Received): DeliveredEvent | undefined =>
  'transient' in received
    ? transientEvent(received.transient)
    : deliveredEvent(received.event, received.cursor);

function heardOf(announcement: Announcement): readonly (DeliveredEvent | undefined)[] {
  if ('transient' in announcement) return [transientEvent(announcement.transient)];
  const events = 'durable' in announcement ? announcement.durable : announcement.volatile;
  return events.map((event) => deliveredEvent(event));
}
