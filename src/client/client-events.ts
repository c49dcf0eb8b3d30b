// What a client listens to: callbacks with a handle, and streams with a cursor. Closing the client ends them all.
import { assertId } from '../base/ids.ts';
import type { EventType } from '../domain/event-vocabulary.ts';
import {
  checkStreamQuery,
  type EventPort,
  type EventStream,
  type StreamQuery,
} from '../operations/event-port.ts';
import type { DeliveredEvent } from '../operations/views/views.ts';

/** A running subscription; disposing it is unsubscribing. */
export interface Subscription extends Disposable {
  unsubscribe(): void;
}

export type Listener = (event: DeliveredEvent) => void;

export class ClientEvents {
  readonly #port: EventPort;
  readonly #mustExist: (sessionId: string) => Promise<unknown>;
  readonly #subscriptions = new Map<string | null, Set<Subscription>>();
  readonly #closing = new AbortController();

  constructor(port: EventPort, mustExist: (sessionId: string) => Promise<unknown>) {
    this.#port = port;
    this.#mustExist = mustExist;
  }

  /**
   * The events of one session, or of all, from a cursor on and then live: in order, without gap or repeat.
   *
   * @remarks All readers of a topic share its newest 1,024 events. One that falls behind them goes on from the journal and
   * misses nothing but transient events: `dropped` counts these, and `subscriber.lagged` is reported. The events of
   * conditions come between the session's own, with a `seq` of their stream. The iterator ends when the client is closed,
   * and throws the reason of an aborted `signal`. What is wrong with the query is thrown by the first `next()`.
   */
  stream<Type extends EventType = EventType>(query: StreamQuery<Type> = {}): EventStream<Type> {
    try {
      checkStreamQuery(query);
      return this.#port.stream(query, this.#closing.signal);
    } catch (error) {
      return refusedStream(error);
    }
  }

  /** Calls back with each event of a session from now on. With `mustExist`, an unknown session is `SESSION_NOT_FOUND`. */
  async subscribe(
    sessionId: string,
    listener: Listener,
    options: { readonly mustExist?: boolean } = {},
  ): Promise<Subscription> {
    assertId(sessionId);
    if (options.mustExist === true) await this.#mustExist(sessionId);
    return this.#add(sessionId, listener);
  }

  /** Calls back with each event of every session from now on. */
  async subscribeAll(listener: Listener): Promise<Subscription> {
    return this.#add(null, listener);
  }

  /** Ends this client's subscriptions to a session. */
  unsubscribe(sessionId: string): void {
    this.#end(sessionId);
  }

  /** Ends this client's subscriptions to all sessions at once; those to single sessions go on. */
  unsubscribeAll(): void {
    this.#end(null);
  }

  close(): void {
    for (const topic of [...this.#subscriptions.keys()]) this.#end(topic);
    this.#closing.abort();
  }

  #add(topic: string | null, listener: Listener): Subscription {
    if (typeof listener !== 'function') throw new TypeError('A listener must be a function');
    // On a closed client nothing begins: what it would hear has ended already.
    if (this.#closing.signal.aborted) return { unsubscribe: () => {}, [Symbol.dispose]: () => {} };
    const stop = this.#port.subscribe(topic, listener);
    const ofTopic = this.#subscriptions.get(topic) ?? new Set();
    this.#subscriptions.set(topic, ofTopic);
    const unsubscribe = (): void => {
      stop();
      ofTopic.delete(subscription);
      if (ofTopic.size === 0 && this.#subscriptions.get(topic) === ofTopic) this.#subscriptions.delete(topic);
    };
    const subscription: Subscription = { unsubscribe, [Symbol.dispose]: unsubscribe };
    ofTopic.add(subscription);
    return subscription;
  }

  #end(topic: string | null): void {
    for (const subscription of [...(this.#subscriptions.get(topic) ?? [])]) subscription.unsubscribe();
  }
}

/** A stream that never began: it says why, once. */
export function refusedStream(error: unknown): EventStream<never> {
  const ended = { value: undefined, done: true } as const;
  let problem: { readonly error: unknown } | undefined = { error };
  return {
    dropped: 0,
    async next() {
      const told = problem;
      problem = undefined;
      if (told !== undefined) throw told.error;
      return ended;
    },
    return: async () => ended,
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
