// Sessions that take, keep, release and forget locks while time passes, over a journal whose every append is let go by a scheduler:
// who may believe that a lock is his, what a resource takes that compares tokens, and whether anything is left in the end.
import fc from 'fast-check';
import type { Clock } from '../../src/base/clock.ts';
import { Locks } from '../../src/collaboration/locks/locks.ts';
import { defaultConflictPolicy } from '../../src/domain/lock/conflicts.ts';
import type { LocksState } from '../../src/domain/lock/lock-state.ts';
import { codeOf } from './outcome.ts';
import { scheduledJournal } from './scheduled-journal.ts';

interface Step {
  readonly name: string;
  readonly priority: number;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly interruptible: boolean;
  /** `forget`: it dies, or stalls. `abort`: it waits no more after the first chance. */
  readonly after: 'release' | 'renew' | 'forget' | 'abort' | 'end';
}

const step: fc.Arbitrary<Step> = fc.record({
  name: fc.constantFrom('x', 'x', 'y'),
  priority: fc.constantFrom(0, 0, 5),
  ttlMs: fc.constantFrom(4, 30, 100),
  waitMs: fc.constantFrom(0, 6, 60),
  interruptible: fc.boolean(),
  after: fc.constantFrom('release', 'release', 'renew', 'forget', 'abort', 'end'),
});

/** What each session does, one thing after the other, and how time passes beside them. */
export const lockPlans = fc.record({
  sessions: fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 4 }),
  times: fc.array(fc.constantFrom(1, 3, 10), { maxLength: 6 }),
});

export interface LockRace {
  /** What must not be, in words. */
  readonly broken: readonly string[];
  readonly granted: number;
  /** Writes under an old token that the resource refused. */
  readonly refused: number;
  /** Writes by whoever could be sure that the lock was his. */
  readonly sure: number;
}

export interface RacingClock extends Clock {
  /** At once, and without a turn of anything else between. */
  readonly pass: (ms: number) => void;
}

export function racingClock(): RacingClock {
  let now = 1_000;
  const tasks = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: () => now,
    schedule(delayMs, run) {
      const task = { at: now + Math.max(0, delayMs), run };
      tasks.add(task);
      return () => void tasks.delete(task);
    },
    pass(ms) {
      now += ms;
      for (const task of [...tasks].sort((a, b) => a.at - b.at)) {
        if (task.at > now || !tasks.delete(task)) continue;
        task.run();
      }
    },
  };
}

interface Racers {
  readonly locks: Locks;
  readonly clock: RacingClock;
  readonly scheduler: fc.Scheduler;
  /** By name, the greatest token that the resource has seen. */
  readonly newest: Map<string, number>;
  /** Tokens under which nobody is interrupted: who holds a lock and asks again has it on the terms of before. */
  readonly undisturbed: Set<number>;
  readonly broken: string[];
  granted: number;
  refused: number;
  sure: number;
}

export async function raceForLocks(
  plan: { readonly sessions: readonly (readonly Step[])[]; readonly times: readonly number[] },
  scheduler: fc.Scheduler,
): Promise<LockRace> {
  const journal = scheduledJournal(scheduler);
  const clock = racingClock();
  const locks = new Locks({
    ...{ journal, clock, mailboxSize: 100, policy: defaultConflictPolicy },
    ...{ telemetry: () => {}, publish: () => {} },
  });
  const racers: Racers = {
    locks,
    clock,
    scheduler,
    newest: new Map(),
    undisturbed: new Set(),
    broken: [],
    granted: 0,
    refused: 0,
    sure: 0,
  };
  const all = race(racers, plan);
  await scheduler.waitFor(all);
  await all;
  const { broken, granted, refused, sure } = racers;
  return { broken, granted, refused, sure };
}

