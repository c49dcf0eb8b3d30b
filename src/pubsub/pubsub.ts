// The port of voice: topics, and listeners that can harm nobody but themselves.

/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void;

export interface PubSub<Message> {
  publish(topic: string, message: Message): void;
  subscribe(topic: string, listener: (message: Message) => void): Unsubscribe;
  /** Ends all subscriptions of a topic. */
  unsubscribeAll(topic: string): void;
  listenerCount(topic: string): number;
  close(): void;
}
