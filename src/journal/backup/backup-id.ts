// The names of backups: made here, from the time and chance, and checked wherever one comes in. No other name is ever joined to a path.
import { randomBytes } from 'node:crypto';
import { HoldfastError, textOrType } from '../../base/errors.ts';

const pattern = /^\d{8}T\d{9}Z-[0-9a-f]{8}$/;

/** What stands beside a backup while it is made, once it was found damaged, and while it is proven. */
export const backupSuffixes = { unfinished: '.tmp', failed: '.failed', scratch: '.scratch' } as const;

/** In the order of time, and never the same twice. */
export function newBackupId(now: number): string {
  const time = new Date(now).toISOString().replace(/[-:.]/g, '');
  return `${time}-${randomBytes(4).toString('hex')}`;
}

export const isBackupId = (name: string): boolean => pattern.test(name);

/** Returns the id, or throws `INVALID_ID`. */
export function assertBackupId(value: unknown): string {
  if (typeof value === 'string' && isBackupId(value)) return value;
  throw new HoldfastError('INVALID_ID', {
    value: textOrType(value),
    problem: 'a backup is named as backups.create and backups.list name it',
  });
}
