// Pub/sub within one process, on eventemitter3.
import { EventEmitter } from 'eventemitter3';
import type { Telemetry } from '../base/telemetry.ts';
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
    const wrapped = (message: Message): void => {
      try {
        const result: unknown = listener(message);
        if (result instanceof Promise) result.catch((error: unknown) => this.#failed(topic, error));
      } catch (error) {
        this.#failed(topic, error);
      }
    };
    this.#emitter.on(topic, wrapped);
    return () => {
      this.#emitter.off(topic, wrapped);
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
    this.#telemetry('subscriber.failed', {
      topic,
      problem: error instanceof Error ? error.message : String(error),
    });
  }
}
