// The law of the locks on resources, whole. All of them stand in one stream: so that a deadlock is seen before it is one, and a token
// is greater than every other that was ever given.

import { type Law, refuse } from '../law.ts';
import { type ConflictPolicy, defaultConflictPolicy } from './conflicts.ts';
import type { LockCommand } from './lock-commands.ts';
import { decideLocks } from './lock-decisions.ts';
import { evolveLocks } from './lock-evolve.ts';
import { decodeLocks, encodeLocks, type LocksState, noLocks } from './lock-state.ts';

const kind = 'locks';

/** The id of the one stream. */
export const locksId = 'main';
export const locksStream = `${kind}/${locksId}`;

export function locksLaw(policy: ConflictPolicy = defaultConflictPolicy): Law<LocksState, LockCommand> {
  return {
    kind,
    version: 1,
    eventVersions: {},
    initial: () => noLocks,
    tombstone: () => noLocks,
    decide: (state, command, at, seq) => decideLocks(policy, state, command, at, seq),
    evolve: evolveLocks,
    explain: (_, { data }) => {
      const { name = '', token = 0 } = data as { readonly name?: string; readonly token?: number };
      return refuse('LOCK_TOKEN_STALE', { name, token, current: null }).refusal;
    },
    due: ({ dues }, now, time = now) =>
      dues !== null && dues.at <= time ? { type: 'lock.lapse', name: dues.id } : undefined,
    nextSpan: ({ dues }) => dues?.at ?? null,
    nextDeadline: ({ dues }) => dues?.at ?? null,
    isUrgent: ({ type }) => type !== 'lock.acquire',
    isProgress: ({ type }) => type !== 'lock.expired' && type !== 'lock.waitEnded',
    summarize: ({ locks, waits, dues }) => ({
      status: locks.size > 0 ? 'held' : 'free',
      dueAt: dues?.at ?? null,
      summary: { locks: locks.size, waits },
    }),
    encode: encodeLocks,
    decode: decodeLocks,
  };
}
