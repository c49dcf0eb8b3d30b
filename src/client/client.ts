// The typed Client: one method per operation, made from the registry, the same in process and over a wire.

import type { EventPort } from '../operations/event-port.ts';
import type { CallOptions, Dispatch } from '../operations/operation.ts';
import { type InputOf, type OperationName, type OutputOf, operations } from '../operations/registry.ts';
import { ClientEvents } from './client-events.ts';

type Namespace = OperationName extends `${infer First}.${string}` ? First : never;
type VerbOf<Space extends Namespace> = OperationName extends infer Name
  ? Name extends `${Space}.${infer Verb}`
    ? Verb
    : never
  : never;
type Method<Name extends OperationName> =
  Record<string, never> extends InputOf<Name>
    ? (input?: InputOf<Name>, options?: CallOptions) => Promise<OutputOf<Name>>
    : (input: InputOf<Name>, options?: CallOptions) => Promise<OutputOf<Name>>;

type Operations = {
  readonly [Space in Namespace]: {
    readonly [Verb in VerbOf<Space>]: `${Space}.${Verb}` extends OperationName
      ? Method<`${Space}.${Verb}`>
      : never;
  };
};

/**
 * What users drive Holdfast with: `client.sessions.create()`, `client.messages.send()`, `client.events.stream()`.
 *
 * @remarks Every method takes plain data and `{ signal, idempotencyKey }`, and answers with plain data once all that it
 * tells of is durable. What is refused rejects with a `HoldfastError` whose `code` says why.
 */
export interface Client extends Omit<Operations, 'events'> {
  readonly events: Operations['events'] & ClientEvents;
  /** Ends the subscriptions and streams of this client; the system goes on. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ClientOptions {
  readonly dispatch: Dispatch;
  readonly events: EventPort;
  /** Called once, when the client is closed. */
  readonly onClose?: () => void;
}

export function createClient({ dispatch, events, onClose }: ClientOptions): Client {
  const spaces: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(operations)) {
    const [space = '', verb = ''] = name.split('.');
    const methods = spaces[space] ?? {};
    methods[verb] = (input: unknown, options?: CallOptions) => dispatch(name, input ?? {}, options);
    spaces[space] = methods;
  }
  const heard = new ClientEvents(events, (sessionId) => dispatch('sessions.get', { sessionId }));
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    heard.close();
    onClose?.();
  };
  const client = {
    ...spaces,
    events: Object.assign(heard, spaces.events),
    close,
    [Symbol.asyncDispose]: close,
  };
  return client as unknown as Client;
}
