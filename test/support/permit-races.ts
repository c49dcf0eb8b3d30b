// One key of permits under moves in every order that a scheduler chooses, and pools under random lives: what is counted beside them
// says whether more was held than may be, whether somebody was overtaken, and whether anything stranded.
import fc from 'fast-check';
import type { PermitKey } from '../../src/domain/permit-limits.ts';
import { PermitPool } from '../../src/session/permits/permit-pool.ts';
import { Permits } from '../../src/session/permits/permits.ts';
import { manualClock } from '../../src/testing/manual-clock.ts';

interface Ask {
  readonly tree: string;
  readonly use: { readonly requests: number; readonly tokens: number; readonly cost: number };
  /** No later than so many grants after it has joined, where trees have no limits of their own. */
  readonly bound: number;
  readonly joinedAt: number;
}

export type PoolMove =
  | { readonly move: 'join'; readonly tree: number; readonly tokens: number }
  | { readonly move: 'leave' | 'free'; readonly nth: number }
  | { readonly move: 'report'; readonly nth: number; readonly tokens: number }
  | { readonly move: 'refuse'; readonly afterMs: number }
  | { readonly move: 'time'; readonly ms: number };

export const poolMoves: fc.Arbitrary<readonly PoolMove[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ move: fc.constant('join' as const), tree: fc.nat(4), tokens: fc.nat(60) }),
    },
    fc.record({ move: fc.constantFrom('leave' as const, 'free' as const), nth: fc.nat(20) }),
    fc.record({ move: fc.constant('report' as const), nth: fc.nat(20), tokens: fc.nat(90) }),
    fc.record({ move: fc.constant('refuse' as const), afterMs: fc.nat(5_000) }),
    fc.record({ move: fc.constant('time' as const), ms: fc.nat(40_000) }),
  ),
  { minLength: 5, maxLength: 80, size: 'max' },
);

