// The short form of the kill harness: real processes, real files, real kills.
import { expect, test } from 'vitest';
import { killHarness } from '../torture/kill.ts';

test('nothing that was acknowledged is lost, doubled or altered, whenever the process is killed', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { rows, broken } = await killHarness.run({
    cycles: undefined,
    short: true,
    seed,
    progress: () => {},
  });
  expect(broken, `seed ${seed}`).toEqual([]);
  expect(Object.fromEntries(rows)).toMatchObject({ cycles: 20, kills: 20 });
}, 120_000);
