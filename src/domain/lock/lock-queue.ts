// Who is next, and who waits for whom.
import type { DeadlockStep, LockClaimant } from './lock-events.ts';
import { isSame, type Lock, type LocksState, type LockWaiter, overtakings } from './lock-state.ts';

/**
 * Higher priority first, within one in the order in which they came; but whoever was passed over often enough goes before all
 * others. So whoever finds n before him is granted it after at most n + 8 others.
 */
export function nextWaiter(waiters: readonly LockWaiter[]): LockWaiter | undefined {
  const patient = waiters.find(({ passed }) => passed >= overtakings);
  if (patient !== undefined) return patient;
  return waiters.reduce<LockWaiter | undefined>(
    (best, waiter) => (best === undefined || waiter.priority > best.priority ? waiter : best),
    undefined,
  );
}

/** The names of the locks that somebody waits for. */
export function waitsOf({ locks, bySession }: LocksState, claimant: LockClaimant): readonly string[] {
  const names = bySession.get(claimant.sessionId) ?? [];
  return names.filter((name) => locks.get(name)?.waiters.some((waiter) => isSame(waiter, claimant)));
}

/**
 * Who waits for whom, if `claimant` waited for `name`: from him all the way round to himself. Undefined when nothing leads back, as
 * then one of those on the way can go on.
 */
export function cycleThrough(
  state: LocksState,
  claimant: LockClaimant,
  name: string,
): readonly DeadlockStep[] | undefined {
  const { sessionId, owner } = claimant;
  const seen = new Set<string>();
  const open: { readonly name: string; readonly path: readonly DeadlockStep[] }[] = [
    { name, path: [{ sessionId, owner, name }] },
  ];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    const holder = state.locks.get(step.name)?.grant;
    if (holder === undefined || seen.has(step.name)) continue;
    if (isSame(holder, claimant)) return step.path;
    seen.add(step.name);
    for (const next of waitsOf(state, holder))
      open.push({
        name: next,
        path: [...step.path, { sessionId: holder.sessionId, owner: holder.owner, name: next }],
      });
  }
  return undefined;
}

/** How many sessions hold the lock, wait for it or now ask for it. */
export const sessionsAt = ({ grant, waiters }: Lock, sessionId: string): number =>
  new Set([sessionId, grant.sessionId, ...waiters.map((waiter) => waiter.sessionId)]).size;
