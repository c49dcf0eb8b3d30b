// An order: what a client asks of a session, and the event by which it is recognised in the store.
import { isDeepStrictEqual } from 'node:util';
import type { Call } from './protocol.ts';

export interface Order {
  readonly call: Call;
  readonly client: number;
  /** Counts the orders of its client. */
  readonly number: number;
}

/** An event of the store, whoever has read it. */
export interface SeenEvent {
  readonly seq: number;
  readonly type: string;
  readonly data: unknown;
  /** The key of the order that led to it, where it shows one. */
  readonly key: string | undefined;
}

/** The type of the event that an order leads to. A change of status leads to none where the session has it already. */
export function eventTypeOf({ call }: Order): string {
  switch (call.operation) {
    case 'sessions.create':
      return 'session.created';
    case 'sessions.configure':
      return 'session.configured';
    case 'messages.send':
      return 'message.sent';
    case 'memory.set':
      return 'memory.updated';
    case 'files.add':
      return 'file.added';
    case 'files.index':
      return 'file.indexed';
    case 'events.publish':
      return call.input.type;
    default:
      return 'session.statusChanged';
  }
}

export function changesStatus({ call }: Order): boolean {
  const { operation } = call;
  return (
    operation === 'sessions.pause' || operation === 'sessions.resume' || operation === 'sessions.hibernate'
  );
}

/** True when the event holds exactly what was asked for; what the system adds (entry, size) is not compared. */
export function holdsOrder({ call }: Order, data: unknown): boolean {
  const { sessionId: _, ...asked } = expectedData(call);
  return Object.entries(asked).every(([member, value]) => isDeepStrictEqual(memberOf(data, member), value));
}

function expectedData(call: Call): Readonly<Record<string, unknown>> {
  return call.operation === 'events.publish' ? { ...call.input.data } : call.input;
}

/** Every order carries its key in what it asks for, so that a reader who sees no operation ids can tell them apart. */
export function keyIn(type: string, data: unknown): string | undefined {
  const holder = type === 'memory.updated' ? memberOf(data, 'value') : memberOf(data, 'metadata');
  const key = memberOf(holder, 'by') ?? memberOf(data, 'toolCallId') ?? memberOf(data, 'reason');
  return typeof key === 'string' && /^c\d+-\d+$/.test(key) ? key : undefined;
}

function memberOf(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, member) : undefined;
}
