// Pub/sub within one process, on eventemitter3.
import { EventEmitter } from 'eventemitter3';
import { toError } from '../base/errors.ts';
import type { Telemetry } from '../base/telemetry.ts';
import { guardedListener } from './guarded-listener.ts';
import type { PubSub, Unsubscribe } from './pubsub.ts';

export class LocalPubSub<Message> implements PubSub<Message> {
  readonly #emitter = new EventEmitter<string, unknown>();
  readonly #telemetry: Telemetry;

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  publish(topic: string, message: Message): void {
    this.#emitter.emit(topic, message);
  }

  /** The emitter calls listeners in a plain loop, so each is wrapped: one that throws must not silence the next. */
  subscribe(topic: string, listener: (message: Message) => void): Unsubscribe {
    const guarded = guardedListener(listener, (error) => this.#failed(topic, error));
    let subscribed = true;
    const heard = (message: Message): void => {
      if (subscribed) guarded(message);
    };
    this.#emitter.on(topic, heard);
    return () => {
      // A message that is just being published still goes to all who listened when that began.
      subscribed = false;
      this.#emitter.off(topic, heard);
    };
  }

  unsubscribeAll(topic: string): void {
    this.#emitter.removeAllListeners(topic);
  }

  listenerCount(topic: string): number {
    return this.#emitter.listenerCount(topic);
  }

  close(): void {
    this.#emitter.removeAllListeners();
  }

  #failed(topic: string, error: unknown): void {
    this.#telemetry('subscriber.failed', { topic, problem: toError(error).message });
  }
}
