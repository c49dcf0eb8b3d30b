// Pub/sub within one process: eventemitter3 finds the topic, the topic knows its listeners, and guards each of them.
// Publishing to nobody is the commonest case, and costs one look into a Map.
import { EventEmitter } from 'eventemitter3';
import type { Telemetry } from '../base/telemetry.ts';
import type { PubSub, Unsubscribe } from './pubsub.ts';
import { Topic } from './topic.ts';

export class LocalPubSub<Message> implements PubSub<Message> {
  readonly #emitter = new EventEmitter<string, unknown>();
  /** Topics with at least one listener: each is the one listener of the emitter under its name. */
  readonly #topics = new Map<string, Topic<Message>>();
  readonly #telemetry: Telemetry;

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  publish(topic: string, message: Message): void {
    // The emitter would make the name of each topic that nobody listens to a name of a property first.
    if (this.#topics.has(topic)) this.#emitter.emit(topic, message);
  }

  subscribe(name: string, listener: (message: Message) => void): Unsubscribe {
    const topic = this.#topics.get(name) ?? this.#open(name);
    const leave = topic.join(listener);
    return () => {
      leave();
      if (topic.size === 0 && this.#topics.get(name) === topic) this.unsubscribeAll(name);
    };
  }

  unsubscribeAll(name: string): void {
    this.#topics.get(name)?.clear();
    this.#topics.delete(name);
    this.#emitter.removeAllListeners(name);
  }

  listenerCount(name: string): number {
    return this.#topics.get(name)?.size ?? 0;
  }

  close(): void {
    for (const name of [...this.#topics.keys()]) this.unsubscribeAll(name);
  }

  #open(name: string): Topic<Message> {
    const topic = new Topic<Message>((problem) =>
      this.#telemetry('subscriber.failed', { topic: name, problem }),
    );
    this.#topics.set(name, topic);
    this.#emitter.on(name, (message: Message) => topic.publish(message));
    return topic;
  }
}
