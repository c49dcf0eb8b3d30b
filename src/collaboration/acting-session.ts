// Where the commands of many sessions go to one stream, an idempotency key is that of the session that acts: two that have chosen the
// same key do not meet.
import type { Call, Handlers } from '../operations/bind.ts';
import type { OperationName } from '../operations/registry.ts';

type Handle = (input: { readonly sessionId?: string }, call: Call) => unknown;

/** The same handlers, where the key of a call is that of the session in whose name it is made. */
export function keyedBySession<Names extends OperationName>(handlers: Handlers<Names>): Handlers<Names> {
  const keyed = Object.entries<Handle>(handlers as never).map(([name, handle]) => [
    name,
    (input: { readonly sessionId?: string }, call: Call) => handle(input, actingCall(input, call)),
  ]);
  return Object.fromEntries(keyed) as Handlers<Names>;
}

const actingCall = ({ sessionId }: { readonly sessionId?: string }, call: Call): Call =>
  call.operationId === undefined || sessionId === undefined ? call : { ...call, keyOf: sessionId };
