// What one session asks of one space takes effect in the order in which it was sent, awaited or not.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTestSystem, type TestSystem } from '../../src/testing/test-system.ts';
import { codeOf, quiet } from '../support/outcome.ts';

const plan = { spaceId: 'plan', sessionId: 'a' } as const;

async function world(): Promise<TestSystem> {
  const system = await createTestSystem();
  for (const sessionId of ['a', 'b']) await system.client.sessions.create({ sessionId });
  return system;
}

const notesOf = async ({ disk }: TestSystem): Promise<string[]> =>
  (await disk.data.keys().all()).map(String).filter((key) => key.includes('spaces/of/'));

const isMember = async ({ client }: TestSystem): Promise<boolean> =>
  (await client.spaces.members({ spaceId: 'plan' })).items.some(({ sessionId }) => sessionId === 'a');

test('a session that joins and leaves without a pause is not in the space, and the other way round it is', async () => {
  await using system = await world();
  const { spaces } = system.client;
  await spaces.create({ spaceId: 'plan' });
  await Promise.all([spaces.join(plan), spaces.leave(plan)]);
  expect([await isMember(system), await notesOf(system)]).toEqual([false, []]);
  await Promise.all([spaces.join(plan), spaces.leave(plan), spaces.join(plan)]);
  expect([await isMember(system), (await notesOf(system)).length]).toEqual([true, 1]);
  await system.client.sessions.terminate({ sessionId: 'a', cleanup: true });
  await quiet(60);
  expect(await isMember(system)).toBe(false);
});

test('what is written between a joining and a leaving is written, and nothing behind it', async () => {
  await using system = await world();
  const { spaces } = system.client;
  const calls = [
    spaces.create(plan),
    spaces.join(plan),
    spaces.set({ ...plan, key: 'k', value: 1 }),
    spaces.set({ ...plan, key: 'k', value: 2, baseVersion: 0 }),
    spaces.increment({ ...plan, key: 'k' }),
    spaces.leave(plan),
    spaces.set({ ...plan, key: 'k', value: 3 }),
  ];
  const outcomes = await Promise.all(calls.map(codeOf));
  expect(outcomes).toEqual([...Array.from({ length: 6 }, () => 'answered'), 'NOT_A_MEMBER']);
  const b = { spaceId: 'plan', sessionId: 'b' };
  await spaces.join(b);
  expect((await spaces.get({ ...b, key: 'k' })).value).toBe(3);
});

type Step = 'join' | 'leave' | 'set' | 'based' | 'rollback';

test('whatever is sent without a pause, it comes to what it comes to one after the other', async () => {
  const steps = fc.array(fc.constantFrom<Step>('join', 'leave', 'set', 'based', 'rollback'), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (sent) => {
      const came = await Promise.all([true, false].map((isAwaited) => lived(sent, isAwaited)));
      expect(came[1]).toEqual(came[0]);
    }),
    { numRuns: 30, seed: 7 },
  );
});

async function lived(steps: readonly Step[], isAwaited: boolean): Promise<unknown> {
  await using system = await world();
  const { spaces } = system.client;
  await spaces.create({ spaceId: 'plan' });
  const b = { spaceId: 'plan', sessionId: 'b' };
  await spaces.join(b);
  const { version } = await spaces.set({ ...b, key: 'k', value: 'first' });
  const key = 'k';
  const asked: Record<Step, (n: number) => Promise<unknown>> = {
    join: () => spaces.join(plan),
    leave: () => spaces.leave(plan),
    set: (n) => spaces.set({ ...plan, key, value: n }),
    based: (n) => spaces.set({ ...plan, key, value: n, baseVersion: version }),
    rollback: () => spaces.rollback({ ...plan, key, version }),
  };
  const outcomes: Promise<string>[] = [];
  for (const [n, step] of steps.entries()) {
    const outcome = codeOf(asked[step](n));
    outcomes.push(outcome);
    if (isAwaited) await outcome;
  }
  const ended = await Promise.all(outcomes);
  const { value } = await spaces.get({ ...b, key });
  return { ended, value, isIn: await isMember(system), notes: await notesOf(system) };
}

test('what a session owns goes with it, also when it tried to leave it', async () => {
  await using system = await world();
  const { spaces, sessions } = system.client;
  const { spaceId } = await spaces.open({ sessionId: 'a', scope: 'session' });
  await spaces.leave({ spaceId, sessionId: 'a' });
  await sessions.terminate({ sessionId: 'a', cleanup: true });
  await quiet(60);
  expect(await codeOf(spaces.info({ spaceId }))).toBe('SPACE_NOT_FOUND');
});
