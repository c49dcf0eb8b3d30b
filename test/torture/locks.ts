// The locks harness: the laws of locks and roster against their models by random lives, locks in every order that a scheduler
// chooses, and processes that hold locks and are killed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { killHolders } from '../support/lock-kills.ts';
import { liveLocks, lockSteps } from '../support/lock-model.ts';
import { lockPlans, raceForLocks } from '../support/lock-races.ts';
import { liveRoster, rosterSteps } from '../support/roster-model.ts';
import { checkProperty } from './check-property.ts';
import type { Harness } from './harness.ts';

export const locksHarness: Harness = {
  name: 'locks',
  summary:
    'locks and roster: lives against their models (3,000 each), locks in any order (2,000), holders that are killed (20)',
  async run(options) {
    const { cycles, short, seed, progress } = options;
    const lives = cycles ?? (short ? 500 : 3_000);
    const races = cycles ?? (short ? 200 : 2_000);
    const kills = Math.min(cycles ?? 20, short ? 3 : 20);
    const counts = { granted: 0, refused: 0, sure: 0 };
    const raced = (done: () => void) =>
      fc.asyncProperty(lockPlans, fc.scheduler(), async (plan, scheduler) => {
        const { broken, granted, refused, sure } = await raceForLocks(plan, scheduler);
        done();
        counts.granted += granted;
        counts.refused += refused;
        counts.sure += sure;
        if (broken.length > 0) throw new Error(broken.join('; '));
      });
    const broken = [
      ...(await checkProperty(options, 'lives of locks', lives, (done) =>
        fc.property(lockSteps, (steps) => {
          liveLocks(steps);
          done();
        }),
      )),
      ...(await checkProperty(options, 'lives of rosters', lives, (done) =>
        fc.property(rosterSteps, (steps) => {
          liveRoster(steps);
          done();
        }),
      )),
      ...(await checkProperty(options, 'interleavings', races, raced)),
    ];
    progress(0, kills, 'kills');
    const location = await mkdtemp(join(tmpdir(), 'holdfast-locks-'));
    try {
      const killed = await killHolders(location, kills, seededRandom(seed));
      return {
        rows: [
          ['lives of locks, and of rosters', lives],
          ['interleavings', races],
          ['grants in them', counts.granted],
          ['writes by sure holders, all taken', counts.sure],
          ['writes under old tokens, all refused', counts.refused],
          ['kills of holders', kills],
          ['grants before them', killed.granted],
          ['locks that were held at a kill', killed.left],
        ],
        broken: [...broken, ...killed.broken],
      };
    } finally {
      await rm(location, { recursive: true });
    }
  },
};
