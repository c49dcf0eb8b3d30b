// What happens in a space, for whoever takes part in it: pushed as it becomes durable, from any cursor on, without gap or repeat.
// What pub/sub lost is read from the journal.
import type { Telemetry } from '../../base/telemetry.ts';
import type { SpaceEventType } from '../../domain/space/space-events.ts';
import { spaceStream } from '../../domain/space/space-law.ts';
import type { Announcement } from '../../entity/announcement.ts';
import type { EventReader } from '../../entity/event-reader.ts';
import { EventReaders } from '../../entity/event-readers.ts';
import { StreamSource } from '../../entity/stream-source.ts';
import type { Journal, StoredEvent } from '../../journal/journal.ts';
import {
  checkSpaceQuery,
  type SpaceEventPort,
  type SpaceEventStream,
  type SpaceListener,
  type SpaceQuery,
  type SpaceStreamQuery,
} from '../../operations/space-event-port.ts';
import type { SpaceEvent } from '../../operations/views/space-views.ts';
import type { PubSub } from '../../pubsub/pubsub.ts';
import { SpaceHub } from './space-hub.ts';

export interface SpaceEventsOptions {
  readonly journal: Journal;
  readonly pubsub: PubSub<Announcement>;
  readonly telemetry: Telemetry;
  /** Throws when nobody may begin to listen any more. */
  readonly assertOpen: () => void;
  /** Throws when the session may not hear of the space. */
  readonly admit: (query: { readonly spaceId: string; readonly sessionId: string }) => Promise<unknown>;
}

export class SpaceEvents implements SpaceEventPort {
  readonly #options: SpaceEventsOptions;
  readonly #readers: EventReaders<SpaceEvent>;
  readonly #hubs = new Map<string, SpaceHub>();
  /** Each event is shown once, however many hear it. */
  readonly #shown = new WeakMap<StoredEvent, SpaceEvent>();

  constructor(options: SpaceEventsOptions) {
    this.#options = options;
    this.#readers = new EventReaders(options.telemetry);
  }

  stream<Type extends SpaceEventType>(
    query: SpaceStreamQuery<Type>,
    closing?: AbortSignal,
  ): SpaceEventStream<Type> {
    checkSpaceQuery('spaces.stream', query);
    this.#options.assertOpen();
    const { spaceId, sessionId, after, types, signal } = query;
    const { journal, pubsub, admit } = this.#options;
    const wanted: ReadonlySet<SpaceEventType> | undefined = types && new Set(types);
    const topic = spaceStream(spaceId);
    const reader = this.#readers.read({
      topic,
      signal,
      closing,
      wants: wanted && ((event) => wanted.has(event.type) || isEndFor(event, sessionId)),
      open: () =>
        new StreamSource<SpaceEvent>({
          journal,
          streams: [topic],
          listen: (listener) => pubsub.subscribe(topic, listener),
          show: (received) => ('event' in received ? this.#show(received.event) : undefined),
        }),
      start: async (source) => {
        await admit({ spaceId, sessionId });
        return after === 'now' ? source.end : source.start(after);
      },
    });
    return endingStream(reader, sessionId, wanted) as unknown as SpaceEventStream<Type>;
  }

  async subscribe<Type extends SpaceEventType>(
    query: SpaceQuery<Type>,
    listener: SpaceListener<Type>,
  ): Promise<() => void> {
    checkSpaceQuery('spaces.subscribe', query);
    this.#options.assertOpen();
    const { spaceId, sessionId, after, types } = query;
    const wanted: ReadonlySet<SpaceEventType> | undefined = types && new Set(types);
    await this.#options.admit({ spaceId, sessionId });
    return this.#hub(spaceStream(spaceId)).join({
      sessionId,
      after: after === 'now' ? undefined : after,
      hear: (wanted === undefined
        ? listener
        : (event: SpaceEvent<Type>) => {
            if (wanted.has(event.type)) listener(event);
          }) as (event: SpaceEvent) => void,
    });
  }

  #hub(stream: string): SpaceHub {
    const known = this.#hubs.get(stream);
    if (known !== undefined) return known;
    const hub = new SpaceHub({
      ...this.#options,
      stream,
      show: (event) => this.#show(event),
      left: () => this.#hubs.get(stream) === hub && this.#hubs.delete(stream),
    });
    this.#hubs.set(stream, hub);
    return hub;
  }

  #show(event: StoredEvent): SpaceEvent {
    const known = this.#shown.get(event);
    if (known !== undefined) return known;
    const { stream, seq, at, type, data } = event;
    const spaceId = stream.slice(spaceStream('').length);
    const shown = Object.freeze({ spaceId, seq, at, type, data, cursor: String(seq) }) as SpaceEvent;
    this.#shown.set(event, shown);
    return shown;
  }
}

/** Behind it there is nothing more for the session. */
const isEndFor = ({ type, data }: SpaceEvent, sessionId: string): boolean =>
  type === 'space.deleted' || (type === 'space.left' && data.sessionId === sessionId);

/** Ends behind the event with which its session has left. */
function endingStream(
  reader: EventReader<SpaceEvent>,
  sessionId: string,
  wanted: ReadonlySet<SpaceEventType> | undefined,
): SpaceEventStream {
  let isOver = false;
  const stream: SpaceEventStream = {
    async next() {
      if (isOver) return reader.return();
      const result = await reader.next();
      if (result.done || !isEndFor(result.value, sessionId)) return result;
      isOver = true;
      return wanted?.has(result.value.type) === false ? reader.return() : result;
    },
    return: () => reader.return(),
    [Symbol.asyncIterator]: () => stream,
    async [Symbol.asyncDispose]() {
      await reader.return();
    },
  };
  return stream;
}