async function race(
  racers: Racers,
  { sessions, times }: { readonly sessions: readonly (readonly Step[])[]; readonly times: readonly number[] },
): Promise<void> {
  const { locks, clock, scheduler } = racers;
  let isOver = false;
  const passing = async (): Promise<void> => {
    for (const [n, ms] of times.entries()) {
      await scheduler.schedule(Promise.resolve(), `time ${n}`);
      clock.pass(ms);
    }
    // Whoever still waits does so until its deadline at the latest.
    for (let n = 0; !isOver; n++) {
      await scheduler.schedule(Promise.resolve(), `time goes on ${n}`);
      clock.pass(3);
    }
  };
  const acting = Promise.all(sessions.map((steps, n) => act(racers, `s${n}`, steps))).finally(() => {
    isOver = true;
  });
  await Promise.all([acting, passing()]);
  // The longest that anything is held beyond its last word.
  for (let n = 0; n < 14; n++) {
    clock.pass(10);
    await scheduler.schedule(Promise.resolve(), `all is over ${n}`);
  }
  await settled(racers);
  const state = await locks.read();
  if (state.locks.size + state.waits > 0) racers.broken.push(`${shown(state)} is left`);
  await locks.close();
}

/** What the clock has decided is on its way through the journal; whoever was granted a lock by that has it for its own time. */
async function settled({ locks, scheduler, clock }: Racers): Promise<void> {
  for (let n = 0; n < 50 && (await locks.read()).locks.size > 0; n++) {
    await scheduler.schedule(Promise.resolve(), 'look');
    clock.pass(10);
  }
}

async function act(racers: Racers, sessionId: string, steps: readonly Step[]): Promise<void> {
  const { locks, scheduler } = racers;
  for (const [n, { name, after, ...terms }] of steps.entries()) {
    await scheduler.schedule(Promise.resolve(), `${sessionId}.${n}`);
    const abort = new AbortController();
    const command = {
      ...({ type: 'lock.acquire', sessionId, name, owner: null, graceMs: 3, ...terms } as const),
    };
    const call = locks.acquire(command, { signal: abort.signal });
    call.catch(() => undefined);
    if (after === 'abort') {
      await scheduler.schedule(Promise.resolve(), `${sessionId}.${n} gives up`);
      abort.abort();
    }
    const got = await call.catch(() => undefined);
    if (got === undefined) continue;
    racers.granted += 1;
    if (!terms.interruptible && got.outcome === 'granted') racers.undisturbed.add(got.token);
    use(racers, sessionId, name, got);
    await scheduler.schedule(Promise.resolve(), `${sessionId}.${n} goes on`);
    use(racers, sessionId, name, got);
    const held = { name, sessionId, token: got.token };
    if (after === 'release') await codeOf(locks.send({ type: 'lock.release', ...held }));
    else if (after === 'renew') await renew(racers, held);
    else if (after === 'forget') {
      // It stalls, and then goes on as if nothing had been.
      for (let turn = 0; turn < 8; turn++)
        await scheduler.schedule(Promise.resolve(), `${sessionId}.${n} stalls ${turn}`);
      use(racers, sessionId, name, got);
    } else if (after === 'end') await locks.endSession(sessionId, 'over');
  }
}

async function renew(
  racers: Racers,
  held: { readonly name: string; readonly sessionId: string; readonly token: number },
): Promise<void> {
  const renewed = await racers.locks
    .send({ type: 'lock.renew', ...held, ttlMs: null })
    .catch(() => undefined);
  if (renewed === undefined) return;
  const until = Number(renewed.until);
  use(racers, held.sessionId, held.name, { token: held.token, until });
  await codeOf(racers.locks.send({ type: 'lock.release', ...held }));
}

/** Whoever may believe that the lock is his writes to the resource, which compares tokens: it must be taken. */
function use(
  racers: Racers,
  sessionId: string,
  name: string,
  { token, until }: { readonly token: number; readonly until: number },
): void {
  const newest = racers.newest.get(name) ?? 0;
  if (token >= newest) racers.newest.set(name, token);
  else racers.refused += 1;
  const isSure = racers.undisturbed.has(token) && racers.clock.now() < until;
  if (isSure) racers.sure += 1;
  if (isSure && token < newest)
    racers.broken.push(`${sessionId} holds ${name} under ${token} until ${until}, and so does ${newest}`);
}

const shown = ({ locks, waits }: LocksState): string =>
  `${[...locks.entries()].map(([name, { grant }]) => `${name} of ${grant.sessionId}`).join(', ')} with ${waits} waiting`;
