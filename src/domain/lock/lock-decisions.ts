// Which events a command to the locks leads to. What becomes free goes to the next who waits in the same decision, so that no lock is
// ever free while somebody waits for it.
import { assertNever } from '../../base/errors.ts';
import { type Decision, type Proposal, refuse } from '../law.ts';
import {
  type ConflictKind,
  type ConflictPolicy,
  type ConflictStrategy,
  conflictOverResource,
  strategyFor,
} from './conflicts.ts';
import type { AcquireLock, LockCommand } from './lock-commands.ts';
import type { GrantEnd, LockEventData, LockEventType } from './lock-events.ts';
import { evolveLocks } from './lock-evolve.ts';
import { cycleThrough, nextWaiter, sessionsAt, waitsOf } from './lock-queue.ts';
import { endsAt, isSame, type Lock, type LockGrant, type LocksState, lockLimits } from './lock-state.ts';

type Of<Type extends LockCommand['type']> = Extract<LockCommand, { readonly type: Type }>;

export function decideLocks(
  policy: ConflictPolicy,
  state: LocksState,
  command: LockCommand,
  at: number,
  seq: number,
): Decision {
  const draft = new Draft(state, at, seq);
  switch (command.type) {
    case 'lock.acquire':
      return acquire(policy, draft, command);
    case 'lock.renew':
      return renew(draft, command);
    case 'lock.release':
      return release(draft, command);
    case 'lock.revoke': {
      const lock = state.locks.get(command.name);
      if (lock === undefined) return { events: [], reply: { revoked: false } };
      end(draft, lock, 'revoked', command.reason);
      return { events: draft.events, reply: { revoked: true, token: lock.grant.token } };
    }
    case 'lock.withdraw':
      withdraw(draft, command);
      return { events: draft.events };
    case 'locks.endSession':
      return endSession(draft, command);
    case 'lock.lapse':
      lapse(draft, command.name);
      return { events: draft.events };
    default:
      return assertNever(command);
  }
}

/** Events and the state that they lead to, one after the other. */
class Draft {
  readonly at: number;
  readonly events: Proposal[] = [];
  state: LocksState;
  #seq: number;

  constructor(state: LocksState, at: number, seq: number) {
    this.state = state;
    this.at = at;
    this.#seq = seq;
  }

  /** Answers with the seq of the event. */
  add<Type extends LockEventType>(type: Type, data: LockEventData[Type]): number {
    const { at } = this;
    const seq = ++this.#seq;
    this.events.push({ type, data });
    this.state = evolveLocks(this.state, { stream: '', seq, at, type, typeVersion: 1, data }) ?? this.state;
    return seq;
  }
}

function acquire(policy: ConflictPolicy, draft: Draft, command: AcquireLock): Decision {
  const { at, state } = draft;
  const { name, sessionId, ttlMs } = command;
  const lock = state.locks.get(name);
  if (lock !== undefined && isSame(lock.grant, command)) return hold(draft, lock, ttlMs);
  const known = lock?.waiters.find((waiter) => isSame(waiter, command));
  if (known !== undefined) return waiting(draft, known.waitId, known.deadlineAt);
  const size = state.bySession.get(sessionId)?.length ?? 0;
  if (size >= lockLimits.perSession)
    return refuse('LOCK_LIMIT', { sessionId, what: 'the session', limit: lockLimits.perSession });
  if (lock !== undefined) return contend(policy, draft, lock, command);
  if (state.locks.size >= lockLimits.locks)
    return refuse('LOCK_LIMIT', { sessionId, what: 'the store', limit: lockLimits.locks });
  const expiresAt = at + ttlMs;
  const token = draft.add('lock.granted', { name, ...claimOf(command), waitId: null, expiresAt });
  return { events: draft.events, reply: { outcome: 'granted', token, expiresAt, until: expiresAt } };
}

const claimOf = ({
  sessionId,
  owner,
  priority,
  interruptible,
  graceMs,
  ttlMs,
}: Omit<AcquireLock, 'type' | 'name' | 'waitMs'>) => ({
  ...{ sessionId, owner, priority, interruptible, graceMs, ttlMs },
});

