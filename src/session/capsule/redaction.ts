// What is left out of an exported session: whole payloads, chosen by their event. A payload is under one digest, so that no part of it
// can go alone; its header stays, and with it the chain.
import type { SessionEventType } from '../../domain/session/session-events.ts';
import type { StoredEvent } from '../../journal/journal.ts';
import type { ParsedInputOf } from '../../operations/registry.ts';

/** Of each event that carries what others said before it: a state, a summary of one, or values from it. */
const carriers: ReadonlySet<string> = new Set<SessionEventType>([
  'session.restored',
  'session.rolledBack',
  'session.recovered',
  'session.forked',
  'session.merged',
  'handoff.offered',
]);

export type Redaction = NonNullable<ParsedInputOf<'sessions.export'>['redact']>;

/**
 * True for events whose payload is to be left out. A path names members, `*` any of them: `metadata.customer.*`. What carries
 * a state goes whatever is named: it may hold all of it once more.
 */
export function isRedacted(
  { payloads, roles = [], types = [], paths = [] }: Redaction,
  event: StoredEvent,
): boolean {
  if (payloads === 'all' || types.includes(event.type)) return true;
  if (carriers.has(event.type) && roles.length + types.length + paths.length > 0) return true;
  const { role } = (event.data ?? {}) as { readonly role?: unknown };
  if (event.type === 'message.sent' && roles.some((name) => name === role)) return true;
  return paths.some((path) => holds(event.data, path.split('.')));
}

function holds(value: unknown, [name, ...rest]: readonly string[]): boolean {
  if (name === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  const members =
    name === '*' ? Object.values(value) : Object.hasOwn(value, name) ? [Reflect.get(value, name)] : [];
  return members.some((member) => holds(member, rest));
}
