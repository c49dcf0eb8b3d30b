// Looking a store or a backup through before it is opened by another version, for a process that has none open: the work is loaded when
// it is needed.
import type { DoctorOptions, DoctorReport } from './doctor-report.ts';
import { assertGiven, assertText, type Members } from './given.ts';

export type {
  DoctorOptions,
  DoctorProgress,
  DoctorReport,
  MissingAgent,
  SessionDifference,
  SessionFailure,
} from './doctor-report.ts';

const members: Members<DoctorOptions> = {
  ...{ location: 'optional', backup: 'optional', agents: 'optional', onProgress: 'optional' },
  ...{ signal: 'optional', repair: 'optional', encryptionKeys: 'optional', limit: 'optional' },
};

/**
 * Says what this version of the library makes of a store: every session is loaded from its newest snapshot and replayed from its first
 * event, and the states are compared. No session is started, nothing is raised, and nothing is written but what opening writes.
 *
 * @throws HoldfastError `JOURNAL_OPEN_FAILED` where there is no store, `JOURNAL_LOCKED` while it is open, `JOURNAL_FORMAT` when it is newer
 * than this version, `JOURNAL_READ_ONLY`, `JOURNAL_DAMAGED`; `BACKUP_NOT_FOUND`, `BACKUP_DAMAGED`, `BACKUP_FORMAT` and
 * `BACKUP_FAILED` for a backup
 */
export async function doctor(options: DoctorOptions): Promise<DoctorReport> {
  assertGiven('doctor', options, members);
  const { location, backup } = options;
  if ((location === undefined) === (backup === undefined))
    throw new TypeError('doctor: give the location of a store or the folder of a backup');
  assertText('doctor', backup === undefined ? 'location' : 'backup', location ?? backup);
  const { examineBackup, examineLocation } = await import('./closed-store.ts');
  return backup === undefined ? examineLocation(location ?? '', options) : examineBackup(backup, options);
}
