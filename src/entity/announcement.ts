// What pub/sub carries of entities: events that became durable together, those of a stream that is not journaled, or a
// transient one.
import type { StoredEvent } from '../journal/journal.ts';

/** An event without a seq, for whoever listens now. */
export interface TransientEvent {
  readonly stream: string;
  readonly at: number;
  readonly type: string;
  readonly data: unknown;
}

export type Announcement =
  | { readonly durable: readonly StoredEvent[] }
  | { readonly volatile: readonly StoredEvent[] }
  | { readonly transient: TransientEvent };

export type Listen = (listener: (announcement: Announcement) => void) => () => void;

/** What a reader receives: the event and where to go on after it, if anywhere, or a transient one. */
export type Received =
  | { readonly event: StoredEvent; readonly cursor?: string }
  | { readonly transient: TransientEvent };

/** How an event is shown to readers; undefined when it is none of theirs. */
export type Show<Item> = (received: Received) => Item | undefined;

/** Calls `wake` when the feed has grown: nothing else is in it. */
export const whenDurable =
  (wake: () => void) =>
  (announcement: Announcement): void => {
    if ('durable' in announcement) wake();
  };