export const poolLimits: fc.Arbitrary<PermitKey> = fc.record(
  {
    inFlight: fc.integer({ min: 1, max: 4 }),
    perMinute: fc.integer({ min: 1, max: 6 }),
    tokensPerMinute: fc.integer({ min: 60, max: 200 }),
    perTree: fc.record(
      { inFlight: fc.integer({ min: 1, max: 2 }), tokensPerMinute: fc.integer({ min: 60, max: 120 }) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

/** What was broken, if anything was. */
export function livePool(limits: PermitKey, moves: readonly PoolMove[]): readonly string[] {
  const broken: string[] = [];
  const pool = new PermitPool<Ask>(limits);
  const waiting: Ask[] = [];
  const held: { ask: Ask; at: number }[] = [];
  const grants: { tree: string; at: number; requests: number; tokens: number }[] = [];
  let now = 1_000_000;
  let pausedUntil = 0;
  let granted = 0;
  const serve = (): void => {
    for (const ask of pool.serve(now)) {
      if (now < pausedUntil) broken.push('granted while all were told to wait');
      granted += 1;
      if (limits.perTree === undefined && granted - ask.joinedAt > ask.bound)
        broken.push(`overtaken: ${granted - ask.joinedAt} grants, at most ${ask.bound}`);
      const [first] = waiting.filter(({ tree }) => tree === ask.tree);
      if (first !== ask) broken.push('not first come first served within a tree');
      waiting.splice(waiting.indexOf(ask), 1);
      held.push({ ask, at: now });
      grants.push({ tree: ask.tree, at: now, requests: 1, tokens: ask.use.tokens });
      const inTree = held.filter(({ ask: { tree } }) => tree === ask.tree).length;
      if (held.length > (limits.inFlight ?? Infinity)) broken.push('too many are held');
      if (inTree > (limits.perTree?.inFlight ?? Infinity)) broken.push('too many are held in a tree');
      const last = grants.filter(({ at }) => at > now - 60_000);
      if (last.length > (limits.perMinute ?? Infinity)) broken.push('too many in a minute');
    }
  };
  const free = (nth: number, tokens?: number): void => {
    const [one] = held.splice(nth % Math.max(held.length, 1), 1);
    if (one === undefined) return;
    const used = tokens === undefined ? undefined : { ...one.ask.use, tokens };
    pool.giveBack(one.ask, one.at, used, now);
  };
  for (const step of moves) {
    if (step.move === 'join') {
      const tree = `t${step.tree}`;
      const trees = new Set([...waiting.map((ask) => ask.tree), tree]);
      // Trees that come later stand behind it, and each is served once before it at most.
      const place = waiting.filter((ask) => ask.tree === tree).length + 1;
      const bound = place * Math.max(trees.size, 5);
      const use = { requests: 1, tokens: step.tokens, cost: 0 };
      const ask: Ask = { tree, use, bound, joinedAt: granted };
      waiting.push(ask);
      pool.join(ask);
    } else if (step.move === 'leave') {
      const [ask] = waiting.splice(step.nth % Math.max(waiting.length, 1), 1);
      if (ask !== undefined && !pool.leave(ask)) broken.push('one that waits is not known');
    } else if (step.move === 'free') free(step.nth);
    else if (step.move === 'report') free(step.nth, step.tokens);
    else if (step.move === 'refuse') pausedUntil = pool.refused(step.afterMs, now);
    else if (step.move === 'time') now += step.ms;
    serve();
    if (pool.waiting !== waiting.length) broken.push('the count of those that wait is wrong');
  }
  // Everybody gives back what was granted, and time passes only as far as the pool says that it must.
  for (let turn = 0; waiting.length > 0 && turn < 10_000; turn++) {
    while (held.length > 0) free(0);
    serve();
    const next = pool.nextAt(now);
    if (held.length === 0 && waiting.length > 0) {
      if (next === null) break;
      if (next <= now) broken.push('it waits for what has come');
      now = Math.max(next, now + 1);
      serve();
    }
  }
  if (waiting.length > 0) broken.push(`${waiting.length} wait for ever`);
  return broken;
}

export type PermitMove = 'use' | 'give up' | 'die' | 'limited' | 'late';

export const permitPlans = fc.array(
  fc.array(fc.constantFrom<PermitMove>('use', 'use', 'give up', 'die', 'limited', 'late'), {
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 2, maxLength: 5 },
);

/** Agents that use, give up, die and are refused, in the order of the scheduler: the most that held at once, and who is left. */
export async function raceOfPermits(
  plan: readonly (readonly PermitMove[])[],
  scheduler: fc.Scheduler,
): Promise<{ readonly most: number; readonly left: object }> {
  const clock = manualClock();
  const keys = { model: { inFlight: 2, leaseMs: 1_000 } };
  const permits = new Permits({ keys, clock, telemetry: () => {}, longestWaitMs: null });
  let most = 0;
  let ids = 0;
  const look = (): void => {
    most = Math.max(most, permits.get('model').held);
  };
  const live = async (moves: readonly PermitMove[], agent: number): Promise<void> => {
    for (const [i, move] of moves.entries()) {
      const incarnation = i + 1;
      const run = `r${agent}`;
      const owner = { sessionId: 's', tree: `t${agent % 2}`, agent: { run, incarnation } };
      const abort = new AbortController();
      const permitId = `p${++ids}`;
      const request = { permitId, key: 'model', owner, tokens: 0, cost: 0 };
      const asked = permits.acquire(request, abort.signal).then(
        () => true,
        () => false,
      );
      look();
      await scheduler.schedule(Promise.resolve(), `${run} ${move}`);
      if (move === 'give up') abort.abort(new Error('enough'));
      if (move === 'die') {
        abort.abort(new Error('dead'));
        permits.endOf('s', run, incarnation);
      }
      look();
      const isGranted = await asked;
      await scheduler.schedule(Promise.resolve(), `${run} is on`);
      look();
      // One that is late is freed by its lease.
      if (isGranted && move !== 'late')
        permits.release(permitId, move === 'limited' ? { rateLimited: { retryAfterMs: 10 } } : {});
      look();
    }
  };
  const raced = Promise.all(plan.map(live));
  let isOver = false;
  void raced.then(() => {
    isOver = true;
  });
  for (let turn = 0; !isOver && turn < 1_000; turn++) {
    if (scheduler.count() > 0) await scheduler.waitOne();
    else await clock.advance(1_000);
  }
  await clock.advance(2_000);
  const { held, waiting } = permits.get('model');
  return { most, left: { held, waiting, isOver, timers: clock.pending } };
}
