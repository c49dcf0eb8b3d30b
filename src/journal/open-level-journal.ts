// A journal in a directory: preflight, LevelDB, and this process's claim on it, in that order.
import { Level } from 'level';
import { HoldfastError, toError } from '../base/errors.ts';
import { LevelJournal, type LevelJournalOptions } from './level-journal.ts';
import type { OpenStore, Store } from './level-store.ts';
import { syncLogs } from './log-files.ts';
import { prepareDirectory } from './store-directory.ts';

/**
 * Opens the journal in `location`, a directory that is new, empty, or was made by this function.
 * Throws `JOURNAL_LOCKED`, `JOURNAL_READ_ONLY`, `JOURNAL_FOREIGN`, `JOURNAL_FORMAT` or `JOURNAL_OPEN_FAILED`.
 */
export async function openLevelJournal(
  location: string,
  options: Omit<LevelJournalOptions, 'open' | 'onClosed' | 'syncWritten'> = {},
): Promise<LevelJournal> {
  const directory = await prepareDirectory(location);
  let createIfMissing = directory.isNew;
  const open: OpenStore = async () => {
    const db = await openDatabase(directory.database, location, createIfMissing);
    createIfMissing = false;
    return db;
  };
  const onClosed = (): Promise<void> => directory.release();
  const syncWritten = (): Promise<void> => syncLogs(directory.database);
  const journal = await coded(location, () => LevelJournal.open({ ...options, open, onClosed, syncWritten }));
  try {
    await coded(location, () => directory.claim());
  } catch (error) {
    await journal.close().catch(() => undefined);
    throw error;
  }
  return journal;
}

/** What the disk refuses while a journal is being opened, in the house's words. */
async function coded<T>(location: string, job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    if (HoldfastError.is(error)) throw error;
    const cause = toError(error);
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  }
}

async function openDatabase(database: string, location: string, createIfMissing: boolean): Promise<Store> {
  const db = new Level<string, string>(database, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    createIfMissing,
  });
  try {
    await db.open();
    return db as unknown as Store;
  } catch (error) {
    const cause = toError(toError(error).cause ?? error);
    if ('code' in cause && cause.code === 'LEVEL_LOCKED')
      throw new HoldfastError('JOURNAL_LOCKED', { location }, { cause });
    throw new HoldfastError('JOURNAL_OPEN_FAILED', { location, problem: cause.message }, { cause });
  }
}
