// Retention is a function of times: one backup of each bucket stays, and the newest ones always.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AgedBackup,
  type BackupRetention,
  defaultRetention,
  expiredBackups,
} from '../../src/jobs/backup-retention.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const start = Date.UTC(2026, 0, 1);

const aged = fc
  .array(
    fc.record({ createdAt: fc.integer({ min: start, max: start + 800 * dayMs }), whole: fc.boolean() }),
    { size: 'max', maxLength: 300 },
  )
  .map((list) => list.map((backup, i): AgedBackup => ({ ...backup, backupId: `b${i}` })));
const counts = fc.integer({ min: 0, max: 30 });
const retention: fc.Arbitrary<BackupRetention> = fc.record({
  hourly: counts,
  daily: counts,
  weekly: counts,
  monthly: counts,
});

const keptOf = (backups: readonly AgedBackup[], policy: BackupRetention): readonly AgedBackup[] => {
  const expired = new Set(expiredBackups(backups, policy));
  return backups.filter(({ backupId }) => !expired.has(backupId));
};

describe('for any backups and any retention', () => {
  test('the newest stays, and the newest in which nothing is damaged', () => {
    fc.assert(
      fc.property(aged, retention, (backups, policy) => {
        const kept = keptOf(backups, policy);
        const newest = Math.max(...backups.map(({ createdAt }) => createdAt));
        expect(kept.some(({ createdAt }) => createdAt === newest)).toBe(backups.length > 0);
        const whole = backups.filter((backup) => backup.whole).map(({ createdAt }) => createdAt);
        expect(kept.some((backup) => backup.whole && backup.createdAt === Math.max(...whole))).toBe(
          whole.length > 0,
        );
      }),
    );
  });

  test('every one of the newest days has a backup, as long as days are kept', () => {
    fc.assert(
      fc.property(aged, retention, (backups, policy) => {
        const dayOf = ({ createdAt }: AgedBackup): number => Math.floor(createdAt / dayMs);
        const days = [...new Set(backups.map(dayOf))].sort((a, b) => b - a).slice(0, policy.daily);
        const kept = new Set(keptOf(backups, policy).map(dayOf));
        expect(days.filter((day) => !kept.has(day))).toEqual([]);
      }),
    );
  });

  test('no more stay than were asked for, but for the newest ones', () => {
    fc.assert(
      fc.property(aged, retention, (backups, policy) => {
        const { hourly, daily, weekly, monthly } = policy;
        expect(keptOf(backups, policy).length).toBeLessThanOrEqual(hourly + daily + weekly + monthly + 2);
      }),
    );
  });

  test('deciding again on what stayed changes nothing', () => {
    fc.assert(
      fc.property(aged, retention, (backups, policy) => {
        expect(expiredBackups(keptOf(backups, policy), policy)).toEqual([]);
      }),
    );
  });
});

test('made every hour for more than a year, the default keeps a day of hours, a week of days, four weeks and twelve months', () => {
  let kept: AgedBackup[] = [];
  for (let at = start; at < start + 400 * dayMs; at += hourMs) {
    kept.push({ backupId: String(at), createdAt: at, whole: true });
    const expired = new Set(expiredBackups(kept, defaultRetention));
    kept = kept.filter(({ backupId }) => !expired.has(backupId));
  }
  const ages = kept.map(({ createdAt }) => (start + 400 * dayMs - createdAt) / dayMs).sort((a, b) => a - b);
  expect(ages.filter((days) => days <= 1).length).toBe(24);
  expect(ages.filter((days) => days <= 7).length).toBeGreaterThanOrEqual(24 + 6);
  expect(ages.filter((days) => days <= 30).length).toBeGreaterThanOrEqual(24 + 6 + 2);
  expect(ages.at(-1)).toBeGreaterThan(300);
  expect(kept.length).toBeLessThanOrEqual(24 + 7 + 4 + 12);
});