/** It is theirs already: so it stays, at least as long as was asked for now. */
function hold(draft: Draft, { name, grant }: Lock, ttlMs: number): Decision {
  const { token } = grant;
  const expiresAt = Math.max(grant.expiresAt, draft.at + ttlMs);
  if (expiresAt > grant.expiresAt) draft.add('lock.renewed', { name, token, expiresAt });
  const until = endsAt({ ...grant, expiresAt });
  return { events: draft.events, reply: { outcome: 'held', token, expiresAt, until } };
}

const waiting = ({ events }: Draft, waitId: number, deadlineAt: number): Decision => ({
  events,
  reply: { outcome: 'waiting', waitId, deadlineAt },
});

/** Another holds it: the table of conflicts says what is done. */
function contend(policy: ConflictPolicy, draft: Draft, lock: Lock, command: AcquireLock): Decision {
  const { at, state } = draft;
  const { name, sessionId, waitMs } = command;
  const { kind, strategy } = conflictAt(policy, lock, command, at);
  if (waitMs === 0 || strategy === 'abort' || strategy === 'manual') {
    const { token, sessionId: holder } = lock.grant;
    const until = endsAt(lock.grant);
    return refuse('LOCK_HELD', { name, holder, token, until, conflict: kind, strategy });
  }
  const cycle = cycleThrough(state, command, name);
  if (cycle !== undefined) return refuse('DEADLOCK', { sessionId, name, cycle });
  if (lock.waiters.length >= lockLimits.waiters)
    return refuse('LOCK_QUEUE_FULL', { name, limit: lockLimits.waiters });
  const deadlineAt = at + waitMs;
  const waitId = draft.add('lock.queued', { name, ...claimOf(command), deadlineAt });
  if (mayInterrupt(lock.grant, command, kind, strategy)) {
    const { token, graceMs, expiresAt } = lock.grant;
    const until = Math.min(expiresAt, at + graceMs);
    draft.add('lock.interrupted', { name, token, by: sessionId, until });
  }
  return waiting(draft, waitId, deadlineAt);
}

function conflictAt(
  policy: ConflictPolicy,
  lock: Lock,
  { sessionId, strategy: asked }: AcquireLock,
  at: number,
): { readonly kind: ConflictKind; readonly strategy: ConflictStrategy } {
  const sessions = sessionsAt(lock, sessionId);
  const kind = conflictOverResource({ silentMs: at - lock.grant.signAt, sessions }, policy);
  return { kind, strategy: asked ?? strategyFor(kind, sessions, policy.strategies) };
}

/** Whoever has not been heard of for long gives way in any case. */
function mayInterrupt(
  { interrupt, interruptible, priority }: LockGrant,
  asking: AcquireLock,
  kind: ConflictKind,
  strategy: ConflictStrategy,
): boolean {
  if (interrupt !== null) return false;
  const isTransferred = strategy === 'transfer_to_latest';
  if (isTransferred && kind === 'session_timeout') return true;
  return interruptible && (asking.priority > priority || isTransferred);
}

function renew(draft: Draft, command: Of<'lock.renew'>): Decision {
  const { name, ttlMs } = command;
  const grant = draft.state.locks.get(name)?.grant;
  if (!isTheirs(grant, command)) return stale(draft.state, command);
  const { token } = grant;
  const expiresAt = draft.at + (ttlMs ?? grant.ttlMs);
  draft.add('lock.renewed', { name, token, expiresAt });
  const until = endsAt({ ...grant, expiresAt });
  return { events: draft.events, reply: { token, expiresAt, until, interrupted: grant.interrupt !== null } };
}

function release(draft: Draft, command: Of<'lock.release'>): Decision {
  const lock = draft.state.locks.get(command.name);
  if (lock === undefined || !isTheirs(lock.grant, command)) return stale(draft.state, command);
  end(draft, lock, 'released', null);
  return { events: draft.events };
}

