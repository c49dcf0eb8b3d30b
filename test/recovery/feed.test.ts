// What follows the feed catches up to exactly what the journals hold: the campaign in its short form.
import { expect, test } from 'vitest';
import { feedHarness } from '../torture/feed.ts';

test('a projection and a process manager that die between any two writes miss nothing and do nothing twice', async () => {
  const { broken, rows } = await feedHarness.run({
    cycles: undefined,
    short: true,
    seed: 11,
    progress: () => {},
  });
  expect(broken, JSON.stringify(rows)).toEqual([]);
});
