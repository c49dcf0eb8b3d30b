// What a client has on spaces beside their operations: it listens to them, and changes a key by a function however many others
// write it. Closing the client ends what listens.
import type { Clock } from '../base/clock.ts';
import { delay } from '../base/clock.ts';
import { HoldfastError } from '../base/errors.ts';
import { randomId } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import type { SpaceEventType } from '../domain/space/space-events.ts';
import type { Dispatch } from '../operations/operation.ts';
import type {
  SpaceEventPort,
  SpaceEventStream,
  SpaceListener,
  SpaceQuery,
  SpaceStreamQuery,
} from '../operations/space-event-port.ts';
import type { SpaceEntryInfo, SpaceWritten } from '../operations/views/space-views.ts';
import { refusedStream, type Subscription } from './client-events.ts';

export interface SpaceUpdate {
  readonly spaceId: string;
  readonly sessionId: string;
  readonly key: string;
  readonly cause?: string;
  /** How long it is tried, in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  /** Ends it between two attempts. */
  readonly signal?: AbortSignal;
}

export interface SpaceUpdated {
  /** The version of the key; 0 when it was deleted. */
  readonly version: number;
  readonly value?: Json;
  /** How often it was tried. */
  readonly attempts: number;
}

export interface ClientSpacesOptions {
  readonly dispatch: Dispatch;
  readonly events: SpaceEventPort;
  readonly clock: Clock;
  /** From 0 to 1, for the jitter. */
  readonly random?: () => number;
}

const longestWaitMs = 64;

const afterOthers = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class ClientSpaces {
  readonly #options: ClientSpacesOptions;
  readonly #subscriptions = new Set<Subscription>();
  readonly #closing = new AbortController();

  constructor(options: ClientSpacesOptions) {
    this.#options = options;
  }

  /**
   * The events of a space, from a cursor on and then live: in order, without gap or repeat. It ends when the session leaves or
   * the space is deleted.
   */
  stream<Type extends SpaceEventType = SpaceEventType>(
    query: SpaceStreamQuery<Type>,
  ): SpaceEventStream<Type> {
    try {
      return this.#options.events.stream(query, this.#closing.signal);
    } catch (error) {
      return refusedStream(error) as unknown as SpaceEventStream<Type>;
    }
  }

  /** Calls back with each event of a space, once and in order: from now on, or from behind a cursor. */
  async subscribe<Type extends SpaceEventType = SpaceEventType>(
    query: SpaceQuery<Type>,
    listener: SpaceListener<Type>,
  ): Promise<Subscription> {
    if (typeof listener !== 'function') throw new TypeError('A listener must be a function');
    const stop = await this.#options.events.subscribe(query, listener);
    const unsubscribe = (): void => {
      stop();
      this.#subscriptions.delete(subscription);
    };
    const subscription: Subscription = { unsubscribe, [Symbol.dispose]: unsubscribe };
    this.#subscriptions.add(subscription);
    if (this.#closing.signal.aborted) unsubscribe();
    return subscription;
  }

  /**
   * Reads a key, asks `change` what becomes of it, and writes that if nobody else has written meanwhile; otherwise again, after a
   * random wait that grows. `change` may be called often and must only compute; undefined deletes the key.
   *
   * @throws HoldfastError `VERSION_CONFLICT`, or what else stood in the way last, when the time is over
   */
  async update(
    { timeoutMs = 10_000, signal, cause, ...place }: SpaceUpdate,
    change: (value: Json | undefined, version: number) => Json | undefined,
  ): Promise<SpaceUpdated> {
    if (typeof change !== 'function') throw new TypeError('A change must be a function');
    const { dispatch, clock } = this.#options;
    const until = clock.now() + timeoutMs;
    const given = signal === undefined ? {} : { signal };
    const run = randomId();
    // Who has just written goes behind those who lost against it, and would otherwise win again and again.
    await afterOthers();
    for (let attempts = 1; ; attempts++) {
      signal?.throwIfAborted();
      const read = (await dispatch('spaces.get', place, given)) as SpaceEntryInfo;
      const value = change(read.value, read.version);
      const input = {
        ...{ ...place, version: read.version },
        ...(value !== undefined && { value }),
        ...(cause !== undefined && { cause }),
      };
      const key = { ...given, idempotencyKey: `${run}-${attempts}` };
      const written = await this.#attempt(input, key, attempts, until);
      if (written !== undefined)
        return { version: written.version, ...(value !== undefined && { value }), attempts };
    }
  }

  close(): void {
    for (const subscription of [...this.#subscriptions]) subscription.unsubscribe();
    this.#closing.abort();
  }

  /** Undefined when another was faster. What failed for the moment is tried again as the same call: it takes effect once. */
  async #attempt(
    input: object,
    options: { readonly idempotencyKey: string; readonly signal?: AbortSignal },
    attempts: number,
    until: number,
  ): Promise<SpaceWritten | undefined> {
    const { dispatch, clock } = this.#options;
    for (let tries = attempts; ; tries++) {
      try {
        return (await dispatch('spaces.compareAndSwap', input, options)) as SpaceWritten;
      } catch (error) {
        const isRace = HoldfastError.is(error, 'VERSION_CONFLICT');
        const mayPass = isRace || (HoldfastError.is(error) && error.retryable);
        if (!mayPass || clock.now() >= until) throw error;
        await this.#wait(tries, until);
        if (isRace) return undefined;
        options.signal?.throwIfAborted();
      }
    }
  }

  /**
   * Every other time at once, for nobody may lose for ever; else anything up to twice as long as before, so that those who
   * collide do not do so again together.
   */
  #wait(tries: number, until: number): Promise<void> {
    if (tries % 2 === 1) return Promise.resolve();
    const { clock, random = Math.random } = this.#options;
    const longest = Math.min(longestWaitMs, 2 ** Math.min(tries, 10), Math.max(1, until - clock.now()));
    const waitMs = Math.floor(random() * longest);
    return waitMs === 0 ? Promise.resolve() : delay(clock, waitMs);
  }
}
