// A few hundred sessions, some of them killed by every route: the short form of the isolation campaign.
import { expect, test } from 'vitest';
import { isolationHarness } from '../torture/isolation.ts';

test('however sessions are killed, the others miss nothing, and they come back with all that was acknowledged', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { rows, broken } = await isolationHarness.run({
    cycles: undefined,
    short: true,
    seed,
    progress: () => {},
  });
  expect(broken, `seed ${seed}`).toEqual([]);
  expect(Object.fromEntries(rows)).toMatchObject({ sessions: 300, 'left alone': 256 });
}, 60_000);
