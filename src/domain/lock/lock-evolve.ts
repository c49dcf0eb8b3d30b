// What becomes of the locks by an event.
import type { LawEvent } from '../law.ts';
import type { LockEventData, LockEventType } from './lock-events.ts';
import { type Lock, type LockGrant, type LocksState, withLock } from './lock-state.ts';

type Data<Type extends LockEventType> = LockEventData[Type];

export function evolveLocks(state: LocksState, event: LawEvent): LocksState | undefined {
  const { type, at, seq } = event;
  const { name } = event.data as { readonly name: string };
  const lock = state.locks.get(name);
  switch (type as LockEventType) {
    case 'lock.granted':
      return granted(state, lock, event.data as Data<'lock.granted'>, { at, seq });
    case 'lock.queued': {
      const { name: _, ...rest } = event.data as Data<'lock.queued'>;
      if (lock === undefined) return undefined;
      const waiter = { ...rest, waitId: seq, since: at, passed: 0 };
      return withLock(state, name, { ...lock, waiters: [...lock.waiters, waiter] });
    }
    case 'lock.renewed': {
      const { token, expiresAt } = event.data as Data<'lock.renewed'>;
      return changed(state, lock, token, { expiresAt, signAt: at });
    }
    case 'lock.interrupted': {
      const { token, by, until } = event.data as Data<'lock.interrupted'>;
      return tallied(changed(state, lock, token, { interrupt: { by, at, until } }), { interrupted: 1 });
    }
    case 'lock.released':
      return freed(state, lock, event.data as Data<'lock.released'>, at, { released: 1 });
    case 'lock.expired':
      return freed(state, lock, event.data as Data<'lock.expired'>, at, { expired: 1 });
    case 'lock.waitEnded':
      return waitEnded(state, lock, event.data as Data<'lock.waitEnded'>);
    default:
      return undefined;
  }
}

/** Who waits is kept from the moment when the one before has let go until the next is granted it, within one decision. */
function granted(
  state: LocksState,
  before: Lock | undefined,
  { name, waitId, expiresAt, ...terms }: Data<'lock.granted'>,
  { at, seq: token }: { readonly at: number; readonly seq: number },
): LocksState | undefined {
  const waited = before?.waiters.find((waiter) => waiter.waitId === waitId);
  if (waitId === null ? before !== undefined : waited === undefined) return undefined;
  const grant: LockGrant = {
    ...{ ...terms, token, waitId, expiresAt },
    ...{ grantedAt: at, signAt: at, interrupt: null },
  };
  const waiters = (before?.waiters ?? [])
    .filter((waiter) => waiter !== waited)
    .map((waiter) =>
      waitId !== null && waiter.waitId < waitId ? { ...waiter, passed: waiter.passed + 1 } : waiter,
    );
  const waitedMs = waited === undefined ? 0 : Math.max(0, at - waited.since);
  return tallied(withLock(state, name, { name, grant, waiters }), { granted: 1, waitedMs });
}

function changed(
  state: LocksState,
  lock: Lock | undefined,
  token: number,
  changes: Partial<LockGrant>,
): LocksState | undefined {
  if (lock?.grant.token !== token) return undefined;
  return withLock(state, lock.name, { ...lock, grant: { ...lock.grant, ...changes } });
}

/** Where somebody waits, the grant of the next follows in the same decision, and stands in the place of this one. */
function freed(
  state: LocksState,
  lock: Lock | undefined,
  { token }: { readonly token: number },
  at: number,
  count: Partial<LocksState['tally']>,
): LocksState | undefined {
  if (lock?.grant.token !== token) return undefined;
  const next = lock.waiters.length > 0 ? state : withLock(state, lock.name, undefined);
  return tallied(next, { ...count, heldMs: Math.max(0, at - lock.grant.grantedAt) });
}

function waitEnded(
  state: LocksState,
  lock: Lock | undefined,
  { waitId, cause }: Data<'lock.waitEnded'>,
): LocksState | undefined {
  const waiters = lock?.waiters.filter((waiter) => waiter.waitId !== waitId);
  if (lock === undefined || waiters === undefined || waiters.length === lock.waiters.length) return undefined;
  const count = { timedOut: cause === 'timedOut' ? 1 : 0, deadlocks: cause === 'deadlock' ? 1 : 0 };
  return tallied(withLock(state, lock.name, { ...lock, waiters }), count);
}

function tallied(
  state: LocksState | undefined,
  counts: Partial<LocksState['tally']>,
): LocksState | undefined {
  if (state === undefined) return undefined;
  const tally: Record<string, number> = { ...state.tally };
  for (const [name, count] of Object.entries(counts)) tally[name] = (tally[name] ?? 0) + count;
  return { ...state, tally: tally as unknown as LocksState['tally'] };
}
