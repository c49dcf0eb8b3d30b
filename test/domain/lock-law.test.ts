// The law of locks: against its model by random lives, and each of its promises by itself.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ConflictKind,
  conflictKinds,
  conflictOverResource,
  conflictPolicy,
  conflictStrategies,
  defaultConflictPolicy,
  lawfulStrategies,
  strategyFor,
} from '../../src/domain/lock/conflicts.ts';
import type { AcquireLock } from '../../src/domain/lock/lock-commands.ts';
import { locksLaw, locksStream } from '../../src/domain/lock/lock-law.ts';
import { lockLimits } from '../../src/domain/lock/lock-state.ts';
import { LawLife } from '../support/law-life.ts';
import { assertFair, liveLocks, lockSteps } from '../support/lock-model.ts';

const acquire = (sessionId: string, name: string, terms: Partial<AcquireLock> = {}): AcquireLock => ({
  ...{ type: 'lock.acquire', sessionId, name, owner: null, priority: 0, interruptible: false },
  ...{ graceMs: 10, ttlMs: 100, waitMs: 50, ...terms },
});

const begun = (policy = defaultConflictPolicy) => new LawLife(locksLaw(policy), locksStream);
const tokenOf = (answer: unknown): number => Number((answer as { token: number }).token);

test('whatever is asked of locks, they come to what the model comes to', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(lockSteps, (steps) => {
      for (const { type } of liveLocks(steps).events) seen.add(type);
    }),
    { numRuns: 150 },
  );
  expect([...seen].sort()).toEqual([
    ...['lock.expired', 'lock.granted', 'lock.interrupted', 'lock.queued'],
    ...['lock.released', 'lock.renewed', 'lock.waitEnded'],
  ]);
});

test('a holder that is heard of no more loses the lock when its time is over, however late that is noticed', () => {
  const life = begun();
  const token = tokenOf(life.send(acquire('a', 'x'), 0));
  life.send(acquire('b', 'x', { waitMs: 1_000 }), 10);
  life.send(acquire('c', 'x', { waitMs: 60 }), 10);
  expect(life.law.nextDeadline(life.state)).toBe(70);
  life.passTime(900);
  expect(life.state.locks.get('x')).toMatchObject({
    grant: { sessionId: 'b', expiresAt: 1_000 },
    waiters: [],
  });
  expect(life.send({ type: 'lock.renew', name: 'x', sessionId: 'a', token, ttlMs: null }, 901)).toBe(
    'LOCK_TOKEN_STALE',
  );
});

test('whoever waits, with others of a higher priority coming all the time, is passed over eight times', () => {
  const life = begun();
  let token = tokenOf(life.send(acquire('z', 'x', { ttlMs: 9_000 }), 0));
  life.send(acquire('patient', 'x', { waitMs: 9_000 }), 1);
  const order: string[] = [];
  for (let n = 0; n < 20; n++) {
    life.send(acquire(`s${n}`, 'x', { priority: 5, waitMs: 9_000, ttlMs: 9_000 }), 2 + n);
    const holder = life.state.locks.get('x')?.grant;
    life.send({ type: 'lock.release', name: 'x', sessionId: holder?.sessionId ?? '', token }, 2 + n);
    token = life.state.locks.get('x')?.grant.token ?? 0;
    order.push(life.state.locks.get('x')?.grant.sessionId ?? '');
  }
  expect(order.indexOf('patient')).toBe(8);
  assertFair(life);
});

describe('a deadlock', () => {
  test('is refused to whoever would close it, and names who waits for whom', () => {
    const life = begun();
    for (const [who, what] of [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'z'],
    ] as const)
      life.send(acquire(who, what), 0);
    life.send(acquire('a', 'y'), 1);
    life.send(acquire('b', 'z'), 1);
    const decision = life.law.decide(life.state, acquire('c', 'x'), 1, life.events.length);
    expect(decision).toEqual({
      refusal: {
        code: 'DEADLOCK',
        details: {
          ...{ sessionId: 'c', name: 'x' },
          cycle: [
            { sessionId: 'c', owner: null, name: 'x' },
            { sessionId: 'a', owner: null, name: 'y' },
            { sessionId: 'b', owner: null, name: 'z' },
          ],
        },
      },
    });
    // Whoever does not wait closes nothing.
    expect(life.send(acquire('c', 'x', { waitMs: 0 }), 1)).toBe('LOCK_HELD');
  });

  test('that comes about by a grant ends the other wait of whoever was granted it', () => {
    const life = begun();
    const token = tokenOf(life.send(acquire('h', 'x'), 0));
    life.send(acquire('b', 'y'), 0);
    life.send(acquire('a', 'x'), 1);
    life.send(acquire('b', 'x'), 2);
    // Two at once: neither of them is a deadlock yet.
    expect(life.send(acquire('a', 'y'), 3)).toMatchObject({ outcome: 'waiting' });
    life.send({ type: 'lock.release', name: 'x', sessionId: 'h', token }, 4);
    expect(life.events.slice(-2)).toMatchObject([
      { type: 'lock.granted', data: { sessionId: 'a', name: 'x' } },
      { type: 'lock.waitEnded', data: { name: 'y', cause: 'deadlock' } },
    ]);
  });

  test('is none among those who only wait in one row', () => {
    const life = begun();
    life.send(acquire('a', 'x'), 0);
    for (const who of ['b', 'c', 'd'])
      expect(life.send(acquire(who, 'x'), 1)).toMatchObject({ outcome: 'waiting' });
  });
});

