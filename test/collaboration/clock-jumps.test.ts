// A clock that is set back or forward lengthens no lease, lock, permit, offer: each is over when so much time has passed as it was
// given for, however the clock was set while it was running, before it was given, and while nobody ran.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const spanMs = 60_000;

/** Something that is held for `spanMs`, and then is not. */
interface Held {
  isHeld(system: TestSystem): Promise<boolean>;
  /** Holds it anew from now on; undefined where that cannot be. */
  readonly renew?: (system: TestSystem) => Promise<unknown>;
  /** Gone with the process. */
  readonly isVolatile?: boolean;
}

const a = { sessionId: 'a' };

const kinds: Record<string, (system: TestSystem) => Promise<Held>> = {
  async lock({ client }) {
    const held = { ...a, name: 'file' };
    const { fencingToken } = await client.locks.acquire({ ...held, ttlMs: spanMs });
    return {
      isHeld: async (system) => (await system.client.locks.get({ name: 'file' })).holder !== null,
      renew: (system) => system.client.locks.renew({ ...held, fencingToken, ttlMs: spanMs }),
    };
  },
  async 'lease of a member'({ client }) {
    await client.roster.join({ ...a, role: 'worker', liveness: 'lease', leaseMs: spanMs });
    return {
      isHeld: async (system) => (await system.client.roster.list({ status: 'dead' })).items.length === 0,
      renew: (system) => system.client.roster.heartbeat(a),
    };
  },
  async 'lease of a task'({ client }) {
    const { taskId } = await client.tasks.create({ ...a, title: 'one' });
    const { epoch } = await client.tasks.claim({ ...a, taskId, owner: 'anna', leaseMs: spanMs });
    return {
      isHeld: async (system) => (await system.client.tasks.get({ ...a, taskId })).status === 'in_progress',
      renew: (system) => system.client.tasks.progress({ ...a, taskId, epoch, leaseMs: spanMs }),
    };
  },
  async 'offer of a session'({ client }) {
    const { handoffId } = await client.handoffs.offer({
      ...{ ...a, to: { sessionId: 'b' }, kind: 'full_handoff', deadlineMs: spanMs },
    });
    return {
      isHeld: async (system) => (await system.client.handoffs.get({ ...a, handoffId })).status === 'pending',
    };
  },
  async permit({ client }) {
    await client.permits.acquire({ ...a, key: 'model', leaseMs: spanMs });
    return {
      isHeld: async (system) => (await system.client.permits.get({ key: 'model' })).held > 0,
      isVolatile: true,
    };
  },
};

type Step =
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'set'; readonly byMs: number }
  | { readonly do: 'renew' | 'close' | 'kill' };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 1, max: spanMs / 3 }).map((ms) => ({ do: 'pass' as const, ms })),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: -3_600_000, max: 3_600_000 }).map((byMs) => ({ do: 'set' as const, byMs })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ do: 'renew' as const }, { do: 'close' as const }, { do: 'kill' as const }),
  },
);

/** What is held after these steps is over in time, and not before its time where nobody set the clock forward. */
async function lives(
  kind: keyof typeof kinds,
  before: readonly number[],
  steps: readonly Step[],
): Promise<void> {
  await using system = await createTestSystem({ permits: { model: { inFlight: 1 } } });
  const { clock, client } = system;
  for (const sessionId of ['a', 'b']) await client.sessions.create({ sessionId });
  for (const byMs of before) {
    clock.set(clock.now() + byMs);
    await client.memory.set({ ...a, key: 'k', value: byMs });
  }
  const held = await (kinds[kind] as (typeof kinds)[string])(system);
  let [leftMs, wasSetForward] = [spanMs, false];
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await quiet(30);
    leftMs -= ms;
  };
  for (const step of steps) {
    if (step.do === 'pass') {
      if (step.ms < leftMs) await pass(step.ms);
      else continue;
      if (!wasSetForward) expect(await held.isHeld(system)).toBe(true);
    } else if (step.do === 'set') {
      clock.set(clock.now() + step.byMs);
      wasSetForward ||= step.byMs > 0;
    } else if (step.do === 'renew') {
      if (held.renew === undefined || !(await held.isHeld(system))) continue;
      // What a clock that was set forward has ended may not have been noticed.
      if ((await codeOf(held.renew(system))) !== 'answered') continue;
      [leftMs, wasSetForward] = [spanMs, false];
    } else if (held.isVolatile !== true) {
      await system.restart(step.do);
      await quiet(30);
      // Of the time before nobody knows how much has passed.
      [leftMs, wasSetForward] = [spanMs, true];
    }
  }
  await pass(Math.max(leftMs, 0));
  expect(await held.isHeld(system)).toBe(false);
}

