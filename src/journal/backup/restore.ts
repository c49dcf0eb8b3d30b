// A store from a backup, never in the place of one that is open: it is made and proven beside the place where it is to be, and takes
// that place at once when it is whole.
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HoldfastError, toError } from '../../base/errors.ts';
import { isWithin, realPlace } from '../../base/places.ts';
import { openLevelJournal } from '../open-level-journal.ts';
import type { AtRest, EncryptionKey } from '../store/value-envelope.ts';
import { type BackupFacts, damaged, readManifest } from './backup-manifest.ts';
import { unpaced } from './backup-pace.ts';
import { problemOf } from './backup-proof.ts';
import { loadBackup, readStreamEnds } from './backup-reader.ts';
import { failed, finishSwap, isSwapping, swapStores } from './restore-swap.ts';
import { isVacant, occupiedPlace, refused, somethingThere, VacantPlace } from './restored-place.ts';

export interface RestoreOptions {
  /** The folder of a backup. */
  readonly from: string;
  /** Where the store is to be: absent or empty, unless it is forced. */
  readonly to: string;
  /** Replaces the store that is there, of which a backup is made first. It must not be open. */
  readonly force?: boolean;
  /** Where that backup is put; beside the store, under its name and `-backups`, where it is not given. */
  readonly backupDirectory?: string;
  /** Those of the backup, and of the store that is replaced, where their values are encrypted. */
  readonly encryptionKeys?: readonly EncryptionKey[];
}

export interface RestoreReport {
  readonly streams: number;
  readonly events: number;
  /** Above that of the backup, and of the store that was replaced: whoever wrote there before is refused. */
  readonly epoch: number;
  readonly from: {
    readonly backupId: string;
    readonly createdAt: number;
    readonly feedPosition: number;
    readonly epoch: number;
    readonly storeId: string | null;
    /** Streams that were damaged in the store when the backup was made. */
    readonly damaged: BackupFacts['damaged'];
  };
  /** The folder of the backup of what was replaced. */
  readonly preRestoreBackup?: string;
  /** Where the replaced store is, when it could not be opened, so that no backup of it could be made. */
  readonly keptAside?: string;
}

/**
 * Throws `RESTORE_REFUSED` where something is at `to` and it is not forced, and where one of the places lies in another that is
 * read or replaced; `JOURNAL_LOCKED` while that is open, `JOURNAL_FOREIGN`
 * when it is no store, and `BACKUP_NOT_FOUND`, `BACKUP_DAMAGED`, `BACKUP_FORMAT` or `BACKUP_FAILED`; then nothing has changed.
 */
export async function restoreStore(options: RestoreOptions): Promise<RestoreReport> {
  const atRest: AtRest = { encryptionKeys: options.encryptionKeys ?? [] };
  const from = resolve(options.from);
  const to = resolve(options.to);
  const backups = resolve(options.backupDirectory ?? `${to}-backups`);
  await assertApart(from, to, backups);
  await finishSwap(to);
  const facts = await readManifest(from);
  const vacant = await isVacant(to);
  if (!vacant && options.force !== true) throw refused(to, somethingThere);
  const place = vacant ? new VacantPlace(to) : await occupiedPlace(to, atRest);
  const staged = `${to}.restored-${randomBytes(4).toString('hex')}`;
  const aside = `${to}.replaced-${randomBytes(4).toString('hex')}`;
  try {
    const preRestoreBackup = await place.backUp(backups, facts);
    const epoch = await stage(from, facts, staged, atRest, place.epoch);
    await place.hold();
    await swapStores(to, { staged, aside });
    await place.letGo(aside);
    if (vacant || preRestoreBackup !== undefined) await rm(aside, { recursive: true, force: true });
    const kept = vacant || preRestoreBackup !== undefined ? {} : { keptAside: aside };
    return {
      ...reportOf(facts, epoch),
      ...(preRestoreBackup !== undefined && { preRestoreBackup }),
      ...kept,
    };
  } catch (error) {
    // Once the swap is written down it will be done: what it needs is left to it.
    if (!(await isSwapping(to))) await rm(staged, { recursive: true, force: true });
    throw HoldfastError.is(error) ? error : failed(toError(error));
  } finally {
    await place.letGo();
  }
}

/** What lies in a backup would change it, and what lies in the place that is replaced would go with what was there. */
async function assertApart(from: string, to: string, backups: string): Promise<void> {
  const [backup, place, kept] = await Promise.all([realPlace(from), realPlace(to), realPlace(backups)]);
  if (isWithin(place, backup)) throw refused(to, 'it lies in the backup itself');
  if (isWithin(backup, place)) throw refused(to, 'the backup lies in it');
  if (isWithin(kept, place)) throw refused(to, 'backupDirectory lies in it');
  if (isWithin(kept, backup)) throw refused(to, 'backupDirectory lies in the backup itself');
}

/** The whole store at `staged`, read back from there; resolves to its epoch. */
async function stage(
  from: string,
  facts: BackupFacts,
  staged: string,
  atRest: AtRest,
  aboveEpoch: number,
): Promise<number> {
  const journal = await openLevelJournal(staged, {
    ...{ atRest, inherited: facts.envelope },
    load: (db) => loadBackup(db, from, facts, { durable: true, aboveEpoch }),
  });
  try {
    const known = new Set(facts.damaged.map(({ stream }) => stream));
    const counts = { streams: facts.damaged.length, events: 0 };
    for await (const end of readStreamEnds(from, facts)) {
      if (!known.has(end.stream)) counts.streams += 1;
      counts.events += end.seq - end.firstSeq + 1;
      const problem = await problemOf(journal, end, unpaced);
      if (problem !== undefined && !known.has(end.stream))
        throw damaged(facts.backupId, `${end.stream}: ${problem}`);
    }
    if (counts.streams !== facts.streams || counts.events !== facts.events)
      throw damaged(facts.backupId, 'it has not the streams that it says');
    return journal.epoch;
  } finally {
    await journal.close();
  }
}

function reportOf(facts: BackupFacts, epoch: number): RestoreReport {
  const { streams, events, backupId, createdAt, feedPosition, storeId } = facts;
  const from = { backupId, createdAt, feedPosition, epoch: facts.epoch, storeId, damaged: facts.damaged };
  return { streams, events, epoch, from };
}
