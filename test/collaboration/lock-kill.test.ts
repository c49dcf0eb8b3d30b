// A process that holds locks is killed: each of them is held on by its session, goes to whoever waited, or is over in its time.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { killHolders } from '../support/lock-kills.ts';

test('no lock strands in a process that is killed, and no token comes back', async () => {
  const location = await mkdtemp(join(tmpdir(), 'holdfast-locks-'));
  onTestFinished(() => rm(location, { recursive: true }));
  const { broken, granted, left } = await killHolders(location, 1, seededRandom(7));
  expect(broken).toEqual([]);
  expect(granted).toBeGreaterThan(10);
  expect(left).toBeGreaterThan(0);
});
