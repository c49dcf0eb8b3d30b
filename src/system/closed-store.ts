// A store that nobody serves, opened for a job: it is there, or it is refused, and it is closed whatever becomes of the job.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HoldfastError } from '../base/errors.ts';
import { restoreStore } from '../journal/backup/restore.ts';
import { finishSwap } from '../journal/backup/restore-swap.ts';
import type { LevelJournal } from '../journal/level-journal.ts';
import { openLevelJournal } from '../journal/open-level-journal.ts';
import { isStore } from '../journal/store/store-directory.ts';
import type { DoctorOptions, DoctorReport } from './doctor-report.ts';
import { examineStore } from './examination.ts';
import { ownVersions } from './store-laws.ts';

/** Opening makes a store where none is, which nobody who wants to look at one has asked for. */
export async function withStore<T>(
  location: string,
  { repair = 'refuse', encryptionKeys = [] }: Pick<DoctorOptions, 'repair' | 'encryptionKeys'>,
  job: (journal: LevelJournal) => Promise<T>,
): Promise<T> {
  await finishSwap(location);
  if (!(await isStore(location)))
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: 'there is no store' });
  const gate = { supported: ownVersions, upgrade: 'auto' } as const;
  // Nothing is put beside a store that is only looked at.
  const journal = await openLevelJournal(location, {
    repair,
    gate,
    reserveBytes: 0,
    atRest: { encryptionKeys },
  });
  try {
    return await job(journal);
  } finally {
    await journal.close();
  }
}

export function examineLocation(
  location: string,
  { agents = [], onProgress, signal, limit, ...opening }: DoctorOptions,
): Promise<DoctorReport> {
  const names = new Set(Array.isArray(agents) ? (agents as readonly string[]) : Object.keys(agents));
  const hasAgent = (agent: string): boolean => names.has(agent);
  return withStore(location, opening, (journal) =>
    examineStore(journal, { hasAgent, onProgress, signal, limit }),
  );
}

export async function examineBackup(from: string, options: DoctorOptions): Promise<DoctorReport> {
  const scratch = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'));
  try {
    const to = join(scratch, 'store');
    await restoreStore({ from, to, encryptionKeys: options.encryptionKeys ?? [] });
    return await examineLocation(to, options);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
