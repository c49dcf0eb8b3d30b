// The short form of the power harness: real processes, a real LevelDB, files cut to what was synced of them.
import { expect, test } from 'vitest';
import { compiledShim, powerHarness } from '../torture/power.ts';

const canRun = compiledShim() !== undefined;
if (!canRun) console.warn('The loss of power is not tried: it needs Linux and a C compiler, cc.');

test.skipIf(!canRun)(
  'nothing that was acknowledged is lost with the power, and a disk that lies is seen to lie',
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const { rows, broken } = await powerHarness.run({ cycles: 8, short: true, seed, progress: () => {} });
    expect(broken, `seed ${seed}`).toEqual([]);
    expect(Object.fromEntries(rows)).toMatchObject({ cycles: 8, 'acknowledged and lost': 0 });
  },
  120_000,
);
