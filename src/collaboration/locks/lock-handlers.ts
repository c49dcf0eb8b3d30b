// The handlers of all operations on locks, for the system to bind.
import type { Clock } from '../../base/clock.ts';
import { HoldfastError } from '../../base/errors.ts';
import { type ConflictStrategies, lawfulStrategies, strategyFor } from '../../domain/lock/conflicts.ts';
import type { AcquireLock } from '../../domain/lock/lock-commands.ts';
import { endsAt, type Lock, type LocksState, listLocks } from '../../domain/lock/lock-state.ts';
import type { Call, Handlers } from '../../operations/bind.ts';
import { listCursor, placeIn } from '../../operations/list-cursor.ts';
import type { OperationName, OutputOf, ParsedInputOf } from '../../operations/registry.ts';
import type { LockGranted, LockInfo, LockStats } from '../../operations/views/lock-views.ts';
import type { Page } from '../../operations/views/views.ts';
import type { SessionWatch } from '../session-watch.ts';
import type { Locks } from './locks.ts';

export type LockOperation = Extract<OperationName, `locks.${string}`>;

export interface LockHandlerContext {
  readonly locks: Locks;
  readonly clock: Clock;
  readonly strategies: ConflictStrategies;
  /** Throws where the session may not hold anything. */
  readonly admit: (sessionId: string) => Promise<void>;
  readonly endOf: SessionWatch['endOf'];
}

export function lockHandlers(context: LockHandlerContext): Handlers<LockOperation> {
  const { locks, strategies } = context;
  return {
    'locks.acquire': (input, call) => acquire(context, input, call),
    'locks.renew': async ({ fencingToken: token, ttlMs = null, ...held }, call) => {
      const answer = await locks.send({ type: 'lock.renew', ...held, token, ttlMs }, call);
      const { token: _, expiresAt: __, ...rest } = answer;
      return { ...rest, fencingToken: token } as unknown as OutputOf<'locks.renew'>;
    },
    'locks.release': ({ fencingToken: token, ...held }, call) =>
      locks.send({ type: 'lock.release', ...held, token }, call),
    'locks.notice': ({ name, fencingToken, sessionId }, { signal }) =>
      locks.notice(name, fencingToken, sessionId, signal),
    'locks.held': async ({ sessionId }) => {
      const state = await locks.read();
      return (state.bySession.get(sessionId) ?? []).map((name) => infoOf(name, state.locks.get(name)));
    },
    'locks.check': async ({ name, fencingToken }) => {
      const grant = await locks.heldUnder(name, fencingToken);
      if (grant === undefined) throw await staleToken(locks, name, fencingToken);
      const { sessionId, interrupt } = grant;
      return { name, fencingToken, sessionId, until: endsAt(grant), interrupted: interrupt !== null };
    },
    'locks.get': async ({ name }) => infoOf(name, (await locks.read()).locks.get(name)),
    'locks.list': async ({ limit, cursor }) => pageOf(await locks.read(), limit, cursor),
    'locks.revoke': (input, call) =>
      locks.send({ type: 'lock.revoke', ...input }, call) as Promise<unknown> as Promise<
        OutputOf<'locks.revoke'>
      >,
    'locks.stats': async () => statsOf(await locks.read(), locks.deadlocksRefused),
    'locks.strategy': ({ kind, sessions }) => ({
      ...{ kind, strategy: strategyFor(kind, sessions, strategies), lawful: lawfulStrategies(kind) },
    }),
  };
}

async function acquire(
  { locks, admit, endOf }: LockHandlerContext,
  { owner: given, strategy, ...input }: ParsedInputOf<'locks.acquire'>,
  call: Call,
): Promise<LockGranted> {
  const { name, sessionId } = input;
  await admit(sessionId);
  const owner = given ?? null;
  const terms = strategy === undefined ? input : { ...input, strategy };
  const command: AcquireLock = { type: 'lock.acquire', ...terms, owner };
  const { answer, outcome, token, until } = await locks.acquire(command, call);
  // Ended meanwhile, it was looked for before it held anything.
  const end = await endOf(sessionId);
  if (end !== undefined) {
    await locks.endSession(sessionId, end.reason);
    await admit(sessionId);
  }
  const { seq, durability, repeated } = answer;
  const acknowledged = { seq: Math.max(seq, token), durability, ...(repeated && { repeated }) };
  return { ...acknowledged, name, outcome, fencingToken: token, until };
}

async function staleToken(locks: Locks, name: string, token: number): Promise<HoldfastError> {
  const current = (await locks.read()).locks.get(name)?.grant.token ?? null;
  return new HoldfastError('LOCK_TOKEN_STALE', { name, token, current });
}

function infoOf(name: string, lock: Lock | undefined): LockInfo {
  if (lock === undefined) return { name, holder: null, waiters: [] };
  const { token, sessionId, owner, priority, interruptible, grantedAt, interrupt } = lock.grant;
  return {
    name,
    holder: {
      ...{ sessionId, owner, fencingToken: token, priority, interruptible, grantedAt },
      ...{ until: endsAt(lock.grant), interruptedBy: interrupt?.by ?? null },
    },
    waiters: lock.waiters.map((waiter) => ({
      ...{ sessionId: waiter.sessionId, owner: waiter.owner, priority: waiter.priority },
      ...{ since: waiter.since, deadlineAt: waiter.deadlineAt, passed: waiter.passed },
    })),
  };
}

/** The cursor is the token of the last lock that was shown: what is granted later comes behind it. */
function pageOf(state: LocksState, limit: number, cursor: string | undefined): Page<LockInfo> {
  const after = Number(placeIn('locks', cursor) ?? 0);
  if (!Number.isSafeInteger(after)) throw new HoldfastError('INVALID_CURSOR', { value: cursor });
  const rest = listLocks(state).filter(({ grant }) => grant.token > after);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page.map((lock) => infoOf(lock.name, lock)),
    total: state.locks.size,
    ...(rest.length > limit &&
      last !== undefined && { cursor: listCursor('locks', String(last.grant.token)) }),
  };
}

function statsOf({ locks, waits, tally }: LocksState, deadlocksRefused: number): LockStats {
  const { waitedMs, heldMs, ...counts } = tally;
  const ended = tally.released + tally.expired;
  return {
    ...{ held: locks.size, waiting: waits, ...counts, deadlocksRefused },
    averageWaitMs: tally.granted === 0 ? null : Math.round(waitedMs / tally.granted),
    averageHeldMs: ended === 0 ? null : Math.round(heldMs / ended),
  };
}
