// The short form of the agents harness: a real process whose agent is killed in the middle of its steps.
import { expect, test } from 'vitest';
import { agentsHarness } from '../torture/agents.ts';

test('an agent that is killed again and again ends as one that was left alone, and does no finished step twice', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { rows, broken } = await agentsHarness.run({
    cycles: undefined,
    short: true,
    seed,
    progress: () => {},
  });
  expect(broken, `seed ${seed}`).toEqual([]);
  expect(Object.fromEntries(rows)).toMatchObject({ 'approvals given while nobody ran': expect.any(Number) });
}, 120_000);
