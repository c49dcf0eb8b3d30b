// The locks that are held and who waits for them. A lock that nobody holds is not there: nobody waits for what is free.
import { deepFreeze } from '../../base/json.ts';
import { ShardedMap } from '../../base/sharded-map.ts';
import { type DueHeap, settledHeap, withDue } from '../due-heap.ts';
import type { LockClaimant, LockTerms } from './lock-events.ts';

export const lockLimits = {
  /** Held at once, in all. */
  locks: 20_000,
  /** Who waits for one lock. */
  waiters: 100,
  /** What one session holds or waits for. */
  perSession: 200,
} as const;

/** Whoever waits is passed over by at most so many who came later. */
export const overtakings = 8;

export interface LockGrant extends LockClaimant, LockTerms {
  /** The fencing token: greater than all that were given before. */
  readonly token: number;
  readonly waitId: number | null;
  readonly grantedAt: number;
  /** When the holder was last heard of. */
  readonly signAt: number;
  readonly expiresAt: number;
  /** Set once it is to be given up. */
  readonly interrupt: { readonly by: string; readonly at: number; readonly until: number } | null;
}

export interface LockWaiter extends LockClaimant, LockTerms {
  readonly waitId: number;
  readonly since: number;
  readonly deadlineAt: number;
  /** How many who came later went first. */
  readonly passed: number;
}

export interface Lock {
  readonly name: string;
  readonly grant: LockGrant;
  /** In the order in which they came. */
  readonly waiters: readonly LockWaiter[];
}

interface LockTally {
  readonly granted: number;
  readonly released: number;
  readonly expired: number;
  readonly interrupted: number;
  readonly timedOut: number;
  readonly deadlocks: number;
  /** What those who were granted it had waited together, in milliseconds. */
  readonly waitedMs: number;
  /** How long locks were held that are free again. */
  readonly heldMs: number;
}

export interface LocksState {
  readonly locks: ShardedMap<Lock>;
  /** By session the names of the locks that it holds or waits for. */
  readonly bySession: ShardedMap<readonly string[]>;
  readonly waits: number;
  readonly dues: DueHeap | null;
  readonly tally: LockTally;
}

const noTally: LockTally = Object.freeze({
  ...{ granted: 0, released: 0, expired: 0, interrupted: 0, timedOut: 0, deadlocks: 0 },
  ...{ waitedMs: 0, heldMs: 0 },
});

export const noLocks: LocksState = Object.freeze({
  locks: ShardedMap.empty,
  bySession: ShardedMap.empty,
  waits: 0,
  dues: null,
  tally: noTally,
});

export const isSame = (a: LockClaimant, b: LockClaimant): boolean =>
  a.sessionId === b.sessionId && a.owner === b.owner;

/** When a grant is over if nothing is said. */
export const endsAt = ({ expiresAt, interrupt }: LockGrant): number =>
  interrupt === null ? expiresAt : Math.min(expiresAt, interrupt.until);

export const dueAtOf = ({ grant, waiters }: Lock): number =>
  waiters.reduce((least, { deadlineAt }) => Math.min(least, deadlineAt), endsAt(grant));

/** So many entries that count no more may be in the heap, beside as many as there are locks. */
const fewStale = 64;

/** The state with a lock as it is now, or without it. */
export function withLock(state: LocksState, name: string, lock: Lock | undefined): LocksState {
  const before = state.locks.get(name);
  const locks = lock === undefined ? state.locks.delete(name) : state.locks.set(name, lock);
  const waits = state.waits + (lock?.waiters.length ?? 0) - (before?.waiters.length ?? 0);
  const next = { ...state, locks, waits, bySession: indexed(state.bySession, name, before, lock) };
  return { ...next, dues: duesAfter(next, before, lock) };
}

function duesAfter(state: LocksState, before: Lock | undefined, lock: Lock | undefined): DueHeap | null {
  const isMoved =
    lock !== undefined && (before?.grant.token !== lock.grant.token || dueAtOf(before) !== dueAtOf(lock));
  const dues = isMoved
    ? withDue(state.dues, { at: dueAtOf(lock), order: lock.grant.token, id: lock.name })
    : state.dues;
  if ((dues?.size ?? 0) > 2 * state.locks.size + fewStale) return allDues(state.locks);
  return settledHeap(dues, ({ at, order, id }) => {
    const found = state.locks.get(id);
    return found !== undefined && found.grant.token === order && dueAtOf(found) === at;
  });
}

function allDues(locks: ShardedMap<Lock>): DueHeap | null {
  let heap: DueHeap | null = null;
  for (const [id, lock] of locks.entries())
    heap = withDue(heap, { at: dueAtOf(lock), order: lock.grant.token, id });
  return heap;
}

const sessionsOf = (lock: Lock | undefined): ReadonlySet<string> =>
  new Set(lock === undefined ? [] : [lock.grant, ...lock.waiters].map(({ sessionId }) => sessionId));

function indexed(
  bySession: LocksState['bySession'],
  name: string,
  before: Lock | undefined,
  lock: Lock | undefined,
): LocksState['bySession'] {
  const [was, is] = [sessionsOf(before), sessionsOf(lock)];
  let index = bySession;
  for (const id of was) {
    if (is.has(id)) continue;
    const rest = (index.get(id) ?? []).filter((other) => other !== name);
    index = rest.length === 0 ? index.delete(id) : index.set(id, rest);
  }
  for (const id of is) if (!was.has(id)) index = index.set(id, [...(index.get(id) ?? []), name]);
  return index;
}

/** In the order in which they were granted. */
export const listLocks = ({ locks }: Pick<LocksState, 'locks'>): readonly Lock[] =>
  [...locks.entries()].map(([, lock]) => lock).sort((a, b) => a.grant.token - b.grant.token);

interface Encoded {
  readonly locks: readonly Lock[];
  readonly bySession: readonly (readonly [string, readonly string[]])[];
  readonly tally: LockTally;
}

export function encodeLocks(state: LocksState): string {
  const sessions = [...state.bySession.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  const encoded: Encoded = { locks: listLocks(state), bySession: sessions, tally: state.tally };
  return JSON.stringify(encoded);
}

export function decodeLocks(text: string): LocksState {
  const { locks: list, bySession, tally } = deepFreeze(JSON.parse(text)) as Encoded;
  const locks = ShardedMap.of(list.map((lock) => [lock.name, lock] as const));
  const waits = list.reduce((sum, { waiters }) => sum + waiters.length, 0);
  return { locks, bySession: ShardedMap.of(bySession), waits, dues: allDues(locks), tally };
}
