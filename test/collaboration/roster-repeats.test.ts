// Giving out work twice under one key: what was not begun the first time is in somebody's hands the second time, and never in the
// hands of one who does not know.
import { expect, test } from 'vitest';
import { createTestSystem } from '../../src/testing/index.ts';
import { codeOf } from '../support/outcome.ts';

test('work that could not be begun is given out anew when the call is repeated, to a member that has it', async () => {
  await using system = await createTestSystem();
  const { sessions, roster, tasks } = system.client;
  for (const sessionId of ['desk', 'ann']) await sessions.create({ sessionId });
  await roster.join({ sessionId: 'ann', role: 'cook' });
  await tasks.create({ sessionId: 'desk', taskId: 'one', title: 'One' });
  const assign = () =>
    roster.assign({ sessionId: 'desk', taskId: 'one', role: 'cook' }, { idempotencyKey: 'give out one' });
  await tasks.pause({ sessionId: 'desk', taskId: 'one' });
  expect(await codeOf(assign())).toBe('TASK_TRANSITION');
  await tasks.resume({ sessionId: 'desk', taskId: 'one' });
  for (const { member, assignment } of [await assign(), await assign()]) {
    expect(member).toBe('ann');
    expect((await roster.get({ sessionId: 'ann' })).work?.assignment).toBe(assignment);
    expect((await tasks.get({ sessionId: 'desk', taskId: 'one' })).owner).toBe('ann');
  }
  await roster.complete({ sessionId: 'ann', result: 'done' });
  expect((await assign()).member).toBe('ann');
  expect((await tasks.get({ sessionId: 'desk', taskId: 'one' })).status).toBe('completed');
  expect((await roster.get({ sessionId: 'ann' })).status).toBe('idle');
});