const isTheirs = (
  grant: LockGrant | undefined,
  { sessionId, token }: { readonly sessionId: string; readonly token: number },
): grant is LockGrant => grant !== undefined && grant.token === token && grant.sessionId === sessionId;

function stale(
  { locks }: LocksState,
  { name, token }: { readonly name: string; readonly token: number },
): Decision {
  return refuse('LOCK_TOKEN_STALE', { name, token, current: locks.get(name)?.grant.token ?? null });
}

/** Whoever waits no more may have been granted it meanwhile. */
function withdraw(draft: Draft, { name, waitId }: Of<'lock.withdraw'>): void {
  const lock = draft.state.locks.get(name);
  if (lock === undefined) return;
  if (lock.grant.waitId === waitId) end(draft, lock, 'withdrawn', null);
  else if (lock.waiters.some((waiter) => waiter.waitId === waitId))
    draft.add('lock.waitEnded', { name, waitId, cause: 'withdrawn' });
}

/** Its waits first, so that none of its locks comes back to it; then its locks, oldest first. */
function endSession(draft: Draft, command: Of<'locks.endSession'>): Decision {
  const { sessionId, reason, heardUntil = Number.POSITIVE_INFINITY } = command;
  const names = draft.state.bySession.get(sessionId) ?? [];
  const held: Lock[] = [];
  for (const name of names) {
    const lock = draft.state.locks.get(name);
    for (const waiter of lock?.waiters ?? [])
      if (waiter.sessionId === sessionId && waiter.since <= heardUntil)
        draft.add('lock.waitEnded', { name, waitId: waiter.waitId, cause: 'sessionEnded' });
    if (lock?.grant.sessionId === sessionId && lock.grant.signAt <= heardUntil) held.push(lock);
  }
  held.sort((a, b) => a.grant.token - b.grant.token);
  for (const { name } of held) {
    const lock = draft.state.locks.get(name);
    if (lock !== undefined) end(draft, lock, 'sessionEnded', reason);
  }
  return { events: draft.events, reply: { released: held.length } };
}

/** A wait whose deadline has passed is never granted, however late that is noticed. */
function lapse(draft: Draft, name: string): void {
  const { at } = draft;
  for (const { waitId, deadlineAt } of draft.state.locks.get(name)?.waiters ?? [])
    if (deadlineAt <= at) draft.add('lock.waitEnded', { name, waitId, cause: 'timedOut' });
  const lock = draft.state.locks.get(name);
  if (lock === undefined || endsAt(lock.grant) > at) return;
  const { token, interrupt } = lock.grant;
  const cause = interrupt !== null && interrupt.until <= at ? 'interrupted' : 'ttl';
  draft.add('lock.expired', { name, token, cause });
  grantNext(draft, name);
}

function end(draft: Draft, { name, grant }: Lock, cause: GrantEnd, reason: string | null): void {
  draft.add('lock.released', { name, token: grant.token, cause, reason });
  grantNext(draft, name);
}

function grantNext(draft: Draft, name: string): void {
  const next = nextWaiter(draft.state.locks.get(name)?.waiters ?? []);
  if (next === undefined) return;
  const expiresAt = draft.at + next.ttlMs;
  draft.add('lock.granted', { name, ...claimOf(next), waitId: next.waitId, expiresAt });
  breakDeadlocks(draft, next);
}

/**
 * Those who still wait for this lock now wait for another holder: where he waits in turn for one of them, it is his wait that ends.
 * One claimant can wait for several locks only when he asks for them at once.
 */
function breakDeadlocks(draft: Draft, holder: { sessionId: string; owner: string | null }): void {
  for (const name of waitsOf(draft.state, holder)) {
    const cycle = cycleThrough(draft.state, holder, name);
    const wait = draft.state.locks.get(name)?.waiters.find((waiter) => isSame(waiter, holder));
    if (cycle !== undefined && wait !== undefined)
      draft.add('lock.waitEnded', { name, waitId: wait.waitId, cause: 'deadlock', cycle });
  }
}
