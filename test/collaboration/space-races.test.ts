// Many write one key at once, in every order that a scheduler chooses and through the whole system: nothing is lost, and what each
// saw fits into one order.
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createTestSystem } from '../../src/testing/test-system.ts';
import { whileTimePasses } from '../support/outcome.ts';
import { raceOfSwaps, swapPlans } from '../support/space-races.ts';
import { type CounterCall, counterModel, incrementBySwaps, judgeCounter } from '../support/space-writers.ts';

test('compare-and-swap, reads and increments of one key fit into one order, in whatever order they meet', async () => {
  const verdicts = new Set<string>();
  await fc.assert(
    fc.asyncProperty(swapPlans, fc.scheduler(), async (plan, scheduler) => {
      const { verdict, lost } = await raceOfSwaps(plan, scheduler);
      verdicts.add(verdict);
      expect([verdict, lost]).toEqual(['linearizable', 0]);
    }),
    { numRuns: 150 },
  );
  expect(verdicts.size).toBe(1);
});

test('16 writers who each change a number 200 times by compare-and-swap come to the exact sum', async () => {
  const system = await createTestSystem();
  onTestFinished(() => system.close());
  const { client, clock } = system;
  const { spaceId } = await client.spaces.create({});
  const calls: CounterCall[] = [];
  const run = incrementBySwaps({ client, spaceId, writers: 16, each: 200, timeoutMs: 3_600_000, calls });
  const { attempts } = await whileTimePasses(clock, run, 8);
  const { value } = await client.spaces.get({ spaceId, sessionId: 'w0', key: 'n' });
  expect(value).toBe(3_200);
  expect(attempts).toBeGreaterThan(3_200);
  expect(judgeCounter(calls)).toBe('linearizable');
});

test('increments that nobody has to try again come to the exact sum, over a death in the middle', async () => {
  const system = await createTestSystem();
  onTestFinished(() => system.close());
  const { spaceId } = await system.client.spaces.create({ policies: [{ key: 'n', policy: 'counter' }] });
  const sessions = Array.from({ length: 16 }, (_, i) => `w${i}`);
  for (const sessionId of sessions) {
    await system.client.sessions.create({ sessionId });
    await system.client.spaces.join({ spaceId, sessionId });
  }
  const round = (from: number) =>
    sessions.flatMap((sessionId) =>
      Array.from({ length: 50 }, (_, n) =>
        system.client.spaces.increment(
          { spaceId, sessionId, key: 'n' },
          { idempotencyKey: `${sessionId}-${from + n}` },
        ),
      ),
    );
  await Promise.all(round(0));
  // Some of these are on the disk when the process dies, none was answered: all are sent again.
  const dying = round(50);
  for (const call of dying) call.catch(() => undefined);
  await dying[100];
  await system.restart('kill');
  await Promise.all(round(50));
  expect((await system.client.spaces.get({ spaceId, sessionId: 'w0', key: 'n' })).value).toBe(1_600);
  expect(await system.client.spaces.verify({ spaceId })).toMatchObject({ ok: true });
});

test('an update that is never let through ends with what stood in its way, when its time is over', async () => {
  const system = await createTestSystem();
  onTestFinished(() => system.close());
  const { client, clock } = system;
  const { spaceId } = await client.spaces.create({});
  await client.sessions.create({ sessionId: 'a' });
  await client.spaces.join({ spaceId, sessionId: 'a' });
  const other = (): Promise<unknown> => client.spaces.increment({ spaceId, sessionId: 'a', key: 'k' });
  let asked = 0;
  const call = client.spaces.update({ spaceId, sessionId: 'a', key: 'k', timeoutMs: 500 }, (value) => {
    asked += 1;
    void other();
    return Number(value ?? 0) + 1;
  });
  const outcome = await whileTimePasses(
    clock,
    call.then(
      () => 'answered',
      ({ code }) => code,
    ),
    50,
  );
  expect(outcome).toBe('VERSION_CONFLICT');
  expect(asked).toBeGreaterThan(3);
  const abort = new AbortController();
  abort.abort(new Error('enough'));
  const ended = client.spaces.update({ spaceId, sessionId: 'a', key: 'k', signal: abort.signal }, () => 1);
  await expect(ended).rejects.toThrow('enough');
});

test('the judge of these histories finds a lost update that is planted', () => {
  const call = (input: CounterCall['input'], at: number, output: CounterCall['output']): CounterCall => ({
    ...{ input, output, calledAt: at, returnedAt: at + 1 },
  });
  const lost = [call({ swap: [0, 1] }, 0, true), call({ swap: [0, 1] }, 2, true), call('read', 4, 1)];
  expect(judgeCounter(lost)).toBe('violated');
  expect(counterModel.initial).toBe(0);
});
