// The short form of the poison harness: real processes, killed while they fold what they cannot fold.
import { expect, test } from 'vitest';
import { poisonHarness } from '../torture/poison.ts';

test('healthy sessions serve before anything is tried, and what killed processes ends quarantined and readable', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { rows, broken } = await poisonHarness.run({
    ...{ cycles: undefined, short: true, seed, progress: () => {} },
  });
  expect(broken, `seed ${seed}`).toEqual([]);
  expect(Object.fromEntries(rows)).toMatchObject({ healthy: 50, poisoned: 2, killed: 2, before: 0 });
}, 120_000);
