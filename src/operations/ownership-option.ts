// The option `ownership` of a call. It is taken where the law of the session looks at it, and nowhere else: what is not checked
// would protect nothing.
import { idPattern } from '../base/ids.ts';
import type { OwnershipClaim } from '../domain/handoff/handoff.ts';
import { optionFault } from './operation.ts';

const spaces: ReadonlySet<string> = new Set(['messages', 'files', 'memory', 'events', 'checkpoints']);
const others: ReadonlySet<string> = new Set([
  ...['agents.start', 'agents.stop', 'agents.signal', 'handoffs.offer', 'handoffs.withdraw'],
  ...['sessions.configure', 'sessions.pause', 'sessions.resume', 'sessions.hibernate', 'sessions.wake'],
  ...['sessions.terminate', 'sessions.archive', 'sessions.delete', 'sessions.rollback', 'sessions.merge'],
]);
const unchecked: ReadonlySet<string> = new Set(['messages.erase', 'checkpoints.verify']);

export function ownershipClaim(operation: string, given: unknown): OwnershipClaim {
  const isTaken = spaces.has(operation.slice(0, operation.indexOf('.'))) || others.has(operation);
  if (!isTaken || unchecked.has(operation))
    throw optionFault(operation, 'ownership', 'this operation takes none');
  const { owner, epoch } = (given ?? {}) as { readonly owner?: unknown; readonly epoch?: unknown };
  if (typeof owner !== 'string' || !idPattern.test(owner))
    throw optionFault(operation, 'ownership.owner', 'it must be the id of a session');
  if (!Number.isSafeInteger(epoch) || (epoch as number) < 0)
    throw optionFault(operation, 'ownership.epoch', 'it must be a whole number from 0');
  return { owner, epoch: epoch as number };
}
