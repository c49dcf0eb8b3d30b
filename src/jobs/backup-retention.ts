// Which backups may go: of each of the newest hours, days, weeks and months one stays. Pure: data in, names out.

/** How many hours, days, weeks and months keep one backup each. Buckets without a backup are not counted. */
export interface BackupRetention {
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

/** A day by the hour, a week by the day, a month by the week, a year by the month. */
export const defaultRetention: BackupRetention = { hourly: 24, daily: 7, weekly: 4, monthly: 12 };

/** A backup that retention may decide on: it was proven once. */
export interface AgedBackup {
  readonly backupId: string;
  readonly createdAt: number;
  /** True when no stream of it is damaged. */
  readonly whole: boolean;
}

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

/** In UTC; a week begins on Monday, as 1970-01-05 did. */
const buckets: Readonly<Record<keyof BackupRetention, (at: number) => number>> = {
  hourly: (at) => Math.floor(at / hourMs),
  daily: (at) => Math.floor(at / dayMs),
  weekly: (at) => Math.floor((at / dayMs + 3) / 7),
  monthly: (at) => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth(),
};

/** The ids that may go. The newest backup never is among them, nor the newest in which nothing is damaged. */
export function expiredBackups(
  backups: readonly AgedBackup[],
  retention: BackupRetention,
): readonly string[] {
  const newestFirst = [...backups].sort((a, b) => b.createdAt - a.createdAt || compare(b, a));
  const kept = new Set<AgedBackup | undefined>([newestFirst[0], newestFirst.find(({ whole }) => whole)]);
  for (const [name, bucketOf] of Object.entries(buckets)) {
    const seen = new Set<number>();
    for (const backup of newestFirst) {
      const bucket = bucketOf(backup.createdAt);
      if (seen.has(bucket)) continue;
      if (seen.size >= retention[name as keyof BackupRetention]) break;
      seen.add(bucket);
      kept.add(backup);
    }
  }
  return newestFirst.filter((backup) => !kept.has(backup)).map(({ backupId }) => backupId);
}

const compare = (a: AgedBackup, b: AgedBackup): number => (a.backupId < b.backupId ? -1 : 1);