for (const kind of Object.keys(kinds))
  test(`a ${kind} is over in its time, however the clock is set`, async () => {
    const jumps = fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(jumps, fc.array(anyStep, { maxLength: 8 }), (before, steps) =>
        lives(kind, before, steps),
      ),
      { numRuns: 40, seed: 11 },
    );
  });

test('what is to be at a time that the clock shows is then, whatever else ends in the same stream', async () => {
  await using system = await createTestSystem();
  const { clock, client } = system;
  await client.sessions.create(a);
  await client.tasks.create({ ...a, taskId: 'leased', title: 'one', retry: { maxAttempts: 1 } });
  clock.set(clock.now() - 3_600_000);
  const minuteMs = 60_000;
  await client.tasks.create({ ...a, taskId: 'dated', title: 'two', deadlineAt: clock.now() + 10 * minuteMs });
  await client.tasks.claim({ ...a, taskId: 'leased', owner: 'anna', leaseMs: minuteMs });
  const statuses = async (): Promise<string[]> =>
    Promise.all(['leased', 'dated'].map(async (taskId) => (await client.tasks.get({ ...a, taskId })).status));
  const pass = async (ms: number): Promise<string[]> => {
    await clock.advance(ms);
    await quiet(30);
    return statuses();
  };
  expect(await pass(minuteMs - 1)).toEqual(['in_progress', 'pending']);
  expect(await pass(1)).toEqual(['failed', 'pending']);
  expect(await pass(9 * minuteMs - 1)).toEqual(['failed', 'pending']);
  expect(await pass(1)).toEqual(['failed', 'failed']);
});

test('a member is heard of, and late, by the time that has passed', async () => {
  await using system = await createTestSystem();
  const { clock, client } = system;
  await client.sessions.create(a);
  await client.roster.join({ ...a, role: 'worker', liveness: 'lease', leaseMs: spanMs });
  clock.set(clock.now() - 3_600_000);
  await clock.advance(spanMs / 2 + 1);
  expect((await client.roster.get(a)).health).toBe('late');
  await client.messages.send({ ...a, role: 'user', content: 'still here' });
  await quiet(30);
  expect((await client.roster.get(a)).health).toBe('healthy');
  await clock.advance(spanMs - 1);
  await quiet(30);
  expect((await client.roster.list({ status: 'dead' })).items).toEqual([]);
});

test('a lock is checked by the time that has passed', async () => {
  await using system = await createTestSystem();
  const { clock, client } = system;
  await client.sessions.create(a);
  const { fencingToken } = await client.locks.acquire({ ...a, name: 'file', ttlMs: spanMs });
  const check = () => codeOf(client.locks.check({ name: 'file', fencingToken }));
  clock.set(clock.now() - 3_600_000);
  await clock.advance(spanMs - 1);
  expect(await check()).toBe('answered');
  await clock.advance(1);
  expect(await check()).toBe('LOCK_TOKEN_STALE');
});

test('a lease that is given once the clock was set back is not cut short by what was waited for before', async () => {
  await using system = await createTestSystem();
  const { clock } = system;
  await system.client.sessions.create(a);
  const hourMs = 3_600_000;
  await system.client.tasks.create({ ...a, title: 'dated', deadlineAt: clock.now() + hourMs + spanMs / 2 });
  await system.client.tasks.create({ ...a, taskId: 'leased', title: 'one' });
  await clock.advance(hourMs);
  await system.restart('close');
  clock.set(clock.now() - hourMs);
  await system.client.tasks.claim({ ...a, taskId: 'leased', owner: 'anna', leaseMs: spanMs });
  const pass = async (ms: number): Promise<string> => {
    await clock.advance(ms);
    await quiet(30);
    return (await system.client.tasks.get({ ...a, taskId: 'leased' })).status;
  };
  expect(await pass(spanMs - 1)).toBe('in_progress');
  expect(await pass(1)).toBe('pending');
});

test('an offer out of a time that the clock does not show ends, also when the clock is set on a little', async () => {
  await using system = await createTestSystem();
  const { clock } = system;
  for (const sessionId of ['a', 'b']) await system.client.sessions.create({ sessionId });
  const offer = { ...a, to: { sessionId: 'b' }, kind: 'full_handoff', deadlineMs: spanMs } as const;
  const { handoffId } = await system.client.handoffs.offer(offer);
  clock.set(clock.now() - 365 * 24 * 3_600_000);
  await system.restart('close');
  clock.set(clock.now() + spanMs / 2);
  await system.client.sessions.create({ sessionId: 'c' });
  await clock.advance(spanMs);
  await quiet(30);
  expect((await system.client.handoffs.get({ ...a, handoffId })).status).toBe('expired');
});