describe('a holder is interrupted', () => {
  test('by a higher priority if it said that it may be, and loses the lock after its grace', () => {
    const life = begun();
    const token = tokenOf(life.send(acquire('a', 'x', { interruptible: true }), 0));
    life.send(acquire('b', 'x', { priority: 1 }), 20);
    const renewed = life.send({ type: 'lock.renew', name: 'x', sessionId: 'a', token, ttlMs: 500 }, 25);
    expect(renewed).toMatchObject({ interrupted: true, expiresAt: 525, until: 30 });
    life.passTime(30);
    expect(life.events.slice(-2)).toMatchObject([
      { type: 'lock.expired', data: { token, cause: 'interrupted' } },
      { type: 'lock.granted', data: { sessionId: 'b' } },
    ]);
  });

  test.each([
    ['it did not say so', { interruptible: false }, { priority: 9 }],
    ['the priority is no higher', { interruptible: true, priority: 9 }, { priority: 9 }],
  ])('not when %s', (_, held, asked) => {
    const life = begun();
    life.send(acquire('a', 'x', held), 0);
    life.send(acquire('b', 'x', asked), 1);
    expect(life.state.locks.get('x')?.grant.interrupt).toBeNull();
  });

  test('in any case when nothing was heard of it for half an hour', () => {
    const life = begun();
    life.send(acquire('a', 'x', { ttlMs: 9_000_000 }), 0);
    life.send(acquire('b', 'x'), 1_800_001);
    expect(life.state.locks.get('x')?.grant.interrupt).toMatchObject({ by: 'b', until: 1_800_011 });
  });
});

test('the table says what is done about each kind of conflict, and a user may say otherwise where it is allowed', () => {
  const chosen = (kind: ConflictKind): readonly string[] => [1, 2, 3].map((n) => strategyFor(kind, n));
  expect(Object.fromEntries(conflictKinds.map((kind) => [kind, chosen(kind)]))).toEqual({
    concurrent_access: ['transfer_to_latest', 'transfer_to_latest', 'queue_sequential'],
    ownership: ['transfer_to_latest', 'transfer_to_latest', 'transfer_to_latest'],
    resource_lock: ['queue_sequential', 'queue_sequential', 'queue_sequential'],
    data_integrity: ['rollback', 'rollback', 'rollback'],
    session_timeout: ['transfer_to_latest', 'transfer_to_latest', 'transfer_to_latest'],
    version_conflict: ['merge', 'merge', 'merge'],
  });
  const used = new Set(conflictKinds.flatMap(lawfulStrategies));
  expect([...used].sort()).toEqual([...conflictStrategies].sort());
  expect(strategyFor('resource_lock', 9, { resource_lock: 'abort' })).toBe('abort');
  expect(() => conflictPolicy({ ownership: 'merge' })).toThrow('conflicts.ownership: give one of');
  expect(() => conflictPolicy({ constructor: 'merge' } as never)).toThrow('there is no such kind');
});

test('what kind of conflict it is depends on how long the holder is silent and how many want it', () => {
  const kinds = [0, 119_999, 120_000, 1_800_000, 1_800_001].map((silentMs) =>
    [2, 3].map((sessions) => conflictOverResource({ silentMs, sessions })),
  );
  expect(kinds).toEqual([
    ['resource_lock', 'concurrent_access'],
    ['resource_lock', 'concurrent_access'],
    ['resource_lock', 'resource_lock'],
    ['resource_lock', 'resource_lock'],
    ['session_timeout', 'session_timeout'],
  ]);
});

test.each(['abort', 'manual'] as const)(
  'with the strategy %s whoever asks is refused at once',
  (resource_lock) => {
    const life = begun(conflictPolicy({ resource_lock }));
    life.send(acquire('a', 'x'), 0);
    expect(life.send(acquire('b', 'x'), 1)).toBe('LOCK_HELD');
    expect(life.send(acquire('b', 'x', { strategy: 'queue_sequential' }), 1)).toMatchObject({
      outcome: 'waiting',
    });
  },
);

test('neither a row nor what one session holds grows without end', () => {
  const life = begun();
  life.send(acquire('z', 'x', { ttlMs: 9_000 }), 0);
  for (let n = 0; n < lockLimits.waiters; n++) life.send(acquire(`s${n}`, 'x'), 1);
  expect(life.send(acquire('late', 'x'), 1)).toBe('LOCK_QUEUE_FULL');
  for (let n = 0; n < lockLimits.perSession - 1; n++) life.send(acquire('z', `y${n}`), 1);
  expect(life.send(acquire('z', 'one more'), 1)).toBe('LOCK_LIMIT');
});
