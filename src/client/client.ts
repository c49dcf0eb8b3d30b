// The typed Client: one method per operation, made from the registry, the same in process and over a wire.

import { type Clock, systemClock } from '../base/clock.ts';
import type { EventPort } from '../operations/event-port.ts';
import { type Namespaces, namespaces } from '../operations/namespaces.ts';
import type { Dispatch } from '../operations/operation.ts';
import type { OperationName } from '../operations/registry.ts';
import type { SpaceEventPort } from '../operations/space-event-port.ts';
import { ClientEvents } from './client-events.ts';
import { ClientSpaces } from './client-spaces.ts';

type Operations = Namespaces<OperationName>;

/**
 * What users drive Holdfast with: `client.sessions.create()`, `client.messages.send()`, `client.events.stream()`.
 *
 * @remarks Every method takes plain data and `{ signal, idempotencyKey }`, and answers with plain data once all that it
 * tells of is durable. What is refused rejects with a `HoldfastError` whose `code` says why.
 */
export interface Client extends Omit<Operations, 'events' | 'spaces'> {
  readonly events: Operations['events'] & ClientEvents;
  readonly spaces: Operations['spaces'] & Pick<ClientSpaces, 'stream' | 'subscribe' | 'update'>;
  /** Ends the subscriptions and streams of this client; the system goes on. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ClientOptions {
  readonly dispatch: Dispatch;
  readonly events: EventPort;
  readonly spaceEvents: SpaceEventPort;
  /** What `spaces.update` waits by. */
  readonly clock?: Clock;
  /** Called once, when the client is closed. */
  readonly onClose?: () => void;
}

export function createClient({
  dispatch,
  events,
  spaceEvents,
  clock = systemClock,
  onClose,
}: ClientOptions): Client {
  const operations = namespaces((name, input, options) => dispatch(name, input ?? {}, options));
  const heard = new ClientEvents(events, (sessionId) => dispatch('sessions.get', { sessionId }));
  const shared = new ClientSpaces({ dispatch, events: spaceEvents, clock });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    heard.close();
    shared.close();
    onClose?.();
  };
  const client = {
    ...operations,
    events: Object.assign(heard, operations.events),
    spaces: Object.assign(shared, operations.spaces),
    close,
    [Symbol.asyncDispose]: close,
  };
  return client as unknown as Client;
}
